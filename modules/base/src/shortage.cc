#include "kontor/base/shortage.h"

#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include "kontor/base/log.h"

namespace kontor {
namespace {

constexpr std::uint64_t kFirstPauseMs = 5, kLongestPauseMs = 200, kTellEveryMs = 2'000;

std::atomic<bool> is_ending{false};

}  // namespace

bool is_shortage(int error_number) {
    return error_number == EMFILE || error_number == ENFILE || error_number == ENOMEM ||
           error_number == ENOBUFS;
}

int wait_for_room(const std::string& what, const std::function<int()>& attempt) {
    std::uint64_t pause_ms = kFirstPauseMs, waited_ms = 0, told_ms = 0;
    for (;;) {
        const int error = attempt();
        const std::uint64_t limit_ms = is_ending.load() ? kShortageWaitAtEndMs : kShortageWaitMs;
        if (!is_shortage(error) || waited_ms >= limit_ms) return error;
        if (told_ms == 0 || waited_ms >= told_ms + kTellEveryMs) {
            log::warning("base", what + ": " + std::generic_category().message(error) + "; trying again");
            told_ms = std::max<std::uint64_t>(1, waited_ms);
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(pause_ms));
        waited_ms += pause_ms;
        pause_ms = std::min(pause_ms * 2, kLongestPauseMs);
    }
}

int open_file(const std::string& path, int flags, mode_t mode) {
    // What is written lies where it is named, never at the end of somebody's link; a FIFO does not hold us
    // up.
    if ((flags & O_CREAT) != 0) flags |= O_NOFOLLOW | O_NONBLOCK;
    int fd = -1;
    const int error = wait_for_room("open " + path, [&] {
        fd = ::open(path.c_str(), flags | O_CLOEXEC, mode);
        return fd < 0 ? errno : 0;
    });
    if (error != 0) errno = error;
    return fd;
}

void shorten_shortage_waits() {
    is_ending.store(true);
}

Error opening_error(std::string_view what, int error_number) {
    Error error = errno_error(what, error_number);
    if (is_ending.load() && is_shortage(error_number)) error.code = ErrorCode::unavailable;
    return error;
}

}  // namespace kontor
