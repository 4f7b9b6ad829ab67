#pragma once
// Real replicas in one process, whose state machines record what was applied.

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "kontor/replication/replica.h"
#include "support/peer_switch.h"
#include "support/recording_machine.h"
#include "test_support.h"

namespace kontor::replication::test {

using kontor_test::Copy;

class Cluster {
 public:
    struct Node {
        std::uint64_t id = 0;
        TempFolder folder;
        std::optional<Copy> checkpoint;  // durable
        std::unique_ptr<RecordingMachine> machine;
        std::unique_ptr<Replica> replica;
        std::atomic<bool> needs_snapshot{false};
        std::thread installer;
    };

    Cluster() = default;
    ~Cluster();
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;

    void found(std::uint64_t id);
    void found_three();
    // With `from_checkpoint` it begins with the leader's checkpoint, otherwise with nothing.
    void join(std::uint64_t id, bool from_checkpoint = false);
    void start(std::uint64_t id);
    void kill(std::uint64_t id);
    Result<Position> take_over(std::uint64_t id);  // of a killed one
    void cut_off(std::uint64_t id);
    void heal();
    void checkpoint(std::uint64_t id);

    [[nodiscard]] Node& node(std::uint64_t id) { return *nodes_.at(id); }
    [[nodiscard]] std::uint64_t leader();  // 0: none that everybody agrees on
    bool wait(const std::function<bool()>& condition);
    // Each until it is applied by the leader that took it; asked again when it was lost.
    void submit(int count, const std::string& padding = "");
    void start_load();
    void stop_load();
    Result<Position> change(MembershipChange::Kind kind, std::uint64_t id, int attempts = 10);
    Result<void> transfer(std::uint64_t id);
    // Once everything is applied everywhere: the same, and all that was acknowledged.
    void expect_same_everywhere();

    std::atomic<int> installs{0};

 private:
    void open(Node& node);
    void close(Node& node);
    void install(Node& node);
    [[nodiscard]] ReplicaOptions options_of(Node& node);
    bool submit_one(const std::string& payload);

    kontor_test::PeerSwitch switch_;  // who is plugged in runs
    std::map<std::uint64_t, std::unique_ptr<Node>> nodes_;
    std::vector<std::string> acknowledged_;
    int value_ = 0;
    std::thread load_;
    std::atomic<bool> loading_{false};
};

}  // namespace kontor::replication::test
