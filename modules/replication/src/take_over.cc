#include "take_over.h"

#include <algorithm>

#include "kontor/base/log.h"
#include "replica_folder.h"

namespace kontor::replication {

Result<Configuration> newest_configuration(const StartState& start) {
    for (auto entry = start.entries.rbegin(); entry != start.entries.rend(); ++entry)
        if (entry->type == EntryType::change) return decode_configuration(*entry->payload);
    if (start.snapshot) return decode_configuration(start.snapshot->configuration);
    return Configuration{};
}

Result<Position> Replica::take_over(const ReplicaOptions& options, std::string_view checkpoint_meta) {
    return take_over_folder(options, checkpoint_meta, real_file_ops());
}

// The term goes first: after a crash in between the node is what it was, in a higher term. The entry makes
// everything before it part of this node's history for ever, also what the others may not have committed:
// the more of what they acknowledged is kept.
Result<Position> take_over_folder(const ReplicaOptions& options, std::string_view checkpoint_meta,
                                  FileOps& files) {
    KONTOR_TRY(OpenedFolder opened, open_folder(options, checkpoint_meta, files));
    KONTOR_TRY(const Configuration before, newest_configuration(opened.start));
    const Server* self = before.find(options.node_id);
    if (self == nullptr)
        return fail(ErrorCode::invalid_argument,
                    options.folder + ": this node never was part of the cluster's configuration");
    Configuration alone;
    alone.servers.push_back(*self);
    alone.servers.front().role = ServerRole::voter;
    KONTOR_TRY(std::string encoded, encode_configuration(alone));
    std::uint64_t term = opened.state->state().hard.term;
    if (!opened.start.entries.empty()) term = std::max(term, opened.start.entries.back().term);
    ++term;
    KONTOR_CHECK(opened.state->store({term, 0}));
    if (options.crash_point) options.crash_point("take-over-term");
    const Entry entry{term, EntryType::change, std::make_shared<const std::string>(std::move(encoded))};
    const Position at{opened.log->last_index() + 1, term};
    KONTOR_CHECK(opened.log->append(at.index, {&entry, 1}));
    KONTOR_CHECK(opened.log->sync());
    if (options.crash_point) options.crash_point("take-over-logged");
    log::warning("replication", "event=taken_over folder=" + options.folder +
                                    " index=" + std::to_string(at.index) + " term=" + std::to_string(term));
    return at;
}

}  // namespace kontor::replication
