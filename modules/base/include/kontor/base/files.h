#pragma once
// Small files: keys, certificates, a node's identity, notes. Written whole or not at all (temporary file,
// fsync, rename). Only regular files are read: a FIFO, a device or a folder in a file's place is refused at
// once.
//
// Threading: any. Errors: not_found, io, no_space, permission_denied, invalid_argument (no regular file),
// too_large, unavailable (the disk does not answer). Limits: kMaxSmallFileBytes, kDiskAnswersWithinMs.

#include <functional>
#include <string>

#include "kontor/base/result.h"

namespace kontor {

inline constexpr std::size_t kMaxSmallFileBytes = 1U << 20U;

// How long a file that an operator named may take: a mount whose server is gone answers never.
inline constexpr unsigned kDiskAnswersWithinMs = 5'000;

[[nodiscard]] Result<std::string> read_file(const std::string& path);
// The same for files outside of the data folder, with an end.
[[nodiscard]] Result<std::string> read_file_within(const std::string& path,
                                                   unsigned ms = kDiskAnswersWithinMs);
// Does what asks the disk about `path` on a thread of its own; unavailable when that takes longer. Then the
// thread is left to itself, and nobody asks about the path again before it is back: `work` owns what it uses.
[[nodiscard]] Result<std::string> ask_disk(const std::string& path, unsigned ms,
                                           std::function<Result<std::string>()> work);
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view content, unsigned mode);
[[nodiscard]] bool file_exists(const std::string& path);

}  // namespace kontor
