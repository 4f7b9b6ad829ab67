#pragma once
// Copying another node's state beside our own: the sink's requests go to one node after the other until one
// has served them all. Blocks; not on a network thread.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/state_transfer/state_transfer.h"

namespace kontor::cluster {

struct StateCopy {
    std::string store_folder;  // the copy lies beside it
    unsigned partitions = 0;
    const Clock* clock = nullptr;
    // One request to one node.
    std::function<Result<std::string>(std::uint64_t node, std::string request)> ask;
    // Whom to ask, the best first; asked for again when one fails.
    std::function<std::vector<std::uint64_t>()> sources;
    std::function<bool()> is_stopping;
    std::function<void(const std::string& line)> tell;  // at most every two seconds
    // After each answer; may be empty.
    std::function<void(std::uint64_t from, const state_transfer::StateTransferProgress& progress)> progress;
};

// The copy is whole and verified when it returns; replace_store_folder() is the caller's.
[[nodiscard]] Result<void> copy_state(const StateCopy& copy);

}  // namespace kontor::cluster
