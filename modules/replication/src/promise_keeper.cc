#include "promise_keeper.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/log.h"
#include "kontor/replication/folder_look.h"
#include "kontor/replication/marker.h"

namespace kontor::replication {

namespace {

// Each record lies within a sector of its own, so it is never torn.
constexpr std::string_view kFolderMagic = "KONTORPR", kStartMagic = "KONTORMK", kMemberMagic = "KONTORMM",
                           kLogMagic = "KONTORML", kVoteMagic = "KONTORMV";
constexpr std::uint32_t kVersion = 1;
// The member record shares the sector of the first one, and is written and synced with it.
constexpr std::uint64_t kStartAt = 0, kMemberAt = 64, kLogAt = 4096, kVoteAt = 8192;
constexpr std::size_t kPairBytes = 32;   // magic, version, two numbers, CRC
constexpr std::size_t kStartBytes = 48;  // magic, version, generation, node, cluster, CRC
constexpr std::uint64_t kMarkerBytes = kVoteAt + kPairBytes;

std::string sealed(std::string bytes) {
    put_le(bytes, crc32c(bytes));
    return bytes;
}

std::string pair_record(std::string_view magic, std::uint64_t first, std::uint64_t second) {
    std::string bytes(magic);
    put_le(bytes, kVersion);
    put_le(bytes, first);
    put_le(bytes, second);
    return sealed(std::move(bytes));
}

std::string start_record(std::uint64_t generation, const NodeState& owner) {
    std::string bytes(kStartMagic);
    put_le(bytes, kVersion);
    put_le(bytes, generation);
    put_le(bytes, owner.node_id);
    bytes.append(owner.cluster.data(), owner.cluster.size());
    return sealed(std::move(bytes));
}

bool is_whole(std::string_view bytes, std::string_view magic, std::size_t size) {
    return bytes.size() == size && bytes.starts_with(magic) &&
           get_le<std::uint32_t>(bytes.substr(8)) == kVersion &&
           get_le<std::uint32_t>(bytes.substr(size - 4)) == crc32c(bytes.substr(0, size - 4));
}

struct Pair {
    std::uint64_t first = 0, second = 0;
};
Result<std::optional<Pair>> read_pair(const File& file, std::uint64_t offset, std::string_view magic) {
    KONTOR_TRY(const std::string bytes, read_at(file, offset, kPairBytes));
    if (!is_whole(bytes, magic, kPairBytes)) return std::optional<Pair>{};
    const std::string_view view(bytes);
    return std::optional(
        Pair{get_le<std::uint64_t>(view.substr(12)), get_le<std::uint64_t>(view.substr(20))});
}

bool is_there(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0 || errno != ENOENT;
}

// Any record shows it, so that a damaged one counts. After a power cut there may be nothing but zeros.
Result<bool> is_marker(const File& file) {
    KONTOR_TRY(const std::uint64_t size, size_of(file));
    if (size > kMarkerBytes) return false;
    const auto bytes = read_at(file, 0, kMarkerBytes);
    if (!bytes) return fail(bytes.error());
    const std::string_view view(*bytes);
    const auto has = [view](std::uint64_t at, std::string_view magic) {
        return view.size() >= at && view.substr(at).starts_with(magic);
    };
    return has(kStartAt, kStartMagic) || has(kLogAt, kLogMagic) || has(kVoteAt, kVoteMagic) ||
           view.find_first_not_of('\0') == std::string_view::npos;
}

}  // namespace

Result<void> check_marker(const std::string& path) {
    const auto refused = [&path](const std::string& what) {
        return fail(ErrorCode::invalid_argument,
                    path + " " + what +
                        ": the marker ('data.marker') has to be a file of its own. Nothing was "
                        "changed; name another path, or move away what is there");
    };
    struct stat info {};
    if (::lstat(path.c_str(), &info) != 0) {
        if (errno == ENOENT) return {};
        if (errno == ENOTDIR) return refused("is inside of a file");
        if (errno == EACCES)
            return fail(ErrorCode::permission_denied, path + " may not be looked at by this user");
        return fail(errno_error("look at " + path, errno));
    }
    if (S_ISLNK(info.st_mode)) return refused("is a symbolic link");
    if (S_ISDIR(info.st_mode)) return refused("is a folder");
    if (!S_ISREG(info.st_mode)) return refused("is no regular file");
    if (info.st_nlink != 1) return refused("has another name too (a hard link)");
    if (info.st_size == 0) return {};
    if (::access(path.c_str(), R_OK) != 0)
        return fail(ErrorCode::permission_denied, path + " may not be read by this user");
    KONTOR_TRY(const File file, real_file_ops().open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    KONTOR_TRY(const bool is_ours, is_marker(file));
    return is_ours ? Result<void>{} : Result<void>(refused("is another file, not empty and no marker"));
}

Result<std::optional<MarkerOwner>> load_marker(const std::string& path) {
    if (path.empty()) return std::optional<MarkerOwner>{};
    KONTOR_CHECK(check_marker(path));
    if (!is_there(path)) return std::optional<MarkerOwner>{};
    KONTOR_TRY(const File file, real_file_ops().open(path, O_RDONLY));
    KONTOR_TRY(const std::string start, read_at(file, kStartAt, kStartBytes));
    if (!is_whole(start, kStartMagic, kStartBytes)) {
        log::warning("replication", "event=marker_unreadable file=" + path);
        return std::optional<MarkerOwner>{};
    }
    MarkerOwner owner;
    const std::string_view view(start);
    owner.promise.generation = get_le<std::uint64_t>(view.substr(12));
    owner.node_id = get_le<std::uint64_t>(view.substr(20));
    view.copy(owner.cluster.data(), owner.cluster.size(), 28);
    // What was not synced may be missing: then the marker says less.
    KONTOR_TRY(const auto entries, read_pair(file, kLogAt, kLogMagic));
    KONTOR_TRY(const auto votes, read_pair(file, kVoteAt, kVoteMagic));
    if (entries) owner.promise.epoch = entries->first, owner.promise.index = entries->second;
    if (votes) owner.promise.sequence = votes->first, owner.promise.term = votes->second;
    KONTOR_TRY(const auto member, read_pair(file, kMemberAt, kMemberMagic));
    owner.is_member = member && member->first == owner.node_id && member->second != 0;
    return std::optional(owner);
}

Result<void> remember_membership(const std::string& marker) {
    KONTOR_TRY(const auto found, load_marker(marker));
    if (!found) return {};
    FileOps& files = real_file_ops();
    KONTOR_TRY(const File file, files.open(marker, O_RDWR));
    KONTOR_CHECK(files.write_at(file, kMemberAt, pair_record(kMemberMagic, found->node_id, 1)));
    return files.sync_data(file);
}

Result<void> check_no_marker(const ReplicaOptions& options) {
    KONTOR_TRY(const auto found, load_marker(options.marker));
    if (!found || options.renewed) return {};
    return fail(ErrorCode::conflict, options.folder + " holds no log, but " + options.marker +
                                         " remembers entries up to " + std::to_string(found->promise.index) +
                                         " of node " + std::to_string(found->node_id) +
                                         " here: the folder was lost, or its disk is not mounted");
}

Result<void> begin_promises(const std::string& folder, const Promise& promise, FileOps& files) {
    if (promise.generation == 0 && promise.epoch == 0) return {};
    KONTOR_TRY(const File file, files.open(folder + "/promise", O_RDWR | O_CREAT | O_TRUNC));
    KONTOR_CHECK(files.write_at(file, 0, pair_record(kFolderMagic, promise.generation, promise.epoch)));
    KONTOR_CHECK(files.sync_data(file));
    return files.sync_folder(folder);
}

Result<std::unique_ptr<PromiseKeeper>> PromiseKeeper::open(const std::string& folder,
                                                           const std::string& marker, const StateFile& state,
                                                           FileOps& files) {
    std::unique_ptr<PromiseKeeper> keeper(new PromiseKeeper(folder, marker, files));
    keeper->owner_ = state.state();
    keeper->sequence_.store(state.sequence());
    keeper->term_.store(state.state().hard.term);
    KONTOR_CHECK(keeper->load_folder());
    KONTOR_CHECK(keeper->load_marker());
    return keeper;
}

Result<void> PromiseKeeper::load_folder() {
    const std::string path = folder_ + "/promise";
    if (!is_there(path)) return {};  // of a version that did not keep it, or new
    KONTOR_TRY(const File file, files_.open(path, O_RDONLY));
    KONTOR_TRY(const auto found, read_pair(file, 0, kFolderMagic));
    if (found) {
        generation_.store(found->first);
        epoch_.store(found->second);
    } else {
        log::warning("replication", "event=promise_unreadable file=" + path);
        folder_is_unreadable_ = true;
    }
    return {};
}

Result<void> PromiseKeeper::load_marker() {
    KONTOR_TRY(const auto found, replication::load_marker(marker_path_));
    if (!found) return {};
    if (found->node_id != owner_.node_id || found->cluster != owner_.cluster)
        return fail(ErrorCode::conflict, folder_ + " is not the folder that was here before: the marker " +
                                             marker_path_ + " is of node " + std::to_string(found->node_id) +
                                             " of cluster " +
                                             to_hex({found->cluster.data(), found->cluster.size()}));
    marker_ = found->promise;
    is_member_ = found->is_member;
    if (folder_is_unreadable_) {  // rotten, not older: entries, terms and votes still tell
        generation_.store(marker_->generation);
        epoch_.store(marker_->epoch);
    }
    return {};
}

Error PromiseKeeper::older(const std::string& what) const {
    return Error{ErrorCode::conflict, folder_ + " is older than what this node has promised (" + what + "; " +
                                          marker_path_ + " remembers): it was replaced by an earlier copy"};
}

Result<void> PromiseKeeper::check_start() const {
    if (!marker_) return {};
    Promise folder = now();
    folder.epoch = marker_->epoch;  // the log is looked at later
    folder.index = marker_->index;
    const std::string what = forgotten(*marker_, folder);
    return what.empty() ? Result<void>{} : Result<void>(fail(older(what)));
}

Result<void> PromiseKeeper::begin(std::uint64_t last_index) {
    index_.store(last_index);
    if (marker_) {
        const std::string what = forgotten(*marker_, now());
        if (!what.empty()) return fail(older(what));
    }
    if (marker_path_.empty()) return {};
    ++generation_;
    KONTOR_CHECK(store_folder());
    if (auto stored = store_whole_marker(); !stored) marker_failed(stored.error());
    return {};
}

void PromiseKeeper::tell_when_lost() const {
    if (marker_path_.empty() || marker_ || generation_.load() == 0) return;
    log::warning(
        "replication",
        "event=marker_missing file=" + marker_path_ + " starts=" + std::to_string(generation_.load()) +
            " (earlier starts of this folder kept a marker, which is gone or cannot be read: whether the "
            "folder is an older copy cannot be told, and it counts as it is. If it is one, what came later "
            "is lost: stop, and put the newer folder back. A new marker is kept from now on; "
            "docs/operating.md, \"The marker\")");
}

Result<void> PromiseKeeper::store_folder() {
    KONTOR_TRY(const File file, files_.open(folder_ + "/promise", O_RDWR | O_CREAT));
    KONTOR_CHECK(files_.write_at(file, 0, pair_record(kFolderMagic, generation_.load(), epoch_.load())));
    KONTOR_CHECK(files_.sync_data(file));
    return files_.sync_folder(folder_);
}

Result<void> PromiseKeeper::store_whole_marker() {
    const bool is_new = !is_there(marker_path_);
    KONTOR_TRY(marker_file_, files_.open(marker_path_, O_RDWR | O_CREAT));
    KONTOR_CHECK(files_.write_at(marker_file_, kLogAt, pair_record(kLogMagic, epoch_.load(), index_.load())));
    KONTOR_CHECK(
        files_.write_at(marker_file_, kVoteAt, pair_record(kVoteMagic, sequence_.load(), term_.load())));
    KONTOR_CHECK(files_.write_at(marker_file_, kMemberAt,
                                 pair_record(kMemberMagic, owner_.node_id, is_member_ ? 1 : 0)));
    KONTOR_CHECK(files_.write_at(marker_file_, kStartAt, start_record(generation_.load(), owner_)));
    KONTOR_CHECK(files_.sync_data(marker_file_));
    if (!is_new) return {};
    const std::size_t slash = marker_path_.rfind('/');
    return files_.sync_folder(slash == std::string::npos ? "." : marker_path_.substr(0, slash + 1));
}

void PromiseKeeper::marker_failed(const Error& error) {
    if (marker_failed_.exchange(true)) return;
    log::warning("replication", "event=marker_not_written file=" + marker_path_ + " reason=\"" +
                                    error.describe() +
                                    "\" (a folder put back from a copy is then noticed by the other nodes "
                                    "only)");
}

void PromiseKeeper::write_marker(std::uint64_t offset, const std::string& record) {
    if (!marker_file_.is_open() || marker_failed_.load(std::memory_order_relaxed)) return;
    if (auto done = files_.write_at(marker_file_, offset, record); !done) marker_failed(done.error());
}

void PromiseKeeper::raised(std::uint64_t index) {
    index_.store(index);
    write_marker(kLogAt, pair_record(kLogMagic, epoch_.load(), index));
}

Result<void> PromiseKeeper::lowering(std::uint64_t index) {
    if (index >= index_.load()) return {};
    ++epoch_;
    index_.store(index);
    KONTOR_CHECK(store_folder());
    write_marker(kLogAt, pair_record(kLogMagic, epoch_.load(), index));
    return {};
}

void PromiseKeeper::voted(std::uint64_t sequence, std::uint64_t term) {
    sequence_.store(sequence);
    term_.store(term);
    write_marker(kVoteAt, pair_record(kVoteMagic, sequence, term));
}

Promise PromiseKeeper::now() const {
    return {generation_.load(), sequence_.load(), term_.load(), epoch_.load(), index_.load()};
}

Result<void> PromiseKeeper::accept(StateFile& state) {
    if (!marker_) return {};
    // In no term that it may have forgotten does it vote again.
    HardState hard = state.state().hard;
    if (hard.term <= marker_->term) hard = {marker_->term, owner_.node_id};
    KONTOR_CHECK(state.renew(hard, marker_->sequence + 1));
    voted(state.sequence(), hard.term);
    generation_.store(std::max(generation_.load(), marker_->generation));
    epoch_.store(std::max(epoch_.load(), marker_->epoch) + 1);
    index_.store(0);
    KONTOR_CHECK(store_folder());
    return store_whole_marker();
}

}  // namespace kontor::replication
