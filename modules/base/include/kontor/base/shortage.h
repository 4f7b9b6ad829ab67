#pragma once
// What a machine lacks for a moment is not broken: out of descriptors or of memory, a file is opened a little
// later. Whoever waits here holds up what depends on it, queues fill, and clients are told to come back.
//
// Threading: any. Errors: as open(2), the shortage itself after kShortageWaitMs or, at the end of the
// process, after kShortageWaitAtEndMs.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kontor/base/error.h"

namespace kontor {

inline constexpr std::uint64_t kShortageWaitMs = 300'000;  // then a restart may do what waiting did not
inline constexpr std::uint64_t kShortageWaitAtEndMs = 1'000;

[[nodiscard]] bool is_shortage(int error_number);  // EMFILE, ENFILE, ENOMEM, ENOBUFS
// Calls `attempt`, which gives 0 or an errno, until that is no shortage; gives the last one.
int wait_for_room(const std::string& what, const std::function<int()>& attempt);
// open(2) with O_CLOEXEC that waits so; -1 and errno.
[[nodiscard]] int open_file(const std::string& path, int flags, mode_t mode = 0600);

// The process ends, and what would need a file can be left to the next start: nobody waits for long any more,
// those who wait now neither. For the whole process, for good.
void shorten_shortage_waits();
// What open_file() failed with. unavailable: a shortage at the end of the process, which is nobody's fault.
[[nodiscard]] Error opening_error(std::string_view what, int error_number);

}  // namespace kontor
