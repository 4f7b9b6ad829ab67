// The guards on messages between nodes: what goes wrong without each, and that it does not with it.

#include <gtest/gtest.h>

#include "guard_node.h"

namespace kontor::replication::test {
namespace {

const auto kThreeVoters = configuration_of({ServerRole::voter, ServerRole::voter, ServerRole::voter});

Entry command(std::uint64_t term, const std::string& payload) {
    return {term, EntryType::command, bytes(payload)};
}

Message vote_from(std::uint64_t peer, std::uint64_t term, std::uint64_t last, std::uint64_t last_term) {
    Message message;
    message.header.type = KONTOR_RAFT_VOTE;
    message.header.version = 2;
    message.header.peer = message.header.candidate = peer;
    message.header.term = term;
    message.header.log_index = last;
    message.header.log_term = last_term;
    message.peer_address = "node" + std::to_string(peer);
    return message;
}

Message install_from(std::uint64_t peer, std::uint64_t term, std::uint64_t index, std::uint64_t index_term) {
    Message message;
    message.header.type = KONTOR_RAFT_INSTALL_SNAPSHOT;
    message.header.peer = peer;
    message.header.term = term;
    message.header.log_index = index;
    message.header.log_term = index_term;
    message.header.configuration_index = 1;
    message.peer_address = "node" + std::to_string(peer);
    return message;
}

TEST(Guards, Five_AChangeInTheMiddleOfAnAppendIsRecordedWhereItIs) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.split_at_change = guard;
        Node follower(1, kThreeVoters, guards);
        Configuration larger = kThreeVoters;
        larger.servers.push_back({4, "node4", ServerRole::standby});
        const Entry change{2, EntryType::change, bytes(*encode_configuration(larger))};
        follower.receive(append_from(2, 2, 1, 1, {command(2, "a"), change, command(2, "b")}));
        while (!follower.pending.empty()) follower.complete_write();
        EXPECT_EQ(follower.driver->last_index(), 4U);
        Message heartbeat = append_from(2, 2, 4, 2, {});
        heartbeat.header.leader_commit = 4;
        follower.receive(heartbeat);
        EXPECT_EQ(follower.driver->commit_index(), 4U);
        EXPECT_EQ(follower.driver->configuration_index(), 3U);
        // Without it the engine waits for ever for a configuration at an index that holds none.
        EXPECT_EQ(follower.driver->committed_configuration_index() == 3, guard);
    }
}

TEST(Guards, Five_TwoChangesInOneAppendAreTakenOneAfterTheOther) {
    Node follower(1, kThreeVoters);
    Configuration larger = kThreeVoters;
    larger.servers.push_back({4, "node4", ServerRole::standby});
    Configuration promoted = larger;
    promoted.servers[3].role = ServerRole::voter;
    const Entry first{2, EntryType::change, bytes(*encode_configuration(larger))};
    const Entry second{2, EntryType::change, bytes(*encode_configuration(promoted))};
    Message append = append_from(2, 2, 1, 1, {first, second, command(2, "x")});
    append.header.leader_commit = 2;
    follower.receive(append);
    EXPECT_EQ(follower.driver->committed_configuration_index(), 2U);
    EXPECT_EQ(follower.driver->configuration_index(), 3U);
    EXPECT_EQ(follower.driver->configuration(), promoted);
}

TEST(Guards, Six_AnAppendFromBeforeTheSnapshotIsNotTakenAsNew) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.anchor_at_snapshot = guard;
        Node follower(1, kThreeVoters, guards);
        follower.snapshot = SnapshotMeta{10, 1, 1, *encode_configuration(kThreeVoters)};
        follower.first = 11;
        follower.disk.clear();
        follower.start();
        std::vector<Entry> entries{first_entry(kThreeVoters)};
        for (int i = 2; i <= 12; ++i) entries.push_back(command(1, std::to_string(i)));
        if (!guard) {
            // The engine wants all of them written, behind and below what the server has.
            EXPECT_DEATH(follower.receive(append_from(2, 1, 0, 0, entries)), "");
            continue;
        }
        follower.receive(append_from(2, 1, 0, 0, entries));
        EXPECT_EQ(follower.driver->last_index(), 12U);
        ASSERT_FALSE(follower.pending.empty());
        EXPECT_EQ(follower.pending.front().first_index, 11U);
        EXPECT_EQ(*follower.pending.front().entries[0].payload, "11");
        // Wholly covered: an answer that says so, and no entries.
        follower.complete_write();
        follower.outbox.clear();
        follower.receive(append_from(2, 1, 0, 0, {first_entry(kThreeVoters), command(1, "2")}));
        EXPECT_TRUE(follower.pending.empty());
        ASSERT_FALSE(follower.outbox.empty());
        EXPECT_EQ(follower.outbox.back().header.rejected, 0U);
        EXPECT_EQ(follower.outbox.back().header.last_index, 10U);
    }
}

