#pragma once
// For what another thread is about to do: wait for the state itself, never for an amount of time.

#include <chrono>
#include <thread>

namespace kontor_test {

// Far beyond what anything takes, also on a busy machine under a sanitizer: only a failed test waits that
// long.
inline constexpr std::chrono::seconds kEventually{20};

// True as soon as `condition` holds; false when it has not for `limit`.
template <typename F>
[[nodiscard]] bool eventually(F condition, std::chrono::milliseconds limit = kEventually) {
    const auto give_up = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > give_up) return condition();
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace kontor_test
