#pragma once
// A node on a disk that loses its power again and again, and everything that was promised to its callers.
//
// Threading: one thread. Errors: what is found wrong is collected in problems(), so that a test can also
// expect some.

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "disk.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/node/node.h"
#include "support/test_clock.h"

namespace kontor::power {

// Its machine time stands in the rows, too: both clocks stand.
inline constexpr std::int64_t kWallMs = 1'800'000'000'000;
inline constexpr std::uint64_t kBootMs = 1'000;

// Every entry that was ever written to the log, the newest of each index: what a replay from the first on
// needs.
class Archive {
 public:
    void note(const Operation& operation);  // Disk::on_done
    // The state hash of a fresh store that applies entries 1 to `last`. `folder`: its place, made and
    // removed.
    [[nodiscard]] std::string replayed_hash(std::uint64_t last, const std::string& folder) const;

 private:
    struct Entry {
        bool is_command = false;
        std::string payload;
    };
    std::map<std::string, std::uint32_t> salts_;  // by path of the segment
    std::map<std::uint64_t, Entry> entries_;
};

struct Sizes {  // small, so that checkpoints, segments and truncation come all the time
    std::uint64_t memtable_bytes = 20U << 10U;
    std::uint64_t segment_bytes = 8U << 10U;
    std::uint64_t max_log_bytes = 24U << 10U;
    std::uint64_t redo_bytes = 60U << 10U;  // a few checkpoints, between merges
    unsigned partitions = 3;
};
[[nodiscard]] node::NodeOptions small_node(const std::string& folder, const Clock& clock,
                                           telemetry::Registry& metrics, const Sizes& sizes = {});

class World {
 public:
    // `folder` is made, and removed unless there are problems.
    World(std::string folder, std::uint64_t seed);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    // Works until the power goes at the n-th operation (0: never, then stops cleanly), and leaves what a
    // machine would find. Every start checks all that was promised.
    void live(std::uint64_t cut_at, unsigned commands);
    // As live(), but the n-th operation of a kind fails with `error`, and all later ones of `lasts_ms`. A
    // node that ends must have named the file.
    struct Fault {
        Kind kind = Kind::write;
        std::uint64_t nth = 1;
        int error = 0;
        // Not 0: it is over after so long, and a node that did not end must have stopped nothing but its
        // writes: it takes them again. With 0 it must end.
        std::uint64_t lasts_ms = 0;
    };
    void live_with(const Fault& fault, unsigned commands);
    void check_replay();  // the next start compares its rows with a replay of the whole log

    [[nodiscard]] const std::vector<std::string>& problems() const { return problems_; }
    [[nodiscard]] std::mt19937_64& random() { return random_; }
    [[nodiscard]] std::size_t acknowledged() const { return acknowledged_.size(); }
    [[nodiscard]] std::uint64_t operations() const { return operations_; }
    [[nodiscard]] std::uint64_t checkpoints() const { return checkpoints_; }
    [[nodiscard]] std::uint64_t merchant() const { return merchant_; }
    [[nodiscard]] std::string data() const { return place() + "/data"; }
    [[nodiscard]] bool was_faulty() const { return is_faulty_.load(); }  // the last fault happened
    std::function<bool(const Operation&)> is_ignored;                    // syncs that lie

 private:
    struct Promise {
        pb::Command command;
        std::uint64_t object = 0, log_index = 0;
    };
    [[nodiscard]] std::string place() const { return folder_ + "/" + std::to_string(life_); }
    void problem(std::string what);
    void keep_promises(node::Node& node);
    void compare_with_replay(node::Node& node);
    void run_life(std::uint64_t cut_at, unsigned commands);
    void work(node::Node& node, unsigned commands);
    void expect_named(const std::string& why);
    bool takes_commands_again(node::Node& node, const std::function<std::string()>& reason);
    // All at once; the answers come in any order. False: the power went, or the node ended.
    bool submit(node::Node& node, std::vector<pb::Command> commands);
    void note(const pb::Command& command, const pb::Result& result, std::uint64_t log_index);
    [[nodiscard]] pb::Command next_command();
    [[nodiscard]] std::uint64_t below(std::uint64_t n) { return random_() % n; }

    const std::string folder_;
    std::mt19937_64 random_;
    const std::uint64_t salt_seed_;
    kontor_test::TestClock clock_{kWallMs, kBootMs};
    unsigned life_ = 0;
    Archive archive_;
    bool check_replay_ = false;
    std::atomic<bool> is_faulty_{false};
    bool may_go_on_ = false;              // through the fault of this life
    std::set<std::string> faulty_paths_;  // of the operations that were made to fail
    std::uint64_t operations_ = 0, checkpoints_ = 0;

    std::uint64_t merchant_ = 0, next_key_ = 1;
    std::vector<std::uint64_t> customers_, payments_;
    std::vector<Promise> acknowledged_;
    std::vector<std::string> problems_;
};

}  // namespace kontor::power