TEST(Guards, Seven_AStaleAppendWithPrevZeroIsNotAnsweredAsASuccess) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.drop_stale = guard;
        Node follower(1, kThreeVoters, guards);
        follower.receive(append_from(3, 5, 1, 1, {}));
        follower.outbox.clear();
        follower.receive(append_from(2, 4, 0, 0, {first_entry(kThreeVoters)}));
        EXPECT_EQ(follower.outbox.empty(), guard);
        if (!guard) {
            EXPECT_EQ(follower.outbox[0].header.rejected, 0U) << "no success: no reason for the guard";
        }
    }
}

TEST(Guards, Seven_AStaleInstallSnapshotDoesNotStopTheServer) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.drop_stale = guard;
        Node follower(1, kThreeVoters, guards);
        follower.receive(append_from(3, 5, 1, 1, {command(5, "a")}));
        follower.receive(install_from(2, 4, 9, 4));
        EXPECT_EQ(follower.snapshot_needed.has_value(), !guard);
    }
}

// The engine leaves the last index of this answer uninitialised.
TEST(Guards, Seven_TheAnswerToAnyOtherStaleAppendHasNoGarbage) {
    Node follower(1, kThreeVoters);
    follower.receive(append_from(3, 5, 1, 1, {command(5, "a"), command(5, "b")}));
    follower.outbox.clear();
    follower.receive(append_from(2, 4, 1, 1, {command(4, "x")}));
    ASSERT_EQ(follower.outbox.size(), 1U);
    EXPECT_EQ(follower.outbox[0].header.term, 5U);
    EXPECT_EQ(follower.outbox[0].header.rejected, 1U);
    EXPECT_EQ(follower.outbox[0].header.last_index, 0U);
}

// Two servers of three that elected the first; both have `entries` entries more than the configuration.
struct Elected {
    explicit Elected(GuardOptions guards, int entries)
        : a(1, kThreeVoters, guards), b(2, kThreeVoters, guards) {
        a.timeout(3'000);
        settle(a, b);
        EXPECT_EQ(a.driver->role(), Role::leader);
        for (int i = 0; i < entries; ++i) a.submit(std::to_string(i));
        settle(a, b);
        a.timeout(100);
        settle(a, b);
    }
    Node a, b;
};

TEST(Guards, Eight_ALateRejectDoesNotMoveTheLeaderBelowWhatItKnows) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.drop_late_rejects = guard;
        Elected pair(guards, 6);
        const std::uint64_t match = pair.a.driver->match_index(2);
        ASSERT_EQ(match, pair.a.driver->last_index());
        pair.a.timeout(100);  // heartbeats, and no answer: the leader probes
        pair.a.timeout(100);
        pair.a.timeout(100);
        pair.a.outbox.clear();
        Message late;
        late.header.type = KONTOR_RAFT_APPEND_RESULT;
        late.header.peer = 2;
        late.header.term = pair.a.driver->term();
        late.header.rejected = match;
        late.header.last_index = match - 3;
        late.peer_address = "node2";
        pair.a.receive(late);
        bool sent_below = false;
        for (const Message& message : pair.a.outbox) {
            sent_below |= message.header.peer == 2 && message.header.log_index < match;
        }
        EXPECT_EQ(sent_below, !guard);
    }
}

TEST(Guards, Nine_AServerThatDoesNotKnowItsPromotionVotes) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.vote_as_voter = guard;
        Node standby(3, configuration_of({ServerRole::voter, ServerRole::voter, ServerRole::standby}),
                     guards);
        standby.receive(append_from(2, 1, 1, 1, {}));  // its leader, which is gone now
        standby.outbox.clear();
        standby.timeout(3'000);
        standby.receive(vote_from(1, 2, 2, 1));
        ASSERT_EQ(standby.outbox.size(), 1U);
        EXPECT_EQ(standby.outbox[0].header.granted, guard);
        // Only for that moment: it does not stand for election itself.
        standby.outbox.clear();
        standby.timeout(3'000);
        EXPECT_TRUE(standby.outbox.empty());
    }
}

TEST(Guards, Nine_AServerThatHearsItsLeaderIsNotDisturbed) {
    Node standby(3, configuration_of({ServerRole::voter, ServerRole::voter, ServerRole::standby}));
    standby.now_ms += 3'000;
    standby.receive(append_from(2, 1, 1, 1, {}));
    standby.outbox.clear();
    standby.receive(vote_from(1, 2, 2, 1));
    ASSERT_EQ(standby.outbox.size(), 1U);
    EXPECT_FALSE(standby.outbox[0].header.granted);
    EXPECT_EQ(standby.driver->term(), 1U);
}

