#pragma once
// How many deliveries may be under way or wait for their result to be in the log: deliveries give way to
// payments. When the log takes longer than it does at its quickest, there is a queue, and payments stand in
// it too: the window shrinks by a fourth. When not, it grows. (Delay-based congestion control: Brakmo, TCP
// Vegas, 1994.)
//
// Threading: one thread. Deterministic: the caller tells the time.

#include <array>
#include <cstddef>
#include <cstdint>

namespace kontor::outbox {

class Pace {
 public:
    // The least still moves: 8 results in an entry that takes 20 ms are 400 a second.
    static constexpr std::size_t kMinWindow = 8, kFirstWindow = 32, kMaxWindow = 512;
    static constexpr std::uint64_t kLookMs = 20;
    static constexpr std::uint64_t kFloorMs = 6;    // shorter than this is no queue
    static constexpr std::uint64_t kTimesBest = 3;  // longer than this many times the best is one
    static constexpr std::uint64_t kBestForMs =
        10'000;  // how long a best counts; two such spans are remembered

    [[nodiscard]] std::size_t window() const { return window_; }
    // A result took `took_ms` from being proposed to being applied, or was refused because of overload.
    void took(std::uint64_t took_ms, std::uint64_t now_ms);
    void refused(std::uint64_t now_ms);
    void was_full() { is_full_ = true; }  // more would have begun: only then it grows

 private:
    void look(std::uint64_t now_ms);

    std::size_t window_ = kFirstWindow;
    std::uint64_t sum_ms_ = 0, samples_ = 0;
    std::uint64_t next_look_ms_ = 0;
    bool is_refused_ = false, is_full_ = false;
    std::uint64_t best_since_ms_ = 0;
    std::array<std::uint64_t, 2> best_ms_ = {UINT64_MAX, UINT64_MAX};  // of this span and the one before
};

}  // namespace kontor::outbox
