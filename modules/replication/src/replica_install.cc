// Taking another node's checkpoint, and what open() makes of a folder in which that was begun.

#include "install.h"

#include <algorithm>

#include "kontor/base/log.h"
#include "replica_folder.h"

namespace kontor::replication {

namespace {

void crash_point(const ReplicaOptions& options, const char* step) {
    if (options.crash_point) options.crash_point(step);
}

// Without a state file the folder is nobody's: the state file is written last, so a crash leaves it so.
Result<void> install_new_node(const ReplicaOptions& options, const std::optional<SnapshotMeta>& meta,
                              const std::optional<ClusterId>& cluster, FileOps& files) {
    KONTOR_CHECK(check_no_marker(options));
    if (!cluster) {
        return fail(ErrorCode::invalid_argument,
                    options.folder + " is nobody's yet, and no cluster was named");
    }
    KONTOR_CHECK(clear_interrupted_bootstrap(options.folder, files));
    InstallMark mark;
    mark.state = InstallMark::State::empty;
    if (meta) {
        mark.index = meta->index;
        mark.term = meta->term;
    }
    KONTOR_CHECK(store_install_mark(options.folder, mark, *cluster, files));
    crash_point(options, "install-marked");
    NodeState state;
    state.hard = {mark.term, 0};
    state.node_id = options.node_id;
    state.cluster = *cluster;
    // In no term in which this number may have voted does it vote again.
    const Promise before = options.renewed.value_or(Promise{});
    if (options.renewed) state.hard = {std::max(mark.term, before.term), options.node_id};
    KONTOR_CHECK(begin_promises(options.folder, before, files));
    KONTOR_TRY([[maybe_unused]] const auto file,
               StateFile::create(options.folder, files, state, before.sequence));
    log::info("replication",
              "event=joined folder=" + options.folder + " index=" + std::to_string(mark.index));
    return {};
}

Result<void> install_over(const ReplicaOptions& options, const SnapshotMeta& meta, StateFile& state,
                          const std::optional<InstallMark>& found, FileOps& files) {
    std::uint64_t empty_after = 0;
    std::uint64_t empty_after_term = 0;
    if (found && found->state == InstallMark::State::empty) {
        empty_after = found->index;
        empty_after_term = found->index == 0 ? kEmptyFromStart : found->term;
    } else if (found && found->state == InstallMark::State::asked) {
        empty_after = found->empty_after;
        empty_after_term = found->empty_after_term;
    }
    const bool was_interrupted = found && found->state == InstallMark::State::resetting;
    InstallPlan plan = InstallPlan::reset_log;
    if (was_interrupted) {
        if (meta.index < found->index) plan = InstallPlan::refuse;
    } else {
        std::uint64_t term_at = 0;
        const auto visit = [&](const Record& record) -> Result<void> {
            if (record.header.index == meta.index) term_at = record.header.term;
            return {};
        };
        KONTOR_TRY(const auto log,
                   Log::open(log_options(options, state.state().cluster, files), empty_after + 1, visit));
        plan = plan_install(log->first_index(), term_at, meta.index, meta.term);
        if (log->last_index() + 1 != log->first_index()) empty_after = empty_after_term = 0;
    }
    if (plan == InstallPlan::refuse) {
        return fail(ErrorCode::invalid_argument, options.folder + ": the checkpoint at entry " +
                                                     std::to_string(meta.index) +
                                                     " is older than what the log goes on from");
    }
    // A term that is higher than any we were in: nobody got our vote in it.
    if (meta.term > state.state().hard.term) KONTOR_CHECK(state.store({meta.term, 0}));
    crash_point(options, "install-term");
    if (plan == InstallPlan::keep_log) {
        if (found && found->state == InstallMark::State::asked)
            return undo_install(options, *found, state, files);
        return {};
    }
    const auto next = was_interrupted ? InstallMark::State::resetting : InstallMark::State::asked;
    KONTOR_CHECK(store_install_mark(options.folder,
                                    {next, meta.index, meta.term, empty_after, empty_after_term},
                                    state.state().cluster, files));
    crash_point(options, "install-marked");
    return {};
}

}  // namespace

Result<void> Replica::install(const ReplicaOptions& options, std::string_view checkpoint_meta,
                              const std::optional<ClusterId>& cluster) {
    return install_folder(options, checkpoint_meta, cluster, real_file_ops());
}

Result<std::optional<FolderIdentity>> Replica::identity(const std::string& folder) {
    KONTOR_TRY(const auto state, StateFile::load(folder, read_only_file_ops()));
    if (!state) return std::optional<FolderIdentity>{};
    const NodeState& found = state->state();
    return std::optional(FolderIdentity{found.node_id, found.cluster, found.hard.term});
}

Result<void> install_folder(const ReplicaOptions& options, std::string_view checkpoint_meta,
                            const std::optional<ClusterId>& cluster, FileOps& files) {
    KONTOR_CHECK(check_options(options));
    std::optional<SnapshotMeta> meta;
    if (!checkpoint_meta.empty()) {
        KONTOR_TRY(meta, decode_snapshot_meta(checkpoint_meta));
    }
    KONTOR_CHECK(make_folder(options.folder));
    KONTOR_TRY(const File lock, lock_folder(options.folder, real_file_ops()));
    KONTOR_TRY(const auto state, StateFile::load(options.folder, files));
    if (!state) return install_new_node(options, meta, cluster, files);
    KONTOR_CHECK(check_owner(options, state->state()));
    if (cluster && *cluster != state->state().cluster) {
        return fail(ErrorCode::invalid_argument, options.folder + " belongs to another cluster");
    }
    if (!meta)
        return fail(ErrorCode::invalid_argument, options.folder + " has an owner, and no checkpoint came");
    KONTOR_TRY(const auto found, load_install_mark(options.folder));
    return install_over(options, *meta, *state, found, files);
}

Result<void> undo_install(const ReplicaOptions& options, const InstallMark& mark, const StateFile& state,
                          FileOps& files) {
    if (mark.empty_after == 0 && mark.empty_after_term != kEmptyFromStart)
        return remove_install_mark(options.folder, files);
    const std::uint64_t term = mark.empty_after == 0 ? 0 : mark.empty_after_term;
    return store_install_mark(options.folder, {InstallMark::State::empty, mark.empty_after, term, 0, 0},
                              state.state().cluster, files);
}

// What the mark says of an empty log that open() may find, after finishing or undoing what was begun.
Result<std::optional<InstallMark>> settle_install(const ReplicaOptions& options,
                                                  const std::optional<SnapshotMeta>& snapshot,
                                                  const StateFile& state, PromiseKeeper& promises,
                                                  FileOps& files) {
    KONTOR_TRY(auto mark, load_install_mark(options.folder));
    if (!mark) return mark;
    const bool is_there =
        snapshot ? snapshot->index == mark->index && snapshot->term == mark->term : mark->index == 0;
    if (mark->state == InstallMark::State::asked && !is_there) {
        KONTOR_CHECK(undo_install(options, *mark, state, files));
        return load_install_mark(options.folder);
    }
    if (mark->state == InstallMark::State::empty) return mark;
    if (!is_there) {
        return fail(ErrorCode::corruption, options.folder +
                                               ": the log is being replaced for the checkpoint at entry " +
                                               std::to_string(mark->index) + ", which is not the one given");
    }
    mark->state = InstallMark::State::resetting;
    KONTOR_CHECK(store_install_mark(options.folder, *mark, state.state().cluster, files));
    crash_point(options, "install-resetting");
    KONTOR_CHECK(promises.lowering(mark->index));
    KONTOR_CHECK(remove_log(options.folder, files));
    crash_point(options, "install-removed");
    *mark = {InstallMark::State::empty, mark->index, mark->term, 0, 0};
    KONTOR_CHECK(store_install_mark(options.folder, *mark, state.state().cluster, files));
    crash_point(options, "install-empty");
    log::info("replication",
              "event=log_replaced folder=" + options.folder + " index=" + std::to_string(mark->index));
    return mark;
}

}  // namespace kontor::replication