TEST(Guards, Ten_ADeniedPreVoteShowsTheHigherTerm) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.show_own_term = guard;
        Node server(1, kThreeVoters, guards);
        server.hard = {7, 0};
        server.disk.push_back(command(7, "newer"));
        server.start();
        server.outbox.clear();
        Message pre_vote = vote_from(2, 3, 1, 1);
        pre_vote.header.pre_vote = true;
        server.receive(pre_vote);
        ASSERT_EQ(server.outbox.size(), 1U);
        EXPECT_FALSE(server.outbox[0].header.granted);
        EXPECT_EQ(server.outbox[0].header.term, guard ? 7U : 3U);
    }
}

TEST(Guards, Eleven_AChangeIsNotSentBeforeItIsOnTheLeadersDisk) {
    for (const bool guard : {false, true}) {
        GuardOptions guards;
        guards.hold_back_change = guard;
        guards.match_before_change = false;  // the third server is not there
        Elected pair(guards, 2);
        Configuration larger = kThreeVoters;
        larger.servers.push_back({4, "node4", ServerRole::standby});
        ASSERT_EQ(pair.a.change(larger), SubmitStatus::accepted);
        const std::uint64_t change = pair.a.driver->last_index();
        pair.a.submit("behind it");
        const auto sent = [&] {
            bool found = false;
            for (const Message& message : pair.a.outbox) {
                if (message.header.peer != 2 || message.header.type != KONTOR_RAFT_APPEND) continue;
                found |= message.header.log_index + message.header.n_entries >= change;
            }
            return found;
        };
        EXPECT_EQ(sent(), !guard);
        if (!guard) continue;
        pair.a.complete_write();  // the change is on the disk
        EXPECT_TRUE(sent());
        pair.a.complete_write();
        settle(pair.a, pair.b);
        EXPECT_EQ(pair.b.driver->configuration(), larger);
        EXPECT_EQ(pair.b.driver->last_index(), change + 1);
        EXPECT_EQ(pair.a.driver->commit_index(), change + 1);
    }
}

TEST(Driver, LeadershipIsHandedOnlyToOneThatHasEverything) {
    Elected pair({}, 1);
    Actions actions;
    EXPECT_EQ(*pair.a.driver->transfer(pair.a.now_ms, 1, actions), SubmitStatus::refused);
    EXPECT_EQ(*pair.a.driver->transfer(pair.a.now_ms, 9, actions), SubmitStatus::refused);
    EXPECT_EQ(*pair.b.driver->transfer(pair.b.now_ms, 1, actions), SubmitStatus::not_leader);
    EXPECT_EQ(*pair.a.driver->transfer(pair.a.now_ms, 3, actions), SubmitStatus::retry_later);  // has nothing
    pair.a.submit("one more");
    EXPECT_EQ(*pair.a.driver->transfer(pair.a.now_ms, 2, actions), SubmitStatus::retry_later);
    settle(pair.a, pair.b);
    EXPECT_TRUE(actions.messages.empty());
    EXPECT_EQ(*pair.a.driver->transfer(pair.a.now_ms, 2, actions), SubmitStatus::accepted);
    EXPECT_EQ(pair.a.driver->transferee(), 2U);
    pair.a.take(actions);
    settle(pair.a, pair.b);
    EXPECT_EQ(pair.b.driver->role(), Role::leader);
    EXPECT_EQ(pair.a.driver->role(), Role::follower);
}

TEST(Driver, APeerIsToldOfTheLastCommitWithoutWaitingForAHeartbeat) {
    Elected pair({}, 1);
    pair.a.submit("the last one");
    settle(pair.a, pair.b);  // no time passes
    EXPECT_EQ(pair.a.driver->commit_index(), pair.a.driver->last_index());
    EXPECT_EQ(pair.b.driver->commit_index(), pair.a.driver->last_index());
    settle(pair.a, pair.b);
    EXPECT_TRUE(pair.a.outbox.empty()) << "told once";
}

TEST(Driver, ASnapshotIsAskedForOnceAndThenNothingHappensAnyMore) {
    Node follower(1, kThreeVoters);
    follower.receive(append_from(2, 2, 1, 1, {command(2, "a")}));
    follower.receive(install_from(2, 2, 2, 2));  // it has that entry
    EXPECT_FALSE(follower.snapshot_needed.has_value());
    follower.receive(install_from(2, 2, 9, 2));
    ASSERT_TRUE(follower.snapshot_needed.has_value());
    EXPECT_EQ(follower.snapshot_needed->at, (Position{9, 2}));
    EXPECT_EQ(follower.snapshot_needed->leader_id, 2U);
    follower.snapshot_needed.reset();
    follower.outbox.clear();
    follower.receive(install_from(2, 2, 9, 2));
    follower.receive(append_from(2, 2, 2, 2, {command(2, "b")}));
    follower.timeout(10'000);
    EXPECT_FALSE(follower.snapshot_needed.has_value());
    EXPECT_TRUE(follower.outbox.empty());
    EXPECT_EQ(follower.driver->last_index(), 2U);
}

}  // namespace
}  // namespace kontor::replication::test
