#pragma once
// What this process may use of the machine: memory and processors, of the machine and of every control group
// around it (versions 1 and 2, nested; docs/operating.md, "Memory"). Read anew at each call; meant for the
// start.
//
// Threading: pure but for the files. Errors: none; what cannot be read limits nothing.

#include <cstdint>
#include <string>

namespace kontor {

struct MachineFiles {
    std::string own_groups = "/proc/self/cgroup";
    std::string mounts = "/sys/fs/cgroup";
};

struct MachineShare {
    std::uint64_t memory_bytes = 0;  // the least of what the machine has and the groups allow
    bool is_memory_limited = false;  // by a group
    double processors = 1;           // as hard limits say, not shares
};
[[nodiscard]] MachineShare machine_share(const MachineFiles& files = {});

}  // namespace kontor
