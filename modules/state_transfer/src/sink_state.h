#pragma once
// How far a copy is, as the note in its folder says it (kontor/store/copy_draft.h).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/state_transfer/state_transfer.h"

namespace kontor::state_transfer {

struct SinkState {
    StateTransferPhase phase = StateTransferPhase::starting;
    std::uint64_t transfer = 0;
    std::uint32_t partitions = 0;
    std::uint32_t partition = 0;  // in phase rows: that is being copied; verifying: compared
    std::uint32_t tree = 0;       // in phase rows: position among the trees
    std::uint64_t base_index = 0, bytes_done = 0, bytes_estimate = 0;
    store::CheckpointMeta at;  // from phase redo on: what the rows are; before: where the transfer began
};

[[nodiscard]] std::string encode_state(const SinkState& state);
// Nullopt: it is none that this binary could go on with.
[[nodiscard]] std::optional<SinkState> decode_state(std::string_view bytes);

}  // namespace kontor::state_transfer
