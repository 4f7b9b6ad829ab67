// Replica: propose, apply, restart, replay, checkpoint, stop.

#include <fcntl.h>

#include "replica_impl.h"
#include "snapshot_meta.h"
#include "support/eventually.h"
#include "test_support.h"

namespace kontor::replication::test {
namespace {

std::vector<std::string> numbered(const std::string& prefix, int n) {
    std::vector<std::string> out;
    for (int i = 0; i < n; ++i) out.push_back(prefix + std::to_string(i));
    return out;
}

std::unique_ptr<Replica> open_ok(const ReplicaOptions& options, StateMachine& machine,
                                 std::string_view meta = "") {
    auto replica = Replica::open(options, machine, meta);
    EXPECT_TRUE(replica.has_value()) << (replica ? "" : replica.error().describe());
    return replica ? *std::move(replica) : nullptr;
}

TEST(Replica, BootstrapsProposesAndAppliesInOrder) {
    TempFolder folder;
    RecordingMachine machine;
    auto replica = open_ok(options_in(folder.path()), machine);
    ASSERT_NE(replica, nullptr);
    std::atomic<int> ready_calls{0}, leader_calls{0};
    replica->on_ready = [&] { ++ready_calls; };
    replica->on_role = [&](Role role) { leader_calls += role == Role::leader; };
    ASSERT_TRUE(replica->start().has_value());
    const auto payloads = numbered("p", 200);
    const auto positions = propose_all(*replica, payloads);
    ASSERT_TRUE(machine.wait_for(payloads.size()));
    const auto applied = machine.applied();
    ASSERT_EQ(applied.size(), payloads.size());
    for (std::size_t i = 0; i < payloads.size(); ++i) {
        EXPECT_EQ(applied[i].at, positions[i]);
        EXPECT_EQ(applied[i].payload, payloads[i]);
        EXPECT_EQ(applied[i].at.index, i + 2);  // entry 1 is the configuration
    }
    EXPECT_EQ(replica->role(), Role::leader);
    EXPECT_EQ(leader_calls, 1);
    EXPECT_GE(ready_calls, 1);
    const auto stats = replica->stats();
    EXPECT_EQ(stats.last_index, 201U);
    EXPECT_EQ(stats.commit_index, 201U);
    EXPECT_EQ(stats.entries, 200U);
    EXPECT_GT(stats.syncs, 0U);
    EXPECT_GT(stats.log_bytes, 200U * 48U);
    EXPECT_GT(stats.appended_bytes, 200U * 48U);
    replica->stop();
    EXPECT_EQ(replica->role(), Role::stopped);
}

TEST(Replica, RestartReplaysExactlyOnceInANewTerm) {
    TempFolder folder;
    const auto payloads = numbered("r", 50);
    std::vector<Applied> first_run;
    std::uint64_t term = 0;
    for (int run = 0; run < 3; ++run) {
        RecordingMachine machine;
        auto replica = open_ok(options_in(folder.path()), machine);
        ASSERT_NE(replica, nullptr);
        ASSERT_TRUE(replica->start().has_value());
        if (run == 0) {
            propose_all(*replica, payloads);
            ASSERT_TRUE(machine.wait_for(payloads.size()));
            first_run = machine.applied();
        } else {
            ASSERT_TRUE(machine.wait_idle());
            EXPECT_EQ(machine.applied(), first_run);
        }
        EXPECT_GT(replica->stats().term, term);  // guard 2
        term = replica->stats().term;
    }
}

TEST(Replica, ReplaysMoreThanTheQueueHoldsAndThenGoesOn) {
    TempFolder folder;
    auto options = options_in(folder.path());
    options.segment_bytes = 8U << 20U;
    options.max_inflight_entries = 64;
    const int n = static_cast<int>(kMaxQueuedEntries) + 500;
    {
        RecordingMachine machine;
        auto replica = open_ok(options, machine);
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, numbered("x", n));
        ASSERT_TRUE(machine.wait_for(static_cast<std::size_t>(n)));
    }
    RecordingMachine machine;
    auto replica = open_ok(options, machine);
    ASSERT_TRUE(replica->start().has_value());
    propose_all(*replica, {"new"});
    ASSERT_TRUE(machine.wait_for(static_cast<std::size_t>(n) + 1));
    const auto applied = machine.applied();
    EXPECT_EQ(applied.front().payload, "x0");
    EXPECT_EQ(applied[static_cast<std::size_t>(n) - 1].payload, "x" + std::to_string(n - 1));
    EXPECT_EQ(applied.back().payload, "new");
    for (std::size_t i = 1; i < applied.size(); ++i)
        ASSERT_EQ(applied[i].at.index, applied[i - 1].at.index + 1);
}

// A state machine that is slower than the log: what does not fit the queue comes from disk, in order.
TEST(Replica, SlowStateMachineIsFedFromDisk) {
    TempFolder folder;
    auto options = options_in(folder.path());
    options.max_inflight_entries = 8;
    options.segment_bytes = 1U << 20U;
    RecordingMachine machine;
    std::atomic<bool> hold{true};
    machine.before_apply = [&](Position) {
        while (hold) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    };
    auto replica = open_ok(options, machine);
    ASSERT_TRUE(replica->start().has_value());
    const int n = 24;
    std::vector<std::string> payloads;
    for (int i = 0; i < n; ++i)
        payloads.emplace_back(1U << 20U, static_cast<char>('a' + i));  // 24 MiB > kMaxQueuedBytes
    propose_all(*replica, payloads);
    while (replica->stats().commit_index < static_cast<std::uint64_t>(n) + 1) std::this_thread::yield();
    hold = false;
    ASSERT_TRUE(machine.wait_for(payloads.size()));
    const auto applied = machine.applied();
    for (std::size_t i = 0; i < payloads.size(); ++i) ASSERT_EQ(applied[i].payload, payloads[i]) << i;
}

TEST(Replica, CheckpointDropsSegmentsAndRestartContinuesAfterIt) {
    TempFolder folder;
    auto options = options_in(folder.path());
    options.segment_bytes = 4096;
    options.trailing_entries = 4;
    const auto payloads = numbered(std::string(300, 'c'), 200);
    std::string meta;
    std::uint64_t checkpoint = 0;
    {
        RecordingMachine machine;
        auto replica = open_ok(options, machine);
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, payloads);
        ASSERT_TRUE(machine.wait_for(payloads.size()));
        const auto before = segments_in(folder.path()).size();
        ASSERT_GT(before, 10U);
        checkpoint = machine.applied().back().at.index;
        // The apply thread is idle now and nothing is proposed: its view may be read here.
        ASSERT_TRUE(machine.wait_idle());
        meta = replica->snapshot_meta(checkpoint);
        replica->checkpointed(meta);
        EXPECT_TRUE(kontor_test::eventually([&] { return segments_in(folder.path()).size() <= 2; }));
        EXPECT_GT(replica->stats().first_index, 100U);
        EXPECT_LE(replica->stats().first_index, checkpoint - options.trailing_entries + 1);
        propose_all(*replica, {"after-0", "after-1"});
        ASSERT_TRUE(machine.wait_for(payloads.size() + 2));
    }
    const auto decoded = decode_snapshot_meta(meta);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->index, checkpoint);
    EXPECT_EQ(decoded->configuration_index, 1U);
    {
        RecordingMachine machine;
        auto replica = open_ok(options, machine, meta);
        ASSERT_NE(replica, nullptr);
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"after-2"});
        ASSERT_TRUE(machine.wait_for(3));
        const auto applied = machine.applied();
        ASSERT_EQ(applied.size(), 3U);
        EXPECT_EQ(applied[0].payload, "after-0");
        EXPECT_EQ(applied[0].at.index, checkpoint + 1);
        EXPECT_EQ(applied[2].payload, "after-2");
        // Another checkpoint on top of a restored one, and one that is older than it: ignored.
        ASSERT_TRUE(machine.wait_idle());
        const auto second = replica->snapshot_meta(applied[2].at.index);
        replica->checkpointed(second);
        replica->checkpointed(meta);
        propose_all(*replica, {"after-3"});
        ASSERT_TRUE(machine.wait_for(4));
        replica.reset();
        RecordingMachine again;
        replica = open_ok(options, again, second);
        ASSERT_TRUE(replica->start().has_value());
        ASSERT_TRUE(again.wait_for(1));
        EXPECT_EQ(again.applied().front().payload, "after-3");
        replica.reset();  // before its machine
    }
    RecordingMachine machine;
    const auto without = Replica::open(options, machine, "");
    ASSERT_FALSE(without.has_value());
    EXPECT_EQ(without.error().code, ErrorCode::corruption);
}

