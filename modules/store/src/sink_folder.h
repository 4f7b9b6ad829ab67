#pragma once
// What a StateSink has on disk: the partitions of a store that is not one yet, and how far they are.
//
//     LOCK                                  one sink at a time
//     TRANSFER                              how far; gone when the copy is finished
//     partitions.incoming/00/data.mdb …     become partitions/ at the end
//
// How far the copy of rows is within a tree is not in TRANSFER: rows come in key order, so the last key of
// the tree says it, durable with the rows themselves.
//
// Threading: one thread at a time. Errors: those of the disk; after one, open it anew.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "content_sum.h"
#include "files.h"
#include "kontor/store/state_transfer.h"
#include "partition.h"
#include "redo_stream.h"

namespace kontor::store {

struct SinkState {
    StateTransferPhase phase = StateTransferPhase::starting;
    std::uint64_t transfer = 0;
    std::uint32_t partitions = 0;
    std::uint32_t partition = 0;  // in phase rows: that is being copied; verifying: compared
    std::uint32_t tree = 0;       // in phase rows: position in trees_of()
    std::uint64_t base_index = 0, bytes_done = 0, bytes_estimate = 0;
    CheckpointMeta at;  // from phase redo on: what the rows are; before: where the transfer began
};

class SinkFolder {
 public:
    explicit SinkFolder(StateSinkOptions options)
        : options_(std::move(options)), trees_(trees_of(options_.tables)) {}

    // Reads how far it is; whatever is no transfer that can go on is removed, and the state is `starting`.
    [[nodiscard]] Result<SinkState> open();
    [[nodiscard]] Result<void> note(const SinkState& state, const char* step);  // durable
    [[nodiscard]] Result<void> clear();                                         // all but LOCK
    [[nodiscard]] const std::vector<TableId>& trees() const { return trees_; }

    // --- phase rows: one partition open ---
    // Opens the partition for this tree; the last key that it holds.
    [[nodiscard]] Result<std::string> open_tree(const SinkState& state);
    // One durable transaction; keys ascending, behind all that are there.
    struct StoredRow {
        std::string_view key, stored;
    };
    [[nodiscard]] Result<void> append(const SinkState& state, const std::vector<StoredRow>& rows);

    // --- from phase redo on: all partitions open ---
    [[nodiscard]] Result<void> open_all(const SinkState& state);
    [[nodiscard]] Result<void> apply(unsigned partition, const std::vector<RedoRow>& rows);
    [[nodiscard]] const Partition& partition(unsigned number) const { return *open_[number]; }
    // Makes it a store at checkpoint state.at, and removes TRANSFER.
    [[nodiscard]] Result<void> finish(const SinkState& state);

 private:
    [[nodiscard]] std::string draft() const { return options_.folder + "/partitions.incoming"; }
    [[nodiscard]] std::string draft(unsigned number) const { return draft() + "/" + partition_name(number); }
    [[nodiscard]] Result<std::unique_ptr<Partition>> open_partition(unsigned number, bool with_trees) const;
    [[nodiscard]] Result<SinkState> read_finished();
    void crash(const char* step) const {
        if (options_.crash_point) options_.crash_point(step);
    }

    const StateSinkOptions options_;
    const std::vector<TableId> trees_;
    File lock_;
    std::vector<std::unique_ptr<Partition>> open_;  // by number; in phase rows all but one are null
};

}  // namespace kontor::store
