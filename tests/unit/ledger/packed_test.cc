// The packed form of a batch: round trips of every kind of column, frozen bytes, and bytes that are none.
#include "kontor/ledger/packed.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "kontor/base/bytes.h"

namespace kontor::ledger {
namespace {

template <typename Row>
bool same(const std::vector<Row>& a, const std::vector<Row>& b) {
    return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(Row)) == 0;
}

Transfer move(std::uint64_t id, std::uint64_t debit, std::uint64_t credit, std::uint64_t amount) {
    Transfer row;
    row.id = {0, id};
    row.debit_account = {0, debit};
    row.credit_account = {0, credit};
    row.amount = amount;
    row.ledger = 840;
    row.code = 7;
    return row;
}

TEST(Packed, BytesAreFrozen) {
    const std::vector<Transfer> rows{move(5, 1, 2, 300), move(6, 3, 4, 300)};
    EXPECT_EQ(to_hex(pack(rows)),
              "010200"
              "00020500000000000000"
              "00110103"
              "00110204"
              "012c01000000000000"
              "00000000000000"
              "014803000000000000"
              "010700000000000000"
              "0000");
}

// Each column on its own and all together: zero, constant, counting up, and every width.
TEST(Packed, RoundTripsWhateverTheColumnsHold) {
    std::mt19937_64 random(7);
    for (int round = 0; round < 2'000; ++round) {
        const std::size_t count = round % 3 == 0 ? 1 : 1 + random() % 40;
        std::vector<Transfer> rows(count);
        std::vector<Account> accounts(count);
        const auto value = [&](std::uint64_t kind, std::uint64_t base, std::uint64_t i) -> std::uint64_t {
            const std::uint64_t wide = random() >> (random() % 64);
            return kind == 0 ? 0 : kind == 1 ? base : kind == 2 ? base + i : wide;
        };
        const std::uint64_t kinds = random(), base = random() >> (random() % 64);
        for (std::size_t i = 0; i < count; ++i) {
            Transfer& t = rows[i];
            t.id = {value(kinds & 3U, base, i), value(kinds >> 2U & 3U, base, i)};
            t.debit_account = {value(kinds >> 4U & 3U, base, i), value(kinds >> 6U & 3U, base, i)};
            t.credit_account = {value(kinds >> 8U & 3U, base, i), value(kinds >> 10U & 3U, base, i)};
            t.amount = value(kinds >> 12U & 3U, base, i);
            t.pending_id = {value(kinds >> 14U & 3U, base, i), value(kinds >> 16U & 3U, base, i)};
            t.user_data_128 = {value(kinds >> 18U & 3U, base, i), value(kinds >> 20U & 3U, base, i)};
            t.user_data_64 = value(kinds >> 22U & 3U, base, i);
            t.user_data_32 = static_cast<std::uint32_t>(value(kinds >> 24U & 3U, base, i));
            t.timeout_s = static_cast<std::uint32_t>(value(kinds >> 26U & 3U, base, i));
            t.ledger = static_cast<std::uint32_t>(value(kinds >> 28U & 3U, base, i));
            t.code = static_cast<std::uint16_t>(value(kinds >> 30U & 3U, base, i));
            t.flags = static_cast<std::uint16_t>(value(kinds >> 32U & 3U, base, i));
            t.timestamp = value(kinds >> 34U & 3U, base, i);
            Account& a = accounts[i];
            a.id = t.id;
            a.debits_pending = t.amount;
            a.credits_posted = t.user_data_64;
            a.user_data_128 = t.user_data_128;
            a.user_data_32 = t.user_data_32;
            a.ledger = t.ledger;
            a.code = t.code;
            a.flags = t.flags;
            a.timestamp = t.timestamp;
        }
        const std::string packed = pack(rows);
        EXPECT_LE(packed.size(), kMaxPackedBytes);
        EXPECT_EQ(packed_count(packed), count);
        std::vector<Transfer> back(3);
        ASSERT_TRUE(unpack(packed, back));
        ASSERT_TRUE(same(rows, back)) << "round " << round;
        std::vector<Account> accounts_back;
        ASSERT_TRUE(unpack(pack(accounts), accounts_back));
        ASSERT_TRUE(same(accounts, accounts_back)) << "round " << round;
    }
}

TEST(Packed, AFullBatchOfTheWidestRowsKeepsTheLimit) {
    std::mt19937_64 random(1);
    std::vector<Transfer> rows(kMaxBatch);
    for (Transfer& row : rows) {
        const auto word = [&] { return random() | (1ULL << 63U); };
        row.id = {word(), word()};
        row.debit_account = {word(), word()};
        row.credit_account = {word(), word()};
        row.amount = word();
        row.pending_id = {word(), word()};
        row.user_data_128 = {word(), word()};
        row.user_data_64 = word();
        row.user_data_32 = row.timeout_s = row.ledger = static_cast<std::uint32_t>(word());
        row.code = row.flags = static_cast<std::uint16_t>(word());
        row.timestamp = word();
    }
    const std::string packed = pack(rows);
    EXPECT_LE(packed.size(), kMaxPackedBytes);
    std::vector<Transfer> back;
    ASSERT_TRUE(unpack(packed, back));
    EXPECT_TRUE(same(rows, back));
}

// The figure that the wire budget stands on.
TEST(Packed, ATransferBetweenAMillionAccountsIsEightBytes) {
    std::mt19937_64 random(1);
    std::vector<Transfer> rows;
    for (std::uint64_t i = 0; i < kMaxBatch; ++i)
        rows.push_back(
            move(1'000 + i, 1 + random() % 1'000'000, 1 + random() % 1'000'000, 1 + random() % 10'000));
    EXPECT_LE(pack(rows).size(), 8 * kMaxBatch + 100);
}

TEST(Packed, RefusesWhatIsNoBatch) {
    const std::string good = pack(std::vector<Transfer>{move(5, 1, 2, 300), move(6, 3, 9, 1)});
    std::vector<Transfer> out;
    ASSERT_TRUE(unpack(good, out));
    for (std::size_t size = 0; size < good.size(); ++size)
        EXPECT_FALSE(unpack(std::string_view(good).substr(0, size), out)) << size;
    EXPECT_FALSE(unpack(good + '\0', out));
    std::string other = good;
    other[0] = 2;
    EXPECT_FALSE(unpack(other, out));
    other = good;
    other[1] = other[2] = 0;  // no rows
    EXPECT_FALSE(unpack(other, out));
    other = good;
    other[1] = 1, other[2] = 0x20;  // 8,193 rows
    EXPECT_EQ(packed_count(other), 0U);
    for (const char mode : {'\x03', '\x10', '\x19', '\xFF'}) {
        other = good;
        other[3] = mode;
        EXPECT_FALSE(unpack(other, out)) << static_cast<int>(mode);
    }
    // No input whatsoever is read beyond its end (the sanitizers watch).
    std::mt19937_64 random(3);
    for (int round = 0; round < 20'000; ++round) {
        other = good;
        for (int i = 0; i < 3; ++i) other[random() % other.size()] = static_cast<char>(random());
        (void)unpack(other, out);
        EXPECT_LE(out.size(), kMaxBatch);
    }
}

}  // namespace
}  // namespace kontor::ledger
