#include "kontor/base/machine.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <sstream>
#include <string_view>
#include <thread>

namespace kontor {
namespace {

constexpr std::uint64_t kUnknownMemory = 4ULL << 30;
constexpr std::size_t kMaxNesting = 64;

std::string first_line(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

void limit_memory(const std::string& path, MachineShare& share) {
    std::istringstream text(first_line(path));
    std::uint64_t bytes = 0;
    if (!(text >> bytes) || bytes == 0 || bytes >= share.memory_bytes) return;  // "max", or as good as none
    share.memory_bytes = bytes;
    share.is_memory_limited = true;
}

void limit_processors(double quota, double period, MachineShare& share) {
    if (quota > 0 && period > 0) share.processors = std::min(share.processors, quota / period);
}

void look_at(const std::string& folder, MachineShare& share) {
    for (const char* name : {"/memory.max", "/memory.high", "/memory.limit_in_bytes"})
        limit_memory(folder + name, share);
    double quota = 0, period = 0;
    std::istringstream both(first_line(folder + "/cpu.max"));  // "max 100000" does not parse: no limit
    if (both >> quota >> period) limit_processors(quota, period, share);
    std::istringstream first(first_line(folder + "/cpu.cfs_quota_us"));
    std::istringstream second(first_line(folder + "/cpu.cfs_period_us"));
    if (first >> quota && second >> period) limit_processors(quota, period, share);
}

// The group and all around it: each may have a lower limit. In a container the path in /proc may be that of
// the host, of which only the end, or nothing, is mounted here.
void look_upwards(const std::string& root, std::string path, MachineShare& share) {
    for (std::size_t level = 0; level < kMaxNesting; ++level) {
        look_at(root + path, share);
        const std::size_t slash = path.rfind('/');
        if (path.empty() || slash == std::string::npos) break;
        path.resize(slash);
    }
    look_at(root, share);
}

}  // namespace

MachineShare machine_share(const MachineFiles& files) {
    MachineShare share;
    const long pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGESIZE);
    share.memory_bytes = pages > 0 && page_bytes > 0
                             ? static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(page_bytes)
                             : kUnknownMemory;
    cpu_set_t allowed;
    share.processors = ::sched_getaffinity(0, sizeof allowed, &allowed) == 0
                           ? std::max(1, CPU_COUNT(&allowed))
                           : std::max(1U, std::thread::hardware_concurrency());
    std::ifstream groups(files.own_groups);
    std::string line;
    while (std::getline(groups, line)) {  // number:controllers:path; version 2 is "0::path"
        const std::size_t first = line.find(':');
        const std::size_t second = line.find(':', first == std::string::npos ? first : first + 1);
        if (second == std::string::npos) continue;
        const std::string controllers = line.substr(first + 1, second - first - 1);
        std::string path = line.substr(second + 1);
        if (path == "/") path.clear();
        if (controllers.empty()) {
            look_upwards(files.mounts, path, share);
            look_upwards(files.mounts + "/unified", path, share);
            continue;
        }
        look_upwards(files.mounts + "/" + controllers, path, share);
        std::istringstream each(controllers);
        for (std::string name; std::getline(each, name, ',');)
            if (name == "memory" || name == "cpu") look_upwards(files.mounts + "/" + name, path, share);
    }
    return share;
}

}  // namespace kontor
