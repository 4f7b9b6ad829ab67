// The frames between nodes: what is written is read back, and damage of any kind is refused.

#include "wire.h"

#include <gtest/gtest.h>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "wire_property.h"

namespace kontor::replication::test {
namespace {

constexpr ClusterId kCluster{'c', 'l', 'u', 's', 't', 'e', 'r'};

Entry entry_of(std::uint64_t term, const std::string& payload, EntryType type = EntryType::command) {
    return {term, type, std::make_shared<const std::string>(payload)};
}

Message message_of(int type) {
    Message message;
    message.header.type = type;
    message.header.version = 2;
    message.header.peer = 7;
    message.header.term = 9;
    switch (type) {
        case KONTOR_RAFT_APPEND:
            message.header.log_index = 41;
            message.header.log_term = 5;
            message.header.leader_commit = 40;
            message.entries = {entry_of(5, "older"), entry_of(8, ""), entry_of(9, "two"),
                               entry_of(9, "three")};
            message.header.n_entries = 4;
            break;
        case KONTOR_RAFT_APPEND_RESULT:
            message.header.rejected = 12;
            message.header.last_index = 11;
            message.header.features = 1;
            message.header.capacity = 3;
            break;
        case KONTOR_RAFT_VOTE:
            message.header.candidate = 7;
            message.header.disrupt_leader = true;
            message.header.pre_vote = true;
            message.header.log_index = 41;
            message.header.log_term = 5;
            break;
        case KONTOR_RAFT_VOTE_RESULT:
            message.header.pre_vote = true;
            message.header.granted = true;
            message.header.features = 1;
            break;
        case KONTOR_RAFT_INSTALL_SNAPSHOT:
            message.header.log_index = 41;
            message.header.log_term = 5;
            message.header.configuration_index = 33;
            break;
        default:
            message.header.log_index = 41;
            message.header.log_term = 5;
    }
    return message;
}

void expect_same(const Message& a, const Message& b) {
    EXPECT_EQ(encode_message(a, kCluster), encode_message(b, kCluster));
    ASSERT_EQ(a.entries.size(), b.entries.size());
    for (std::size_t i = 0; i < a.entries.size(); ++i) {
        EXPECT_EQ(a.entries[i].term, b.entries[i].term);
        EXPECT_EQ(a.entries[i].type, b.entries[i].type);
        EXPECT_EQ(*a.entries[i].payload, *b.entries[i].payload);
    }
}

const std::vector<int> kTypes{KONTOR_RAFT_APPEND,      KONTOR_RAFT_APPEND_RESULT,    KONTOR_RAFT_VOTE,
                              KONTOR_RAFT_VOTE_RESULT, KONTOR_RAFT_INSTALL_SNAPSHOT, KONTOR_RAFT_TIMEOUT_NOW};

TEST(Wire, EveryTypeComesBack) {
    for (const int type : kTypes) {
        const Message message = message_of(type);
        const auto back = decode_message(encode_message(message, kCluster), 7, kCluster);
        ASSERT_TRUE(back.has_value()) << type << " " << back.error().describe();
        expect_same(message, *back);
        EXPECT_EQ(back->header.peer, 7U);
        EXPECT_EQ(back->header.log_index, message.header.log_index);
        EXPECT_EQ(back->header.disrupt_leader, message.header.disrupt_leader);
        EXPECT_EQ(back->header.granted, message.header.granted);
        EXPECT_EQ(back->header.configuration_index, message.header.configuration_index);
        EXPECT_EQ(back->peer_address, "node-7");
    }
}

// docs/formats/peer.md
TEST(Wire, Layout) {
    Message message;
    message.header.type = KONTOR_RAFT_APPEND;
    message.header.peer = 7;
    message.header.term = 9;
    message.header.log_index = 41;
    message.header.log_term = 9;
    message.header.leader_commit = 40;
    message.header.n_entries = 1;
    message.entries = {entry_of(9, "hello")};
    const std::string frame = encode_message(message, kCluster);
    EXPECT_EQ(frame.size(), 44U + 5 + 5);
    std::string without_crc = frame;
    without_crc.replace(4, 4, "");
    EXPECT_EQ(to_hex(without_crc),
              "01010000"
              "0900000000000000"
              "2900000000000000"
              "0900000000000000"
              "2800000000000000"
              "01000000"
              "0105000000"
              "68656c6c6f");
}

TEST(Wire, EveryTruncationAndEveryBitFlipIsRefused) {
    for (const int type : kTypes) {
        const std::string frame = encode_message(message_of(type), kCluster);
        for (std::size_t size = 0; size < frame.size(); ++size) {
            EXPECT_FALSE(decode_message(std::string_view(frame).substr(0, size), 7, kCluster).has_value());
        }
        EXPECT_FALSE(decode_message(frame + '\0', 7, kCluster).has_value());
        for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
            std::string damaged = frame;
            damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
            EXPECT_FALSE(decode_message(damaged, 7, kCluster).has_value()) << type << " bit " << bit;
        }
    }
}

// The same damage under a right checksum: whatever is accepted is a message that means something.
TEST(Wire, DamageUnderARightChecksumIsRefusedOrMeansSomething) {
    for (const int type : kTypes) {
        const std::string frame = encode_message(message_of(type), kCluster);
        for (std::size_t size = 0; size <= frame.size(); ++size) {
            check_frame(resealed(frame.substr(0, size), kCluster), kCluster);
        }
        for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
            std::string damaged = frame;
            damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
            check_frame(resealed(damaged, kCluster), kCluster);
        }
    }
}

