// Ledger transfers whose id stays failed: until when, how many, and that the clean-up is bounded.
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/ledger/packed.h"
#include "kontor/ledger_book_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/times.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

constexpr store::TableId kRuns = 7, kHeads = 8;
constexpr auto kDay = static_cast<std::int64_t>(ledger::kFailedKeptMs);

class LedgerFailed : public ::testing::Test {
 protected:
    LedgerFailed() { world.make_merchant(); }

    // So many transfers between accounts that do not exist.
    pb::Result fail(std::uint64_t first, std::size_t count) {
        std::vector<ledger::Transfer> rows(count);
        for (ledger::Transfer& row : rows) {
            row.id = {0, first++};
            row.debit_account = {0, 1};
            row.credit_account = {0, 2};
            row.amount = row.ledger = row.code = 1;
        }
        return world.run([&](pb::Command& c) {
            mutable_body(c, pb::create_ledger_transfers)->set_packed(ledger::pack(rows));
        });
    }
    static std::string statuses(std::size_t count, ledger::Status status) {
        return std::string(count, static_cast<char>(status));
    }
    World world;
};

TEST_F(LedgerFailed, AreCleanedUpWhenTheirTimeIsOver) {
    constexpr std::size_t kRows = machine::limits::kDuePerEntry * 3 / 2;
    constexpr std::size_t kIds = 64;  // a row
    for (std::size_t i = 0; i * ledger::kMaxBatch < kRows * kIds; ++i)
        EXPECT_EQ(fail(1 + i * ledger::kMaxBatch, ledger::kMaxBatch).ledger_statuses(),
                  statuses(ledger::kMaxBatch, ledger::Status::debit_account_not_found));
    EXPECT_EQ(world.rows.count(kRuns), kRows);
    const auto running = [&] { return last_times(world.rows).running_ms; };
    const std::int64_t due = world.next().running_ms;
    EXPECT_GT(due, running() + kDay);
    EXPECT_LE(due, running() + 2 * kDay);
    for (int starts = 0; starts < 5; ++starts) {  // with a clock that is days ahead
        world.now += 3 * kDay;
        for (int ticks = 0; ticks < 5; ++ticks) world.tick();
    }
    EXPECT_EQ(world.rows.count(kRuns), kRows);
    world.run_for(due - 1 - running());
    world.tick();
    EXPECT_EQ(world.rows.count(kRuns), kRows);
    EXPECT_EQ(fail(7, 1).ledger_statuses(), statuses(1, ledger::Status::id_already_failed));
    world.now += 1;
    world.tick();
    EXPECT_GE(world.rows.count(kRuns), kRows - machine::limits::kDuePerEntry);  // bounded work an entry
    EXPECT_EQ(world.next().running_ms, due);
    for (int i = 0; i < 30; ++i) world.tick();
    EXPECT_EQ(world.rows.count(kRuns), 0U);
    EXPECT_NE(world.next().running_ms, due);
    EXPECT_EQ(fail(7, 1).ledger_statuses(), statuses(1, ledger::Status::debit_account_not_found));
}

TEST_F(LedgerFailed, SoManyAndNoMore) {
    ASSERT_EQ(fail(1, 1).outcome(), machine::outcome::ok);
    std::string key, head;
    for (const auto& [row, value] : world.rows.rows())
        if (row.first == kHeads) key = row.second, head = value;
    head.resize(head.size() - 8 - 16);  // its checksum, and the id that is in it
    const std::uint64_t count = ledger::kMaxFailedIds - 10;
    std::memcpy(head.data() + 8, &count, sizeof count);
    const std::size_t half = head.size() / 2 / 8 * 8;
    const std::uint64_t sum = crc32c(std::string_view(head).substr(0, half)) |
                              std::uint64_t{crc32c(std::string_view(head).substr(half))} << 32U;
    head.append(reinterpret_cast<const char*>(&sum), sizeof sum);
    world.rows.put(kHeads, key, head);
    const auto rows = world.rows.rows();
    EXPECT_EQ(fail(100, 11).outcome(), ledger_book::outcome::too_many_failed_ids);
    EXPECT_EQ(world.rows.rows(), rows);
    EXPECT_EQ(fail(100, 10).outcome(), machine::outcome::ok);
    EXPECT_EQ(fail(200, 1).outcome(), ledger_book::outcome::too_many_failed_ids);
}

}  // namespace
}  // namespace kontor::payments::testing
