// Term and vote: survive a torn write of either slot, and never come back older than what was acted upon.

#include "state_file.h"

#include "configuration.h"
#include "test_support.h"

namespace kontor::replication::test {
namespace {

constexpr std::size_t kSecondSlot = 4096;
constexpr std::size_t kSlot = 64;

NodeState initial() {
    NodeState state;
    state.hard = {1, 0};
    state.node_id = 3;
    state.cluster = Uuid{'u'};
    return state;
}

TEST(StateFile, RoundTrip) {
    TempFolder folder;
    EXPECT_EQ(*StateFile::load(folder.path(), real_file_ops()), nullptr);
    ASSERT_TRUE(StateFile::create(folder.path(), real_file_ops(), initial()).has_value());
    auto file = *StateFile::load(folder.path(), real_file_ops());
    ASSERT_NE(file, nullptr);
    EXPECT_EQ(file->state().hard, (HardState{1, 0}));
    for (std::uint64_t term = 2; term < 10; ++term) {
        ASSERT_TRUE(file->store({term, term % 3}).has_value());
        auto again = *StateFile::load(folder.path(), real_file_ops());
        EXPECT_EQ(again->state().hard, (HardState{term, term % 3}));
        EXPECT_EQ(again->state().node_id, 3U);
        EXPECT_EQ(again->state().cluster, Uuid{'u'});
    }
}

TEST(StateFile, EitherSlotMayBeBadAtAnyByteButNotBoth) {
    TempFolder folder;
    ASSERT_TRUE(StateFile::create(folder.path(), real_file_ops(), initial()).has_value());
    ASSERT_TRUE((*StateFile::load(folder.path(), real_file_ops()))->store({7, 3}).has_value());
    const std::string path = folder.path() + "/state";
    const std::string whole = read_file(path);
    for (const std::size_t slot : {std::size_t{0}, kSecondSlot}) {
        for (std::size_t at = 0; at < kSlot; ++at) {
            std::string bad = whole;
            bad[slot + at] = static_cast<char>(bad[slot + at] ^ 4);
            write_file(path, bad);
            auto file = StateFile::load(folder.path(), real_file_ops());
            ASSERT_TRUE(file.has_value());
            ASSERT_EQ((*file)->state().hard, (HardState{7, 3})) << slot << "+" << at;
            bad[(slot == 0 ? kSecondSlot : 0) + at] ^= 1;
            write_file(path, bad);
            const auto both = StateFile::load(folder.path(), real_file_ops());
            ASSERT_FALSE(both.has_value());
            ASSERT_EQ(both.error().code, ErrorCode::corruption);
            ASSERT_NE(both.error().message.find(path), std::string::npos);
        }
    }
}

// A write that is cut: first slot half written, or first whole and second half.
TEST(StateFile, TornStoreLeavesOldOrNew) {
    TempFolder folder;
    ASSERT_TRUE(StateFile::create(folder.path(), real_file_ops(), initial()).has_value());
    const std::string path = folder.path() + "/state";
    const std::string before = read_file(path);
    ASSERT_TRUE((*StateFile::load(folder.path(), real_file_ops()))->store({2, 3}).has_value());
    const std::string after = read_file(path);
    for (std::size_t cut = 0; cut <= kSlot; ++cut) {
        std::string first = before;
        first.replace(0, cut, after.substr(0, cut));
        write_file(path, first);
        ASSERT_EQ((*StateFile::load(folder.path(), real_file_ops()))->state().hard,
                  cut == kSlot ? (HardState{2, 3}) : (HardState{1, 0}))
            << cut;
        std::string second = before;
        second.replace(0, kSlot, after.substr(0, kSlot));
        second.replace(kSecondSlot, cut, after.substr(kSecondSlot, cut));
        write_file(path, second);
        ASSERT_EQ((*StateFile::load(folder.path(), real_file_ops()))->state().hard, (HardState{2, 3})) << cut;
    }
}

TEST(Configuration, BytesAreCheckedBeforeTheEngineSeesThem) {
    Configuration configuration;
    configuration.servers = {{1, "one:4000", ServerRole::voter}, {9, "nine", ServerRole::standby}};
    const auto bytes = encode_configuration(configuration);
    ASSERT_TRUE(bytes.has_value());
    EXPECT_EQ(*decode_configuration(*bytes), configuration);
    EXPECT_FALSE(configuration.sole_voter(9));
    EXPECT_TRUE(configuration.sole_voter(1));
    for (std::size_t cut = 0; cut < bytes->size() - 8; ++cut) {
        EXPECT_FALSE(decode_configuration(bytes->substr(0, cut)).has_value()) << cut;
    }
    std::string many = *bytes;
    many[1] = static_cast<char>(0xFF);  // far more servers than bytes
    EXPECT_FALSE(decode_configuration(many).has_value());
    EXPECT_FALSE(decode_configuration(*bytes + std::string(8, '\0')).has_value());
    EXPECT_FALSE(decode_configuration("").has_value());

    Configuration full;
    for (std::size_t i = 1; i <= kMaxServers; ++i) {
        std::string address = "node" + std::to_string(i) + ":";
        address.resize(kMaxAddressBytes, 'a');
        full.servers.push_back({i, address, ServerRole::voter});
    }
    ASSERT_TRUE(encode_configuration(full).has_value());
    EXPECT_EQ(*decode_configuration(*encode_configuration(full)), full);
    full.servers.push_back({99, "one too many", ServerRole::voter});
    EXPECT_FALSE(encode_configuration(full).has_value());
    EXPECT_FALSE(encode_configuration({{{0, "a", ServerRole::voter}}}).has_value());
    EXPECT_FALSE(encode_configuration({{{1, "", ServerRole::voter}}}).has_value());
    EXPECT_FALSE(
        encode_configuration({{{1, std::string(kMaxAddressBytes + 1, 'a'), ServerRole::voter}}}).has_value());
    EXPECT_FALSE(
        encode_configuration({{{1, "a", ServerRole::voter}, {1, "b", ServerRole::voter}}}).has_value());
    EXPECT_FALSE(
        encode_configuration({{{1, "a", ServerRole::voter}, {2, "a", ServerRole::voter}}}).has_value());
}

}  // namespace
}  // namespace kontor::replication::test
