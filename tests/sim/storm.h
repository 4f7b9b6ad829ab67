#pragma once
// One seed: a cluster grows from one server, then crashes, power cuts at work, cuts in one or both
// directions, lost messages, slow disks, clocks that jump and drift, frozen machines, machines without
// descriptors, membership changes, lost machines, folders and whole machines put back from backups,
// checkpoints, installs, take-overs by the only one that is left, and hand-overs while customers work and
// read; then peace, in which nothing is stuck for longer than five seconds, everybody must get everything,
// every command must become known, and all states must be the same.

#include <string>

#include "cluster.h"
#include "shop.h"

namespace kontor::sim {

[[nodiscard]] Options storm_options(std::uint64_t seed);

class Storm {
 public:
    explicit Storm(const Options& options)
        : voters_(1 + static_cast<std::size_t>(options.seed % options.places)),
          min_voters_(options.seed % 3 == 0 ? 1 : 2),
          freezes_leaders_(options.freezes_leaders),
          cluster_(options),
          shop_(cluster_) {}

    [[nodiscard]] std::string run();  // "" or the problem, with a trace
    [[nodiscard]] const Stats& stats() const { return cluster_.stats(); }
    [[nodiscard]] const Shop& shop() const { return shop_; }

 private:
    [[nodiscard]] std::size_t somebody() {
        return static_cast<std::size_t>(cluster_.random(0, cluster_.places() - 1));
    }
    [[nodiscard]] bool fine() const { return cluster_.violation().empty(); }
    void grow();
    void blow();
    void disturb();
    void disturb_links(std::uint64_t dice);
    void freeze(std::size_t place);
    void end_faults();
    void nothing_is_stuck();
    [[nodiscard]] bool handing_over();
    void change_something(std::size_t chief);
    [[nodiscard]] bool may_lose(std::size_t place) const;
    void lose_a_machine();
    void put_a_machine_back(std::size_t place);
    void rest();
    [[nodiscard]] bool mend(std::size_t voters);  // one step; false: nothing is left to do
    void settle(const std::string& when);

    const std::size_t voters_, min_voters_;
    const bool freezes_leaders_;
    Cluster cluster_;
    Shop shop_;
    std::uint64_t end_ms_ = 0, lost_ms_ = 0, hand_over_to_ = 0, hand_over_until_ = 0;
};

}  // namespace kontor::sim
