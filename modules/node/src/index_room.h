#pragma once
// How much of the log's indexes is left. Object numbers derive from them (kontor/base/object_id.h), so a node
// warns in good time and then takes no commands any more; it never meets the end. Reads go on.
//
// Threading: look() on one thread; all else anywhere, cheap. Errors: none. Limits: kReserve.

#include <atomic>
#include <cstdint>
#include <string>

namespace kontor::node {

class IndexRoom {
 public:
    // Kept free for what is under way when the end is noticed, which is bounded by the queue
    // (NodeOptions::max_queue_commands), and for what an election writes: entries without a command.
    static constexpr std::uint64_t kReserve = 1ULL << 20;

    // last_index: above kReserve, or of a test: then there is no reserve.
    explicit IndexRoom(std::uint64_t last_index);
    void look(std::uint64_t applied_index);  // warns once for each percent from kWarnIndexUsed on
    [[nodiscard]] bool refuses() const { return refuses_.load(std::memory_order_relaxed); }
    [[nodiscard]] double used(std::uint64_t applied_index) const {
        return static_cast<double>(applied_index) / static_cast<double>(last_index_);
    }
    [[nodiscard]] std::string text() const;  // "" while there is room

 private:
    const std::uint64_t last_index_;
    const std::uint64_t refuse_from_;
    unsigned warned_percent_ = 0;  // thread of look()
    std::atomic<bool> refuses_{false};
};

}  // namespace kontor::node
