#pragma once
// Room on the disk of a folder, as a process without special rights sees it.
//
// Threading: pure. Errors: io.

#include <cstdint>
#include <string>

#include "kontor/base/result.h"

namespace kontor {

struct DiskSpace {
    std::uint64_t free_bytes = 0, total_bytes = 0;
    bool has_file_limit = false;  // file systems that make inodes as they need them have none
    std::uint64_t free_files = 0;
};
[[nodiscard]] Result<DiskSpace> disk_space(const std::string& folder);

// Takes the room really, not only the length; a file of that name is replaced. no_space: nothing is left
// behind.
[[nodiscard]] Result<void> reserve_file(const std::string& path, std::uint64_t bytes);

}  // namespace kontor
