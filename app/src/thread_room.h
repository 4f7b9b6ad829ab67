#pragma once
// A thread that cannot be made in the middle of a start ends the process wherever that happens to be, so the
// start asks before it makes anything.
//
// Threading: none; at the start. Errors: unavailable, a text for the operator who sets the limits.

#include "kontor/base/result.h"

namespace kontor::app {

// Of a node, beside those of the network and as many for reads; a member of a cluster has most.
inline constexpr unsigned kThreads = 48;
inline constexpr const char* kMoreThreadsText =
    "Allow this user or service more of them (ulimit -u, LimitNPROC=, TasksMax=, a container's pids limit; "
    "or memory for their stacks: ulimit -d, LimitDATA=)";

// Makes so many, and lets them go again.
[[nodiscard]] Result<void> check_threads(unsigned count);

}  // namespace kontor::app
