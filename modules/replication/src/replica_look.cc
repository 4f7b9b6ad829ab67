// A stopped replica's folder beside its marker, without changing either.

#include <fcntl.h>
#include <sys/stat.h>

#include "durable_mark.h"
#include "install.h"
#include "kontor/replication/folder_look.h"
#include "log_scanner.h"
#include "promise_keeper.h"

namespace kontor::replication {

namespace {

bool is_folder(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

Result<std::vector<std::string>> segments_in(const std::string& folder) {
    KONTOR_TRY(auto names, list_folder(folder));
    std::erase_if(
        names, [](const std::string& name) { return !name.starts_with("log-") || !name.ends_with(".seg"); });
    return names;
}

Result<std::optional<SegmentHeader>> header_of(const std::string& path) {
    KONTOR_TRY(const File file, read_only_file_ops().open(path, O_RDONLY));
    KONTOR_TRY(const std::string bytes, read_at(file, 0, kSegmentHeaderBytes));
    return decode_segment_header(bytes);
}

// nullopt where a start has something to say about the end: a torn or damaged one, or another node's state
// that was being taken.
Result<std::optional<std::uint64_t>> end_of_log(const std::string& folder, const std::string& newest,
                                                const Uuid& cluster) {
    using End = std::optional<std::uint64_t>;
    FileOps& files = read_only_file_ops();
    KONTOR_TRY(const auto installing, load_install_mark(folder));
    if (installing) return End{};
    KONTOR_TRY(const auto header, header_of(folder + "/" + newest));
    if (!header) return End{};
    KONTOR_TRY(File file, files.open(folder + "/" + newest, O_RDONLY));
    KONTOR_TRY(const std::uint64_t size, size_of(file));
    SegmentScanner scanner(std::move(file), header->salt, size);
    std::uint64_t next = header->first_index;
    for (;;) {
        KONTOR_TRY(const auto record, scanner.next());
        if (!record || record->header.index != next) break;
        ++next;
    }
    KONTOR_TRY(const bool is_torn, scanner.anything_left());
    DurableMark durable;
    KONTOR_CHECK(durable.open(folder, cluster, files));
    if (is_torn || next <= durable.index()) return End{};
    return End{next - 1};
}

}  // namespace

Result<FolderLook> look_at_folder(const std::string& folder, const std::string& marker) {
    FolderLook look;
    KONTOR_TRY(const auto found, load_marker(marker));
    if (found)
        look.marker = FolderLook::Marker{found->node_id, found->cluster, found->is_member, found->promise};
    if (!is_folder(folder)) return look;
    FileOps& files = read_only_file_ops();
    KONTOR_TRY(const auto state, StateFile::load(folder, files));
    if (!state) return look;
    const NodeState& owner = state->state();
    look.owner = FolderIdentity{owner.node_id, owner.cluster, owner.hard.term};
    KONTOR_TRY(const auto segments, segments_in(folder));
    if (!segments.empty()) {
        KONTOR_TRY(const auto oldest, header_of(folder + "/" + segments.front()));
        if (oldest) look.first_index = oldest->first_index;
        KONTOR_TRY(look.last_index, end_of_log(folder, segments.back(), owner.cluster));
    }
    look.is_of_marker = found && found->node_id == owner.node_id && found->cluster == owner.cluster;
    if (!look.is_of_marker) return look;
    KONTOR_TRY(const auto promises, PromiseKeeper::open(folder, marker, *state, files));
    const Promise& remembered = found->promise;
    Promise now = promises->now();
    now.index = look.last_index.value_or(remembered.index);
    look.forgotten = forgotten(remembered, now);
    if (look.last_index && now.epoch == remembered.epoch)
        look.lost_entries = remembered.index > now.index ? remembered.index - now.index : 0;
    return look;
}

}  // namespace kontor::replication
