// Opening the folder of a replica: lock, state file, log, and what START needs of them.

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>
#include <cstring>
#include <random>

#include "kontor/base/log.h"
#include "replica_folder.h"

namespace kontor::replication {

namespace {

Uuid random_uuid() {
    std::random_device device;
    Uuid uuid;
    for (std::size_t i = 0; i < uuid.size(); i += 4) {
        const std::uint32_t word = device();
        std::memcpy(uuid.data() + i, &word, 4);
    }
    uuid[6] = static_cast<char>((uuid[6] & 0x0F) | 0x40);
    uuid[8] = static_cast<char>((uuid[8] & 0x3F) | 0x80);
    return uuid;
}

Result<void> bootstrap(const ReplicaOptions& options, FileOps& files) {
    KONTOR_CHECK(clear_interrupted_bootstrap(options.folder, files));
    NodeState state;
    state.hard = {1, 0};
    state.node_id = options.node_id;
    state.cluster = random_uuid();
    Configuration configuration;
    configuration.servers.push_back({options.node_id, options.address, ServerRole::voter});
    KONTOR_TRY(std::string encoded, encode_configuration(configuration));
    KONTOR_TRY(auto log, Log::open(log_options(options, state.cluster, files), 1,
                                   [](const Record&) -> Result<void> { return {}; }));
    const Entry first{1, EntryType::change, std::make_shared<const std::string>(std::move(encoded))};
    KONTOR_CHECK(log->append(1, {&first, 1}));
    KONTOR_CHECK(log->sync());
    if (options.crash_point) options.crash_point("bootstrap-logged");
    KONTOR_TRY([[maybe_unused]] const auto file, StateFile::create(options.folder, files, state));
    log::info("replication", "event=bootstrapped folder=" + options.folder);
    return {};
}

// The log and the checkpoint must meet: what the checkpoint stands for was committed, so the log holds it, or
// begins right after what was dropped for it.
Result<void> check_against_checkpoint(const OpenedFolder& opened, std::uint64_t term_at_checkpoint) {
    const auto first = opened.log->first_index();
    const auto last = opened.log->last_index();
    const auto& snapshot = opened.start.snapshot;
    const auto bad = [](std::string what) {
        return fail(ErrorCode::corruption, "log and checkpoint: " + what);
    };
    if (!snapshot) {
        if (first > 1)
            return bad("the log begins at entry " + std::to_string(first) + " and there is no checkpoint");
        if (opened.start.entries.empty() || opened.start.entries.front().type != EntryType::change) {
            return bad("the log does not begin with a configuration");
        }
        return {};
    }
    if (first > snapshot->index + 1) {
        return bad("entries " + std::to_string(snapshot->index + 1) + " to " + std::to_string(first - 1) +
                   " are missing");
    }
    if (last < snapshot->index) {
        return bad("the log ends at entry " + std::to_string(last) + ", the checkpoint stands for " +
                   std::to_string(snapshot->index));
    }
    if (first <= snapshot->index && term_at_checkpoint != snapshot->term) {
        return bad("entry " + std::to_string(snapshot->index) + " has term " +
                   std::to_string(term_at_checkpoint) + " in the log and " + std::to_string(snapshot->term) +
                   " in the checkpoint");
    }
    return {};
}

}  // namespace

Result<File> lock_folder(const std::string& folder, FileOps& files) {
    KONTOR_TRY(File lock, files.open(folder + "/LOCK", O_RDWR | O_CREAT));
    if (::flock(lock.fd(), LOCK_EX | LOCK_NB) != 0) {
        if (errno == EWOULDBLOCK)
            return fail(ErrorCode::unavailable, folder + " is in use by another process");
        return fail(errno_error("lock " + folder, errno));
    }
    return lock;
}

Result<void> check_options(const ReplicaOptions& options) {
    const auto bad = [](const char* what) {
        return fail(ErrorCode::invalid_argument, std::string("replica: ") + what);
    };
    if (options.folder.empty()) return bad("no folder");
    if (options.clock == nullptr) return bad("no clock");
    if (options.node_id == 0) return bad("node_id is 0");
    if (options.address.empty() || options.address.size() > kMaxAddressBytes) return bad("address length");
    if (options.max_inflight_entries == 0 || options.max_inflight_entries > kMaxInflightEntries) {
        return bad("max_inflight_entries is not in 1..1024");
    }
    if (options.heartbeat_ms == 0 || options.election_timeout_ms < 2 * options.heartbeat_ms ||
        options.election_timeout_ms > 60'000) {
        return bad("election_timeout_ms is not in 2 * heartbeat_ms..60000");
    }
    if (options.peer_window_entries == 0 || options.peer_window_entries > kMaxInflightEntries) {
        return bad("peer_window_entries is not in 1..1024");
    }
    if (options.max_append_bytes == 0 || options.max_append_bytes > kMaxEntryBytes) {
        return bad("max_append_bytes is not in 1..4194304");
    }
    if (options.install_snapshot_timeout_ms < options.heartbeat_ms ||
        options.install_snapshot_timeout_ms > 60'000) {
        return bad("install_snapshot_timeout_ms is not in heartbeat_ms..60000");
    }
    return {};
}

Result<void> check_owner(const ReplicaOptions& options, const NodeState& state) {
    if (state.node_id == options.node_id) return {};
    return fail(options.is_alone ? ErrorCode::permission_denied : ErrorCode::invalid_argument,
                options.folder + " belongs to node " + std::to_string(state.node_id) + ", not " +
                    std::to_string(options.node_id));
}

LogOptions log_options(const ReplicaOptions& options, const Uuid& cluster, FileOps& files) {
    LogOptions out;
    out.folder = options.folder;
    out.segment_bytes = options.segment_bytes;
    out.cluster = cluster;
    out.files = &files;
    out.crash_point = options.crash_point;
    return out;
}

// A member whose folder lost what says that it is one would wait for the others for ever, and nobody for it.
Result<void> check_alone(const ReplicaOptions& options, const StartState& start) {
    if (!options.is_alone) return {};
    KONTOR_TRY(const Configuration members, newest_configuration(start));
    const bool is_alone = members.servers.size() == 1 && members.servers.front().id == options.node_id;
    if (is_alone) return {};
    return fail(ErrorCode::permission_denied, options.folder + " belongs to a cluster of " +
                                                  std::to_string(members.servers.size()) + " nodes");
}

Result<void> clear_interrupted_bootstrap(const std::string& folder, FileOps& files) {
    KONTOR_TRY(const auto names, list_folder(folder));
    for (const std::string& name : names) {
        if (name == "state.tmp") KONTOR_CHECK(files.remove(folder + "/" + name));
        if (!name.starts_with("log-")) continue;
        const std::string path = folder + "/" + name;
        KONTOR_TRY(File file, files.open(path, O_RDONLY));
        KONTOR_TRY(const std::string bytes, read_at(file, 0, kSegmentHeaderBytes));
        const auto header = decode_segment_header(bytes);
        bool only_first = !header || header->first_index == 1;
        if (header && only_first) {
            KONTOR_TRY(const std::uint64_t size, size_of(file));
            SegmentScanner scanner(std::move(file), header->salt, size);
            KONTOR_TRY(const auto first, scanner.next());
            if (first) {
                KONTOR_TRY(const auto second, scanner.next());
                only_first = !second && first->header.type == EntryType::change;
            }
        }
        if (!only_first) {
            return fail(ErrorCode::corruption, folder + "/state is missing, but " + name + " holds entries");
        }
        KONTOR_CHECK(files.remove(path));
    }
    return {};
}

Result<OpenedFolder> open_folder(const ReplicaOptions& options, std::string_view checkpoint_meta,
                                 FileOps& files) {
    KONTOR_CHECK(check_options(options));
    OpenedFolder opened;
    if (!checkpoint_meta.empty()) {
        KONTOR_TRY(opened.start.snapshot, decode_snapshot_meta(checkpoint_meta));
    }
    if (!options.read_only) KONTOR_CHECK(make_folder(options.folder));
    KONTOR_TRY(opened.lock, lock_folder(options.folder, options.read_only ? files : real_file_ops()));
    KONTOR_TRY(opened.state, StateFile::load(options.folder, files));
    if (!opened.state) {
        KONTOR_TRY(const auto joining, load_install_mark(options.folder));
        if (joining) {
            return fail(ErrorCode::unavailable, options.folder +
                                                    ": joining a cluster was interrupted before it was done; "
                                                    "install the checkpoint again");
        }
        if (opened.start.snapshot) {
            return fail(
                ErrorCode::corruption,
                options.folder + " is missing or holds no log, but there is a checkpoint at entry " +
                    std::to_string(opened.start.snapshot->index) +
                    ". A checkpoint alone may lack what was acknowledged: put the log back from where it "
                    "went (is its disk mounted?), or the whole data folder from a backup");
        }
        if (options.read_only) return fail(ErrorCode::not_found, options.folder + " holds no log");
        KONTOR_CHECK(check_no_marker(options));
        KONTOR_CHECK(bootstrap(options, files));
        KONTOR_TRY(opened.state, StateFile::load(options.folder, files));
        if (!opened.state) return fail(ErrorCode::internal, options.folder + "/state vanished");
    }
    const NodeState& state = opened.state->state();
    KONTOR_CHECK(check_owner(options, state));
    opened.start.hard = state.hard;
    KONTOR_TRY(opened.promises, PromiseKeeper::open(options.folder, options.marker, *opened.state, files));
    opened.promises->is_of_member(!options.is_alone);
    KONTOR_CHECK(opened.promises->check_start());
    KONTOR_TRY(const auto mark,
               settle_install(options, opened.start.snapshot, *opened.state, *opened.promises, files));
    std::uint64_t term_at_checkpoint = 0;
    const std::uint64_t checkpoint_index = opened.start.snapshot ? opened.start.snapshot->index : 0;
    const auto visit = [&](const Record& record) -> Result<void> {
        if (record.header.index == checkpoint_index) term_at_checkpoint = record.header.term;
        Entry entry{record.header.term, record.header.type, nullptr};
        if (entry.type == EntryType::change)
            entry.payload = std::make_shared<const std::string>(record.payload);
        opened.start.entries.push_back(std::move(entry));
        return {};
    };
    LogOptions log_opts = log_options(options, state.cluster, files);
    log_opts.must_hold = checkpoint_index;
    if (options.wait_for_space) {
        log_opts.wait_for_space = [wait = options.wait_for_space, waits = opened.waits](std::uint64_t bytes,
                                                                                        unsigned failed) {
            waits->store(true);
            const bool is_there = wait(bytes, failed);
            waits->store(false);
            return is_there;
        };
    }
    KONTOR_TRY(opened.log, Log::open(std::move(log_opts), mark ? mark->index + 1 : 1, visit));
    opened.start.start_index = opened.log->first_index();
    const bool is_empty = opened.log->last_index() + 1 == opened.log->first_index();
    const bool may_be_empty = mark && mark->index == checkpoint_index &&
                              (!opened.start.snapshot || mark->term == opened.start.snapshot->term);
    if (!is_empty || !may_be_empty) KONTOR_CHECK(check_against_checkpoint(opened, term_at_checkpoint));
    // From here on a log without entries would be a lost one.
    if (!is_empty && mark) KONTOR_CHECK(remove_install_mark(options.folder, files));
    if (!opened.start.entries.empty() && opened.start.entries.back().term > state.hard.term) {
        return fail(ErrorCode::corruption,
                    options.folder + ": the log has a higher term than the state file");
    }
    KONTOR_CHECK(check_alone(options, opened.start));
    const std::uint64_t starts = opened.promises->now().generation;
    if (!options.renewed || options.renewed->generation != starts) opened.promises->tell_when_lost();
    KONTOR_CHECK(opened.promises->begin(opened.log->last_index()));
    opened.log->keep(opened.promises.get());
    return opened;
}

Result<Promise> Replica::remembered(const ReplicaOptions& options) {
    KONTOR_TRY(const auto marker, load_marker(options.marker));
    Promise most = marker ? marker->promise : Promise{};
    KONTOR_TRY(const auto state, StateFile::load(options.folder, real_file_ops()));
    if (!state) return most;
    KONTOR_TRY(const auto promises, PromiseKeeper::open(options.folder, {}, *state, real_file_ops()));
    return most_of(most, promises->now());
}

// The log ends where it ends: what an operator accepts needs no look at it.
Result<bool> Replica::accept_older(const ReplicaOptions& options) {
    FileOps& files = real_file_ops();
    KONTOR_TRY(const auto found, load_marker(options.marker));
    if (!found) return false;
    KONTOR_TRY(const auto owner, identity(options.folder));
    if (!owner || owner->node_id != found->node_id || owner->cluster != found->cluster) {
        KONTOR_CHECK(files.remove(options.marker));
        return true;
    }
    KONTOR_TRY(const File lock, lock_folder(options.folder, files));
    KONTOR_TRY(const auto state, StateFile::load(options.folder, files));
    if (!state) return fail(ErrorCode::conflict, options.folder + "/state vanished");
    KONTOR_TRY(const auto promises, PromiseKeeper::open(options.folder, options.marker, *state, files));
    KONTOR_CHECK(promises->accept(*state));
    return true;
}

}  // namespace kontor::replication