TEST(Replica, SnapshotMetaOfARestoredStateIsThatOfItsCheckpoint) {
    TempFolder folder;
    auto options = options_in(folder.path());
    std::string meta;
    {
        RecordingMachine machine;
        auto replica = open_ok(options, machine);
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"a", "b"});
        ASSERT_TRUE(machine.wait_for(2));
        ASSERT_TRUE(machine.wait_idle());
        meta = replica->snapshot_meta(3);
    }
    RecordingMachine machine;
    auto replica = open_ok(options, machine, meta);
    EXPECT_EQ(replica->snapshot_meta(3), meta);
}

TEST(Replica, RefusesFolderInUseOtherNodeAndBadOptions) {
    TempFolder folder;
    auto options = options_in(folder.path());
    RecordingMachine machine;
    auto first = open_ok(options, machine);
    const auto second = Replica::open(options, machine, "");
    ASSERT_FALSE(second.has_value());
    EXPECT_EQ(second.error().code, ErrorCode::unavailable);
    first.reset();
    options.node_id = 2;
    const auto other = Replica::open(options, machine, "");
    ASSERT_FALSE(other.has_value());
    EXPECT_EQ(other.error().code, ErrorCode::invalid_argument);
    options.node_id = 1;
    options.clock = nullptr;
    EXPECT_EQ(Replica::open(options, machine, "").error().code, ErrorCode::invalid_argument);
    options.clock = &system_clock();
    options.max_inflight_entries = kMaxInflightEntries + 1;
    EXPECT_EQ(Replica::open(options, machine, "").error().code, ErrorCode::invalid_argument);
    options.max_inflight_entries = kMaxInflightEntries;
    EXPECT_TRUE(Replica::open(options, machine, "").has_value());
}

