#pragma once
// One driver under the test's hand, and messages for it.

#include <gtest/gtest.h>

#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "driver.h"

namespace kontor::replication::test {

inline Payload bytes(const std::string& text) {
    return std::make_shared<const std::string>(text);
}

inline Configuration configuration_of(const std::vector<ServerRole>& roles) {
    Configuration out;
    for (std::size_t i = 0; i < roles.size(); ++i)
        out.servers.push_back({i + 1, "node" + std::to_string(i + 1), roles[i]});
    return out;
}

inline Entry first_entry(const Configuration& configuration) {
    return {1, EntryType::change, bytes(*encode_configuration(configuration))};
}

// One server under the test's hand: its disk completes what the test says.
struct Node {
    Node(std::uint64_t node_id, const Configuration& configuration, GuardOptions node_guards = {})
        : id(node_id), guards(node_guards) {
        disk.push_back(first_entry(configuration));
        start();
    }
    void start() {
        DriverOptions options;
        options.node_id = id;
        options.address = "node" + std::to_string(id);
        options.seed = static_cast<unsigned>(id);
        options.guards = guards;
        driver = *Driver::create(options);
        pending.clear();
        StartState state;
        state.hard = hard;
        state.snapshot = snapshot;
        state.start_index = first;
        state.entries = disk;
        if (const auto raised = driver->before_start(state)) hard = state.hard = *raised;
        Actions actions;
        EXPECT_TRUE(driver->start(now_ms, state, actions).has_value());
        take(actions);
    }
    void take(Actions& actions) {
        if (actions.hard_state) hard = *actions.hard_state;
        for (auto& append : actions.appends) pending.push_back(std::move(append));
        for (auto& message : actions.messages) outbox.push_back(std::move(message));
        if (actions.snapshot_needed) snapshot_needed = actions.snapshot_needed;
    }
    void complete_write() {
        const AppendAction append = std::move(pending.front());
        pending.pop_front();
        disk.resize(static_cast<std::size_t>(append.first_index - first));
        disk.insert(disk.end(), append.entries.begin(), append.entries.end());
        Actions actions;
        EXPECT_TRUE(driver->persisted(now_ms, append.ticket, actions).has_value());
        take(actions);
    }
    void receive(Message message) {
        Actions actions;
        EXPECT_TRUE(driver->receive(now_ms, message, actions).has_value());
        take(actions);
    }
    void submit(const std::string& payload) {
        Actions actions;
        const auto done = driver->submit(now_ms, {Entry{0, EntryType::command, bytes(payload)}}, actions);
        ASSERT_TRUE(done.has_value());
        ASSERT_EQ(done->status, SubmitStatus::accepted);
        take(actions);
    }
    void timeout(std::uint64_t later_ms) {
        now_ms += later_ms;
        Actions actions;
        EXPECT_TRUE(driver->timeout(now_ms, actions).has_value());
        take(actions);
    }
    SubmitStatus change(const Configuration& wanted) {
        Actions actions;
        const auto done = driver->submit_change(now_ms, wanted, actions);
        EXPECT_TRUE(done.has_value());
        take(actions);
        return done->status;
    }

    std::uint64_t id;
    GuardOptions guards;
    std::uint64_t now_ms = 1'000;
    HardState hard{1, 0};
    std::optional<SnapshotMeta> snapshot;
    std::uint64_t first = 1;
    std::vector<Entry> disk;
    std::deque<AppendAction> pending;
    std::vector<Message> outbox;
    std::optional<SnapshotNeeded> snapshot_needed;
    std::unique_ptr<Driver> driver;
};

// Delivers between two nodes until nothing moves. Disks complete at once, unless a node's is held.
inline void settle(Node& a, Node& b, bool hold_disk_of_a = false) {
    for (int round = 0; round < 50; ++round) {
        bool moved = false;
        for (auto [from, to] : {std::pair{&a, &b}, std::pair{&b, &a}}) {
            auto out = std::exchange(from->outbox, {});
            for (Message& message : out) {
                if (message.header.peer != to->id) continue;
                message.header.peer = from->id;
                message.peer_address = "node" + std::to_string(from->id);
                to->receive(std::move(message));
                moved = true;
            }
            while (!from->pending.empty() && !(from == &a && hold_disk_of_a)) {
                from->complete_write();
                moved = true;
            }
        }
        if (!moved) break;
    }
}

inline Message append_from(std::uint64_t peer, std::uint64_t term, std::uint64_t prev,
                           std::uint64_t prev_term, std::vector<Entry> entries) {
    Message message;
    message.header.type = KONTOR_RAFT_APPEND;
    message.header.peer = peer;
    message.header.term = term;
    message.header.log_index = prev;
    message.header.log_term = prev_term;
    message.header.leader_commit = 1;
    message.header.n_entries = static_cast<std::uint32_t>(entries.size());
    message.peer_address = "node" + std::to_string(peer);
    message.entries = std::move(entries);
    return message;
}

}  // namespace kontor::replication::test