TEST(Wire, WhatTheEngineTakesForGrantedIsChecked) {
    const auto refused = [](const Message& message) {
        return !decode_message(encode_message(message, kCluster), 7, kCluster).has_value();
    };
    for (const int type : kTypes) EXPECT_FALSE(refused(message_of(type)));
    Message message = message_of(KONTOR_RAFT_APPEND);
    message.entries[0].term = 4;  // below prev
    EXPECT_TRUE(refused(message));
    message = message_of(KONTOR_RAFT_APPEND);
    message.entries[3].term = 10;  // above the leader's
    EXPECT_TRUE(refused(message));
    message = message_of(KONTOR_RAFT_APPEND);
    message.entries[2].type = EntryType::change;  // no configuration
    EXPECT_TRUE(refused(message));
    message = message_of(KONTOR_RAFT_APPEND);
    message.header.log_term = 0;
    EXPECT_TRUE(refused(message));
    message = message_of(KONTOR_RAFT_APPEND_RESULT);
    message.header.last_index = 12;
    EXPECT_TRUE(refused(message));
    message = message_of(KONTOR_RAFT_VOTE);
    message.header.candidate = 8;
    EXPECT_TRUE(refused(message));
    message = message_of(KONTOR_RAFT_INSTALL_SNAPSHOT);
    message.header.log_index = message.header.log_term = 0;
    EXPECT_TRUE(refused(message));
}

TEST(Wire, AnotherClustersFrameIsRefused) {
    ClusterId other = kCluster;
    other[15] = 1;
    EXPECT_FALSE(
        decode_message(encode_message(message_of(KONTOR_RAFT_VOTE), other), 7, kCluster).has_value());
}

TEST(Wire, EntriesUpToTheLimits) {
    Message message = message_of(KONTOR_RAFT_APPEND);
    message.entries.assign(kMaxFrameEntries, entry_of(9, ""));
    message.header.n_entries = kMaxFrameEntries;
    EXPECT_TRUE(decode_message(encode_message(message, kCluster), 7, kCluster).has_value());
    std::string frame = encode_message(message, kCluster);
    frame[40] = 0x01;  // 1025
    EXPECT_FALSE(decode_message(resealed(frame, kCluster), 7, kCluster).has_value());

    message.entries = {entry_of(9, std::string(kMaxEntryBytes, 'x'))};
    message.header.n_entries = 1;
    EXPECT_TRUE(decode_message(encode_message(message, kCluster), 7, kCluster).has_value());
    message.entries = {entry_of(9, std::string(kMaxEntryBytes + 1, 'x'))};
    EXPECT_FALSE(decode_message(encode_message(message, kCluster), 7, kCluster).has_value());
}

TEST(Wire, AnAppendIsSplitByBytes) {
    Message message = message_of(KONTOR_RAFT_APPEND);
    const auto parts = split_append(message, 6);
    ASSERT_EQ(parts.size(), 3U);  // "older" and ""; "two"; "three"
    EXPECT_EQ(parts[0].header.n_entries, 2U);
    EXPECT_EQ(parts[1].header.log_index, 43U);
    EXPECT_EQ(parts[1].header.log_term, 8U);
    EXPECT_EQ(parts[2].header.log_index, 44U);
    EXPECT_EQ(parts[2].header.log_term, 9U);
    EXPECT_EQ(parts[2].header.leader_commit, 40U);
    EXPECT_EQ(split_append(message, 1).size(), 4U);  // an entry is never cut
    EXPECT_EQ(split_append(message, 1000).size(), 1U);
    EXPECT_EQ(split_append(message_of(KONTOR_RAFT_VOTE), 1).size(), 1U);
}

}  // namespace
}  // namespace kontor::replication::test