TEST(Replica, LogAndCheckpointMustMeet) {
    TempFolder folder;
    auto options = options_in(folder.path());
    RecordingMachine machine;
    std::string meta;
    {
        auto replica = open_ok(options, machine);
        ASSERT_TRUE(replica->start().has_value());
        propose_all(*replica, {"a", "b", "c"});
        ASSERT_TRUE(machine.wait_for(3));
        ASSERT_TRUE(machine.wait_idle());
        meta = replica->snapshot_meta(4);
    }
    auto decoded = *decode_snapshot_meta(meta);
    const auto refused = [&](const SnapshotMeta& wrong) {
        const auto opened = Replica::open(options, machine, encode_snapshot_meta(wrong));
        ASSERT_FALSE(opened.has_value());
        EXPECT_EQ(opened.error().code, ErrorCode::corruption) << opened.error().describe();
    };
    SnapshotMeta ahead = decoded;
    ahead.index = 9;
    refused(ahead);
    SnapshotMeta other_term = decoded;
    other_term.term += 1;
    refused(other_term);
    auto cut = meta;
    cut.pop_back();
    EXPECT_EQ(Replica::open(options, machine, cut).error().code, ErrorCode::corruption);
    for (std::size_t i = 0; i < meta.size(); ++i) {
        auto flipped = meta;
        flipped[i] = static_cast<char>(flipped[i] ^ 0x10);
        ASSERT_FALSE(decode_snapshot_meta(flipped).has_value()) << i;
    }
    // The whole log folder is gone, the checkpoint is not: never start empty over it.
    TempFolder empty;
    auto elsewhere = options_in(empty.path());
    EXPECT_EQ(Replica::open(elsewhere, machine, meta).error().code, ErrorCode::corruption);
}

