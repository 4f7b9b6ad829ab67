#pragma once
// Which reads a node passes on to a node that has less to do (docs/adr/0007, "Any node answers").
//
// Nodes say in their reports how busy they are: the processor's share of the last second, and reads that cost
// much and are not answered yet. While this node is clearly busier than the one with the least to do, the
// share of costly reads that goes elsewhere grows with every look; it shrinks when the difference is small.
// So it settles, and a node with little to do passes nothing on.
//
// Threading: any. Errors: a node that failed to answer is left alone for kSuspendedMs. Limits:
// kMaxPassedOn under way.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace kontor::cluster {

inline constexpr std::uint32_t kFullLoad = 1'000;   // all processors of a node are busy
inline constexpr std::uint32_t kBusyLoad = 250;     // below, nothing is passed on
inline constexpr std::uint32_t kClearlyLess = 150;  // such a difference makes the share grow
inline constexpr std::uint32_t kHardlyLess = 50;    // and such a one shrink
inline constexpr std::uint32_t kShareStep = 150;    // of 1,000
inline constexpr std::uint32_t kMaxShare = 850;     // some are always answered here: it is never idle
inline constexpr std::size_t kMaxPassedOn = 256;    // by a node, and as many for others
inline constexpr std::uint64_t kSuspendedMs = 5'000;

// How busy this process is, from its processor time: call it a few times a second.
class LoadMeter {
 public:
    // `used_us`: processor time of the process so far.
    LoadMeter(std::function<std::uint64_t()> used_us, unsigned processors);
    std::uint32_t look(std::uint64_t now_us);  // of kFullLoad, over about a second

 private:
    const std::function<std::uint64_t()> used_us_;
    const unsigned processors_;
    std::uint64_t last_us_ = 0, last_used_us_ = 0;
    double smooth_ = 0;
};
[[nodiscard]] std::uint64_t process_used_us();

class Balancer {
 public:
    struct Helper {
        std::uint64_t node_no = 0;
        std::uint32_t load = 0;
    };
    // Twice a second: how busy this node is, and the nodes that could help.
    void look(std::uint32_t own_load, std::vector<Helper> helpers, std::uint64_t now_ms);
    // Who shall answer the next costly read; nullopt: this node. Then ended() must follow.
    [[nodiscard]] std::optional<std::uint64_t> pick(std::uint64_t now_ms);
    void ended(std::uint64_t node_no, bool is_answered, std::uint64_t now_ms);
    [[nodiscard]] std::uint32_t share() const;  // of 1,000

 private:
    mutable std::mutex mutex_;
    std::vector<Helper> helpers_;                       // guarded by mutex_; those with the least to do
    std::map<std::uint64_t, std::uint64_t> suspended_;  // guarded by mutex_; until
    std::uint32_t share_ = 0, credit_ = 0;              // guarded by mutex_
    std::size_t next_ = 0, under_way_ = 0;              // guarded by mutex_
};

}  // namespace kontor::cluster
