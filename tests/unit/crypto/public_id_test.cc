// Ids and tokens of positions: the bytes of docs/formats/public-ids.md, their edges, and that they tell
// nothing.
#include "kontor/crypto/public_id.h"

#include <gtest/gtest.h>
#include <sodium.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kontor/crypto/permutation.h"

namespace kontor {
namespace {

// The key of the examples, and that of the tests again at the end.
class PublicId : public ::testing::Test {
 protected:
    PublicId() {
        std::string key;
        for (char c = 0; c < 16; ++c) key.push_back(c);
        set_id_key(key);
    }
    ~PublicId() override { set_id_key("the key of tests"); }
    static constexpr ObjectNo kNo = 0x280401;
};

TEST_F(PublicId, AreTheDocumentsExamples) {
    EXPECT_EQ(format_id("pi", 1), "pi_DP5i2YPwbp4");
    EXPECT_EQ(format_id("pi", 0x280401), "pi_FGxRLpoUpaA");
    EXPECT_EQ(format_id("pi", 0x280402), "pi_Haz24Ckd3qP");
    EXPECT_EQ(format_id("cus", ~ObjectNo{0}), "cus_B1tdTWEmWB0");
    EXPECT_EQ(format_position({0, 5}, 1), "100000000001CLApv1LQlsO");
    EXPECT_EQ(format_position({0, 5}, 2), "1000000000022xcj70DQ549");
    EXPECT_EQ(format_position({0, 6}, 1), "1000000000011imRqMTmWM7");
    EXPECT_EQ(format_position({kMaxGroup, kMaxLogIndex}, ~std::uint64_t{0}), "1LygHa16AHYF128VELxS8pZ");
}

// Who asks all the time and counts the positions that he has not seen must not learn how often the log grew.
TEST_F(PublicId, APositionIsAnotherOneEachTime) {
    std::set<std::string> seen;
    for (int i = 0; i < 2'000; ++i) {
        const std::string token = format_position({0, 5});
        EXPECT_EQ(parse_position(token), (LogPosition{0, 5}));
        seen.insert(token.substr(12));
    }
    EXPECT_EQ(seen.size(), 2'000U);
}

TEST_F(PublicId, ReadBackAtTheEdges) {
    for (unsigned bit = 0; bit < 64; ++bit) {
        for (const ObjectNo no : {ObjectNo{1} << bit, (ObjectNo{1} << bit) - 1, ~(ObjectNo{1} << bit)}) {
            if (no != 0) {
                EXPECT_EQ(parse_id("x", format_id("x", no)), no);
            }
        }
    }
    EXPECT_FALSE(parse_id("x", format_id("x", 0))) << "0 means none: no object has it";
    for (const LogPosition position : {LogPosition{0, 0}, {0, 1}, {0, kMaxLogIndex}, {kMaxGroup, 7}})
        EXPECT_EQ(parse_position(format_position(position)), position);
}

TEST_F(PublicId, OnlyTheExactFormIsRead) {
    EXPECT_EQ(parse_id("pi", "pi_FGxRLpoUpaA"), 0x280401U);
    for (const char* bad :
         {"", "pi", "pi_", "pi_FGxRLpoUpa", "pi_FGxRLpoUpaAA", "py_FGxRLpoUpaA", "PI_FGxRLpoUpaA",
          "pi-FGxRLpoUpaA", "pi_FGxRLpoUpa ", " pi_FGxRLpoUpaA", "pi_FGxRLpo_paA", "pi_-GxRLpoUpaA",
          "ppi_FGxRLpoUpaA", "pi_FGxRLpoUpa\xC3", "pi_LygHa16AHYG", "pi_zzzzzzzzzzz"})
        EXPECT_FALSE(parse_id("pi", bad)) << bad;
    EXPECT_TRUE(parse_id("pi", "pi_LygHa16AHYF")) << "2^64 - 1 is somebody's";
    EXPECT_EQ(parse_position("100000000001CLApv1LQlsO"), (LogPosition{0, 5}));
    for (const char* bad : {"", "1", "5", "100000000001CLApv1LQlsP", "200000000001CLApv1LQlsO",
                            "100000000001CLApv1LQls", "100000000001CLApv1LQlsOO", "00000000001CLApv1LQlsO",
                            "1LygHa16AHYGCLApv1LQlsO", "100000000001LygHa16AHYG", "100000000001zzzzzzzzzzz",
                            "10000000-001CLApv1LQlsO", "100000000001CLApv-LQlsO", "100000000002CLApv1LQlsO"})
        EXPECT_FALSE(parse_position(bad)) << bad;
}

// Nineteen bits check a token: of a hundred thousand made up ones hardly any is taken.
TEST_F(PublicId, MadeUpTokensAreRefused) {
    int taken = 0;
    for (std::uint64_t i = 0; i < 100'000; ++i) {
        std::string token = format_position({0, i});
        token.back() = token.back() == '0' ? '1' : '0';
        taken += parse_position(token) ? 1 : 0;
    }
    EXPECT_LE(taken, 5);
}

// The document's words, with libsodium's SipHash: what a permutation has of its own is its speed.
std::uint64_t forward_by_libsodium(const std::string& key, std::uint8_t purpose, std::uint64_t number) {
    auto left = static_cast<std::uint32_t>(number >> 32U), right = static_cast<std::uint32_t>(number);
    for (unsigned char i = 0; i < 6; ++i) {
        const unsigned char message[] = {i,
                                         purpose,
                                         static_cast<unsigned char>(right >> 24U),
                                         static_cast<unsigned char>(right >> 16U),
                                         static_cast<unsigned char>(right >> 8U),
                                         static_cast<unsigned char>(right)};
        unsigned char hash[crypto_shorthash_siphash24_BYTES];
        crypto_shorthash_siphash24(hash, message, sizeof message,
                                   reinterpret_cast<const unsigned char*>(key.data()));
        std::uint32_t mixed = 0;
        for (int byte = 0; byte < 4; ++byte) mixed = mixed << 8U | hash[byte];
        left = std::exchange(right, left ^ mixed);
    }
    return std::uint64_t{left} << 32U | right;
}

TEST_F(PublicId, ThePermutationIsTheDocumentsWithLibsodiumsHash) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 2'000; ++i) {
        std::string key(crypto::Permutation::kKeyBytes, '\0');
        for (char& byte : key) byte = static_cast<char>(random());
        const auto purpose = static_cast<std::uint8_t>(random());
        const crypto::Permutation permutation(key, purpose);
        const std::uint64_t number = random() >> (random() % 64);
        ASSERT_EQ(permutation.forward(number), forward_by_libsodium(key, purpose, number));
        ASSERT_EQ(permutation.backward(permutation.forward(number)), number);
    }
}

// Objects of two merchants, one after the other in the log: neither order nor distance shows.
TEST_F(PublicId, TellNothingOfTheVolume) {
    constexpr std::uint64_t kIds = 4'096;
    const crypto::Permutation ids("0123456789abcdef", 1);
    std::uint64_t rising = 0, flipped = 0;
    std::set<std::uint64_t> gaps;
    std::array<std::uint64_t, 64> ones{};
    for (std::uint64_t entry = 1; entry <= kIds; ++entry) {
        const std::uint64_t mine = ids.forward(make_object_no(kFirstGroup, entry, 0, 1));
        const std::uint64_t theirs = ids.forward(make_object_no(kFirstGroup, entry + 1, 0, 1));
        rising += theirs > mine ? 1 : 0;
        flipped += static_cast<std::uint64_t>(std::popcount(theirs ^ mine));
        gaps.insert(theirs - mine);
        for (unsigned bit = 0; bit < 64; ++bit) ones.at(bit) += (mine >> bit) & 1U;
    }
    EXPECT_NEAR(static_cast<double>(rising), kIds / 2.0, 6 * std::sqrt(kIds / 4.0));
    EXPECT_NEAR(static_cast<double>(flipped), kIds * 32.0, 6 * std::sqrt(kIds * 16.0));
    EXPECT_EQ(gaps.size(), kIds) << "no gap comes twice";
    for (const std::uint64_t count : ones)
        EXPECT_NEAR(static_cast<double>(count), kIds / 2.0, 6 * std::sqrt(kIds / 4.0));
}

TEST_F(PublicId, KeysAndPurposesHaveNothingInCommon) {
    const std::string mine = format_id("pi", kNo);
    const crypto::Permutation one("0123456789abcdef", 1), two("0123456789abcdef", 2);
    EXPECT_NE(one.forward(kNo), two.forward(kNo));
    EXPECT_EQ(one.backward(one.forward(kNo)), kNo);
    set_id_key("0123456789abcdef");
    EXPECT_NE(format_id("pi", kNo), mine);
    EXPECT_NE(parse_id("pi", mine), kNo) << "another instance's id is no object here";
    EXPECT_FALSE(parse_position("100000000001CLApv1LQlsO"));
    EXPECT_DEATH(set_id_key("too short"), "16 bytes");
}

}  // namespace
}  // namespace kontor
