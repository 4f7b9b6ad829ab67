// verify() must not believe anything: each test falsifies rows (with good checksums) and wants it said.

#include "rows.h"
#include "world.h"

namespace kontor::ledger::testing {
namespace {

struct Verify : ::testing::Test {
    World world;
    void SetUp() override {
        world.populate();
        expect_verified(world);
    }

    template <typename Row>
    void falsify(store::TableId table, std::uint64_t number, const std::function<void(Row&)>& edit) {
        auto row = decode_row<Row>(
            world.rows.rows().at({table, std::string(RowKey(kHouseBook, id(number)).view())}), id(number));
        ASSERT_TRUE(row);
        edit(*row);
        store_row(world.rows, table, kHouseBook, *row);
    }
    void remove(store::TableId table, std::uint64_t number) {
        world.rows.erase(table, RowKey(kHouseBook, id(number)).view());
    }

    // Some problem says `words`, and the verdict is no.
    VerifyReport expect_problem(const std::string& words) {
        VerifyReport report = verify(world.rows.visitor());
        EXPECT_FALSE(report.holds());
        bool said = false;
        for (const std::string& problem : report.problems)
            said = said || problem.find(words) != std::string::npos;
        EXPECT_TRUE(said) << words << "; but: " << (report.problems.empty() ? "" : report.problems.front());
        return report;
    }
};

TEST_F(Verify, Counts) {
    const VerifyReport report = verify(world.rows.visitor());
    EXPECT_EQ(report.accounts, 7U);
    EXPECT_EQ(report.transfers, 9U);
    EXPECT_EQ(report.ledgers, 2U);
    EXPECT_EQ(report.differences, 0U);
}

TEST_F(Verify, OfNothingHolds) {
    EXPECT_TRUE(verify(MemoryRows().visitor()).holds());
}

TEST_F(Verify, ABalanceThatIsOneCentOff) {
    falsify<Account>(kAccountTable, kAlice, [](Account& row) { row.debits_posted += 1; });
    const auto report = expect_problem("debits_posted is 1 more than its transfers say");
    EXPECT_EQ(report.differences, 1U);
    expect_problem("posted debits and credits differ");
    falsify<Account>(kAccountTable, kBob, [](Account& row) { row.credits_posted += 1; });
    EXPECT_EQ(expect_problem("accounts and transfers have different totals").differences, 2U);
}

TEST_F(Verify, APendingBalance) {
    falsify<Account>(kAccountTable, kBob, [](Account& row) { row.credits_pending -= 1; });
    expect_problem("credits_pending is 1 less than its transfers say");
}

TEST_F(Verify, AMissingTransfer) {
    remove(kTransferTable, kPaid);
    EXPECT_EQ(expect_problem("debits_posted is 50 more").differences, 2U);
    expect_problem("its history chain does not hold all its transfers");
}

TEST_F(Verify, AMissingVoid) {  // moves nothing, so only the sets and chains can tell
    remove(kTransferTable, kVoidOf);
    EXPECT_EQ(expect_problem("posts and voids differ from what the pending states say (1 and 2)").differences,
              0U);
}

TEST_F(Verify, AnotherAmount) {
    falsify<Transfer>(kTransferTable, kPaid, [](Transfer& row) { row.amount = 51; });
    EXPECT_EQ(expect_problem("debits_posted is 1 less").differences, 2U);
    falsify<Transfer>(kTransferTable, kPaid, [](Transfer& row) { row.amount = 0; });
    expect_problem("moves nothing");
}

TEST_F(Verify, AnotherAccount) {
    falsify<Transfer>(kTransferTable, kPaid, [](Transfer& row) { row.debit_account = id(kNobody); });
    expect_problem("does not exist");
    falsify<Transfer>(kTransferTable, kPaid, [](Transfer& row) { row.debit_account = id(kForeign); });
    expect_problem("is of another ledger");
}

TEST_F(Verify, PendingStates) {
    falsify<PendingState>(kPendingTable, kReserved, [](PendingState& row) { row.remaining = 29; });
    expect_problem("remaining is not the transfer's amount");
    falsify<PendingState>(kPendingTable, kReserved,
                          [](PendingState& row) { row.status = PendingStatus::expired; });
    expect_problem("resolved, but something remains");
    expect_problem("debits_pending is 30 more");
    falsify<PendingState>(kPendingTable, kReserved, [](PendingState& row) { row.resolved_by = id(5); });
    expect_problem("names a resolving transfer");
    remove(kPendingTable, kReserved);
    expect_problem("pending transfers and pending states differ");
}

TEST_F(Verify, ASecondPostOfOnePending) {
    falsify<PendingState>(kPendingTable, kPosted, [](PendingState& row) { row.resolved_by = id(kVoidOf); });
    expect_problem("posts and voids differ");
}

TEST_F(Verify, AStateWithoutItsTransfer) {
    PendingState state;
    state.id = id(kNobody);
    state.remaining = 1;
    store_row(world.rows, kPendingTable, kHouseBook, state);
    expect_problem("has no pending transfer");
}

TEST_F(Verify, TheExpiryIndex) {
    const std::uint64_t due_ms = world.now_ms + 10'000;
    world.rows.erase(kExpiryTable, ExpiryKey(due_ms, kHouseBook, id(kTimed)).view());
    expect_problem("due pending states and expiry index differ (1 and 0)");
    world.rows.put(kExpiryTable, ExpiryKey(due_ms + 1, kHouseBook, id(kTimed)).view(), kExpiryValue);
    expect_problem("due pending states and expiry index differ (1 and 1)");
    world.rows.put(kExpiryTable, "e", kExpiryValue);
    expect_problem("expiry index has a key of another shape");
}

TEST_F(Verify, TheListsOfAccounts) {
    const Book book{Book::Kind::test, 7};
    Ledger ledger(world.rows, world.now_ms, 1'000, book, world.now_ms);
    ASSERT_EQ(ledger.create_accounts(std::vector{account(1), account(2)}),
              (std::vector{Status::ok, Status::ok}));
    expect_verified(world);
    world.rows.erase(kAccountListTable, AccountListKey(book, 1'001).view());
    expect_problem("accounts and the lists of them differ (2 and 1)");
    std::array<char, kIdBytes> other;
    write_be64(write_be64(other.data(), 0), 3);
    world.rows.put(kAccountListTable, AccountListKey(book, 1'001).view(), {other.data(), other.size()});
    expect_problem("accounts and the lists of them differ (2 and 2)");
    world.rows.rows()[{kAccountListTable, "short"}] = "";
    expect_problem("a list of accounts has a row of another shape");
}

TEST_F(Verify, TheHistoryChain) {
    falsify<Account>(kAccountTable, kAlice, [](Account& row) { row.last_transfer = id(kPaid); });
    expect_problem("its history chain does not hold all its transfers");
}

TEST_F(Verify, Limits) {
    falsify<Account>(kAccountTable, kAlice, [](Account& row) { row.flags = debits_must_not_exceed_credits; });
    expect_problem("beyond its limit");
    falsify<Account>(kAccountTable, kAlice, [](Account& row) { row.debits_pending = kMax; });
    expect_problem("pending and posted overflow");
}

TEST_F(Verify, BadBytesAndNoMoreThanAHundredProblems) {
    world.rows.rows().at({kTransferTable, std::string(RowKey(kHouseBook, id(kPaid)).view())})[3] ^= 1;
    expect_problem("transfer " + to_string(id(kPaid)) + ": does not match its checksum");
    for (std::uint64_t i = 0; i < 300; ++i)
        world.rows.put(kAccountTable, RowKey(kHouseBook, id(50'000 + i)).view(), "rubbish");
    world.rows.put(kAccountTable, "short", "rubbish");
    const auto report = expect_problem("more");
    EXPECT_EQ(report.problems.size(), 100U);
    EXPECT_EQ(report.problems.back().substr(0, 7), "… and");
}

}  // namespace
}  // namespace kontor::ledger::testing
