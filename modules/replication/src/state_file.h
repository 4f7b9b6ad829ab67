#pragma once
// The small file beside the log: term, vote, node id, cluster id (docs/formats/log.md, "The state file").
// Two slots, both written and synced on every change, one after the other: a torn write leaves one of them,
// and so does a single slot that rots later.
//
// Threading: one thread at a time. Errors: io; corruption when no slot is whole. After a failed store() the
// replica stops.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "entry.h"
#include "file_ops.h"
#include "log_format.h"

namespace kontor::replication {

struct NodeState {
    HardState hard;
    std::uint64_t node_id = 0;
    Uuid cluster{};
};

class StateFile {
 public:
    // nullopt in the result's pointer: there is none yet.
    static Result<std::unique_ptr<StateFile>> load(const std::string& folder, FileOps& files);
    static Result<std::unique_ptr<StateFile>> create(const std::string& folder, FileOps& files,
                                                     const NodeState& state, std::uint64_t sequence = 0);

    [[nodiscard]] const NodeState& state() const { return state_; }
    // Grows with every write.
    [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
    Result<void> store(HardState hard);
    // Writes it in any case, with at least this sequence.
    Result<void> renew(HardState hard, std::uint64_t sequence);

 private:
    StateFile(File file, FileOps& files) : file_(std::move(file)), files_(files) {}
    Result<void> write_slots();

    File file_;
    FileOps& files_;
    NodeState state_;
    std::uint64_t sequence_ = 0;
};

}  // namespace kontor::replication
