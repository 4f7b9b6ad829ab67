#pragma once
// Small files: keys, certificates, a node's identity, notes. Written whole or not at all (temporary file,
// fsync, rename). Errors: io, no_space, permission_denied. Limits: kMaxSmallFileBytes.

#include <string>

#include "kontor/base/result.h"

namespace kontor {

inline constexpr std::size_t kMaxSmallFileBytes = 1U << 20U;

[[nodiscard]] Result<std::string> read_file(const std::string& path);
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view content, unsigned mode);
[[nodiscard]] bool file_exists(const std::string& path);

}  // namespace kontor