TEST(Replica, ProposalLimits) {
    TempFolder folder;
    RecordingMachine machine;
    std::atomic<bool> hold{false};
    auto options = options_in(folder.path());
    options.crash_point = [&](const char* step) {
        while (hold && std::string_view(step) == "log-written") std::this_thread::yield();
    };
    auto replica = open_ok(options, machine);
    ASSERT_TRUE(replica->start().has_value());
    std::vector<std::string> edge{std::string(kMaxEntryBytes, 'm')};
    propose_all(*replica, edge);
    ASSERT_TRUE(machine.wait_for(1));
    EXPECT_EQ(machine.applied()[0].payload, edge[0]);
    std::optional<ErrorCode> code;
    replica->propose(std::string(kMaxEntryBytes + 1, 'm'),
                     [&](Result<Position> at) { code = at.error().code; });
    EXPECT_EQ(code, ErrorCode::too_large);

    // The disk stands still: the window fills, then the queue, then overloaded; all accepted ones are
    // applied.
    hold = true;
    std::atomic<unsigned> accepted{0}, overloaded{0};
    const unsigned capacity = options.max_inflight_entries + kMaxQueuedProposals;
    for (unsigned i = 0; i < capacity + 5; ++i) {
        replica->propose("q" + std::to_string(i), [&](Result<Position> at) {
            if (at) {
                ++accepted;
            } else {
                EXPECT_EQ(at.error().code, ErrorCode::overloaded);
                ++overloaded;
            }
        });
    }
    EXPECT_EQ(overloaded, 5U);
    EXPECT_FALSE(replica->ready());
    hold = false;
    ASSERT_TRUE(machine.wait_for(1 + capacity));
    EXPECT_EQ(accepted, capacity);
    const auto applied = machine.applied();
    for (unsigned i = 0; i < capacity; ++i) EXPECT_EQ(applied[i + 1].payload, "q" + std::to_string(i));
}

TEST(Replica, StoppedReplicaAnswersUnavailable) {
    TempFolder folder;
    RecordingMachine machine;
    auto replica = open_ok(options_in(folder.path()), machine);
    ASSERT_TRUE(replica->start().has_value());
    replica->stop();
    replica->stop();
    std::optional<ErrorCode> code;
    replica->propose("late", [&](Result<Position> at) { code = at.error().code; });
    EXPECT_EQ(code, ErrorCode::unavailable);
    EXPECT_FALSE(replica->ready());
    EXPECT_FALSE(replica->start().has_value());
}

TEST(Replica, LogPressureAboveTheLimitUntilACheckpoint) {
    TempFolder folder;
    auto options = options_in(folder.path());
    options.segment_bytes = 4096;
    options.max_log_bytes = 20'000;
    options.trailing_entries = 1'000;  // would keep everything
    RecordingMachine machine;
    auto replica = open_ok(options, machine);
    ASSERT_TRUE(replica->start().has_value());
    EXPECT_FALSE(replica->log_pressure());
    std::size_t n = 0;
    while (!replica->log_pressure() && n < 100) {
        propose_all(*replica, {std::string(1000, 'l')});
        ASSERT_TRUE(machine.wait_for(++n));
    }
    EXPECT_TRUE(replica->log_pressure());
    EXPECT_GT(replica->stats().log_bytes, options.max_log_bytes);
    ASSERT_TRUE(machine.wait_idle());
    replica->checkpointed(replica->snapshot_meta(machine.applied().back().at.index));
    EXPECT_TRUE(kontor_test::eventually([&] { return !replica->log_pressure(); }));
}

}  // namespace
}  // namespace kontor::replication::test
