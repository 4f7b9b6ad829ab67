#pragma once
// Real replicas in one process. A node's state machine is the list of what was applied, and its checkpoint a
// copy of that list: what another node gets instead of the entries.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "kontor/replication/replica.h"
#include "test_support.h"

namespace kontor::replication::test {

// What a checkpoint is here.
struct Copy {
    std::vector<Applied> applied;
    std::string meta;
};

class CopyMachine : public StateMachine {
 public:
    explicit CopyMachine(std::vector<Applied> applied) : applied_(std::move(applied)) {}
    void apply(Position at, std::string_view payload) override {
        const std::lock_guard lock(mutex_);
        applied_.push_back({at, std::string(payload)});
        if (wants_copy_ && replica != nullptr) {
            copy_ = Copy{applied_, replica.load()->snapshot_meta(at.index)};
            wants_copy_ = false;
        }
    }
    [[nodiscard]] std::vector<Applied> applied() const {
        const std::lock_guard lock(mutex_);
        return applied_;
    }
    [[nodiscard]] bool contains(Position at) const {
        const std::lock_guard lock(mutex_);
        return std::any_of(applied_.rbegin(), applied_.rend(), [&](const Applied& a) { return a.at == at; });
    }
    void ask_for_copy() {
        const std::lock_guard lock(mutex_);
        copy_.reset();
        wants_copy_ = true;
    }
    [[nodiscard]] std::optional<Copy> copy() const {
        const std::lock_guard lock(mutex_);
        return copy_;
    }
    std::atomic<Replica*> replica{nullptr};

 private:
    mutable std::mutex mutex_;
    std::vector<Applied> applied_;
    std::optional<Copy> copy_;
    bool wants_copy_ = false;
};

class Cluster {
 public:
    struct Node : PeerTransport {
        void send(std::uint64_t to, std::string frame) override {
            cluster->pass_on(id, to, std::move(frame));
        }
        Cluster* cluster = nullptr;
        std::uint64_t id = 0;
        TempFolder folder;
        std::optional<Copy> checkpoint;  // durable
        std::unique_ptr<CopyMachine> machine;
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
    friend struct Node;
    void pass_on(std::uint64_t from, std::uint64_t to, std::string frame);
    void open(Node& node);
    void close(Node& node);
    void install(Node& node);
    [[nodiscard]] ReplicaOptions options_of(Node& node);
    bool submit_one(const std::string& payload);
    std::vector<std::uint64_t> running();

    std::mutex mutex_;  // guards who is reachable, and that a replica stays while a frame is passed to it
    std::map<std::uint64_t, std::unique_ptr<Node>> nodes_;
    std::set<std::uint64_t> reachable_, cut_off_;
    std::vector<std::string> acknowledged_;
    int value_ = 0;
    std::thread load_;
    std::atomic<bool> loading_{false};
};

}  // namespace kontor::replication::test
