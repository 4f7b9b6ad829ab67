// What the statuses do not show: effects on balances, chains, time-outs, history, stored bytes.

#include <algorithm>
#include <fstream>
#include <regex>

#include "kontor/base/bytes.h"
#include "kontor/ledger/chart.h"
#include "rows.h"
#include "world.h"

namespace kontor::ledger::testing {
namespace {

using S = Status;

TEST(Transfers, MovePostedAmounts) {
    World world;
    ASSERT_EQ(world.open(account(kAlice)), S::ok);
    ASSERT_EQ(world.open(account(kBob)), S::ok);
    ASSERT_EQ(world.run(transfer(1, kAlice, kBob, 70)), S::ok);
    EXPECT_EQ(world.balances(kAlice), (Balances{0, 70, 0, 0}));
    EXPECT_EQ(world.balances(kBob), (Balances{0, 0, 0, 70}));
    const auto bob = find_account(world.rows, id(kBob));
    EXPECT_EQ(available_to_debit(*bob), 70U);
    EXPECT_EQ(available_to_credit(*bob), 0U);
    expect_verified(world);
}

struct TwoPhase : ::testing::Test {
    World world;
    void SetUp() override {
        ASSERT_EQ(world.open(account(kAlice)), S::ok);
        ASSERT_EQ(world.open(account(kBob, debits_must_not_exceed_credits)), S::ok);
        ASSERT_EQ(world.run(transfer(1, kAlice, kBob, 100)), S::ok);
        ASSERT_EQ(world.run(transfer(2, kBob, kAlice, 60, pending)), S::ok);
    }
    void TearDown() override { expect_verified(world); }
    [[nodiscard]] std::uint64_t available() const {
        return available_to_debit(*find_account(world.rows, id(kBob)));
    }
};

TEST_F(TwoPhase, PendingReservesButDoesNotGive) {
    EXPECT_EQ(world.balances(kBob), (Balances{60, 0, 0, 100}));
    EXPECT_EQ(world.balances(kAlice), (Balances{0, 100, 60, 0}));
    EXPECT_EQ(available(), 40U);
    EXPECT_EQ(world.run(transfer(3, kBob, kAlice, 41)), S::exceeds_credits);
    EXPECT_EQ(world.run(transfer(3, kBob, kAlice, 40)), S::ok);
    EXPECT_EQ(find_pending(world.rows, id(2))->remaining, 60U);
}

TEST_F(TwoPhase, PostInFull) {
    EXPECT_EQ(world.run(resolution(3, 2, post_pending)), S::ok);
    EXPECT_EQ(world.balances(kBob), (Balances{0, 60, 0, 100}));
    EXPECT_EQ(world.balances(kAlice), (Balances{0, 100, 0, 60}));
    const auto post = find_transfer(world.rows, id(3));
    EXPECT_EQ(post->amount, 60U);
    EXPECT_EQ(post->debit_account, id(kBob));
    EXPECT_EQ(post->code, 20U);
    const auto state = find_pending(world.rows, id(2));
    EXPECT_EQ(state->status, PendingStatus::posted);
    EXPECT_EQ(state->remaining, 0U);
    EXPECT_EQ(state->resolved_by, id(3));
}

TEST_F(TwoPhase, PostInPartReleasesTheRest) {
    EXPECT_EQ(world.run(resolution(3, 2, post_pending, 25)), S::ok);
    EXPECT_EQ(world.balances(kBob), (Balances{0, 25, 0, 100}));
    EXPECT_EQ(available(), 75U);
    EXPECT_EQ(world.run(resolution(4, 2, post_pending, 10)), S::pending_transfer_already_posted);
}

TEST_F(TwoPhase, VoidReleasesAll) {
    EXPECT_EQ(world.run(resolution(3, 2, void_pending)), S::ok);
    EXPECT_EQ(world.balances(kBob), (Balances{0, 0, 0, 100}));
    EXPECT_EQ(find_transfer(world.rows, id(3))->amount, 60U);
    EXPECT_EQ(find_pending(world.rows, id(2))->status, PendingStatus::voided);
    EXPECT_EQ(available(), 100U);
}

TEST_F(TwoPhase, ClampedPendingIsWhatIsReservedAndPosted) {
    EXPECT_EQ(world.run(transfer(3, kBob, kAlice, 1'000, pending | balancing_debit)), S::ok);
    EXPECT_EQ(find_transfer(world.rows, id(3))->amount, 40U);
    EXPECT_EQ(available(), 0U);
    EXPECT_EQ(world.run(transfer(3, kBob, kAlice, 1'000, pending | balancing_debit)), S::exists);
    EXPECT_EQ(world.run(transfer(3, kBob, kAlice, 39, pending | balancing_debit)),
              S::exists_with_different_amount);
    EXPECT_EQ(world.run(resolution(4, 3, post_pending)), S::ok);
    EXPECT_EQ(world.balances(kBob), (Balances{60, 40, 0, 100}));
}

struct TimeOuts : ::testing::Test {
    World world;
    void SetUp() override {
        ASSERT_EQ(world.open(account(kAlice)), S::ok);
        ASSERT_EQ(world.open(account(kBob)), S::ok);
    }
    void TearDown() override { expect_verified(world); }
    void reserve(std::uint64_t number, std::uint32_t timeout_s) {
        Transfer request = transfer(number, kAlice, kBob, number, pending);
        request.timeout_s = timeout_s;
        ASSERT_EQ(world.run(request), S::ok);
    }
};

TEST_F(TimeOuts, OldestFirstAndNoMoreThanAsked) {
    EXPECT_EQ(next_expiry_ms(world.rows), std::nullopt);
    EXPECT_EQ(world.expire(), 0U);
    reserve(1, 30);
    reserve(2, 10);
    reserve(4, 20);
    reserve(8, 0);  // never
    EXPECT_EQ(next_expiry_ms(world.rows), world.now_ms + 10'000);
    world.now_ms += 9'999;
    EXPECT_EQ(world.expire(), 0U);
    world.now_ms += 20'001;  // 30 s: all three
    EXPECT_EQ(world.expire(0), 0U);
    EXPECT_EQ(world.expire(2), 2U);
    EXPECT_EQ(world.balances(kAlice), (Balances{1 + 8, 0, 0, 0}));
    EXPECT_EQ(find_pending(world.rows, id(2))->status, PendingStatus::expired);
    EXPECT_EQ(find_pending(world.rows, id(1))->status, PendingStatus::pending);
    expect_verified(world);
    EXPECT_EQ(world.expire(2), 1U);
    EXPECT_EQ(world.balances(kBob), (Balances{0, 0, 8, 0}));
    EXPECT_EQ(next_expiry_ms(world.rows), std::nullopt);
    EXPECT_EQ(world.run(resolution(100, 8, post_pending)), S::ok);
}

TEST_F(TimeOuts, ResolvedOnesAreNotExpired) {
    reserve(1, 10);
    reserve(2, 10);
    EXPECT_EQ(world.run(resolution(100, 1, post_pending)), S::ok);
    EXPECT_EQ(world.run(resolution(101, 2, void_pending)), S::ok);
    EXPECT_EQ(next_expiry_ms(world.rows), std::nullopt);
    world.now_ms += 10'000;
    EXPECT_EQ(world.expire(), 0U);
    EXPECT_EQ(world.balances(kBob), (Balances{0, 0, 0, 1}));
}

TEST_F(TimeOuts, FrozenAccountsReleaseToo) {
    reserve(1, 10);
    ASSERT_EQ(world.set_frozen(kAlice, true), S::ok);
    world.now_ms += 10'000;
    EXPECT_EQ(world.expire(), 1U);
    EXPECT_EQ(world.balances(kAlice), (Balances{}));
}

TEST_F(TimeOuts, AtTheEndOfTime) {
    reserve(1, 10);
    world.now_ms = kMax;
    EXPECT_EQ(world.expire(), 1U);
}

struct Chains : ::testing::Test {
    World world;
    void SetUp() override {
        ASSERT_EQ(world.open(account(kAlice)), S::ok);
        for (std::uint64_t number : {2U, 3U, 4U}) {
            ASSERT_EQ(world.open(account(number, debits_must_not_exceed_credits)), S::ok);
        }
        ASSERT_EQ(world.run(transfer(1, kAlice, 2, 100)), S::ok);
    }
    void TearDown() override { expect_verified(world); }
};

TEST_F(Chains, LaterMembersSeeEarlierOnes) {
    EXPECT_EQ(
        world.transfers({transfer(10, 2, 3, 80, linked), transfer(11, 3, 4, 80, linked),
                         transfer(12, 4, 2, 80, linked | pending), resolution(13, 12, post_pending, 30)}),
        (std::vector{S::ok, S::ok, S::ok, S::ok}));
    EXPECT_EQ(world.balances(4), (Balances{0, 30, 0, 80}));
    EXPECT_EQ(find_transfer(world.rows, id(12))->timestamp + 1, find_transfer(world.rows, id(13))->timestamp);
}

TEST_F(Chains, AFailureTakesAllWithIt) {
    const auto rows_before = world.rows.rows();
    const auto timestamp_before = world.next_timestamp;
    EXPECT_EQ(world.transfers({transfer(10, 2, 3, 80, linked), transfer(11, 3, 4, 81)}),
              (std::vector{S::linked_event_failed, S::exceeds_credits}));
    EXPECT_EQ(world.rows.rows(), rows_before);
    EXPECT_EQ(world.next_timestamp, timestamp_before);
    EXPECT_FALSE(find_transfer(world.rows, id(10)));
    EXPECT_EQ(world.run(transfer(10, 2, 3, 1)), S::ok);  // a transfer in a chain that failed does not exist
}

TEST_F(Chains, AnIdTwiceInOneChainOrBatch) {
    EXPECT_EQ(world.transfers(
                  {transfer(10, 2, 3, 1, linked), transfer(10, 2, 3, 1, linked), transfer(11, 2, 3, 1)}),
              (std::vector{S::linked_event_failed, S::exists, S::linked_event_failed}));
    EXPECT_EQ(world.transfers({transfer(10, 2, 3, 1), transfer(10, 2, 3, 1), transfer(10, 2, 3, 2)}),
              (std::vector{S::ok, S::exists, S::exists_with_different_amount}));
    EXPECT_EQ(world.balances(3), (Balances{0, 0, 0, 1}));
}

TEST_F(Chains, SeveralInOneBatchStandAlone) {
    EXPECT_EQ(world.transfers({transfer(10, 2, 3, 1), transfer(11, 2, 3, 200, linked), transfer(12, 2, 3, 1),
                               transfer(13, 2, 3, 1, linked), transfer(14, 2, 3, 1),
                               transfer(15, 2, 3, 1, linked)}),
              (std::vector{S::ok, S::exceeds_credits, S::linked_event_failed, S::ok, S::ok,
                           S::linked_event_chain_open}));
    EXPECT_EQ(world.balances(3), (Balances{0, 0, 0, 3}));
}

TEST_F(Chains, CreateLinkedSetsTheFlags) {
    Ledger ledger(world.rows, world.now_ms, 1'000);
    EXPECT_EQ(ledger.create_linked({}).status, S::ok);
    auto outcome =
        ledger.create_linked({transfer(10, 2, 3, 60), transfer(11, 2, 3, 60), transfer(12, 2, 3, 1)});
    EXPECT_EQ(outcome.status, S::exceeds_credits);
    EXPECT_EQ(outcome.index, 1U);
    EXPECT_FALSE(find_transfer(world.rows, id(10)));
    EXPECT_EQ(ledger.next_timestamp(), 1'000U);
    outcome = ledger.create_linked({transfer(10, 2, 3, 60), transfer(11, 2, 3, 40, linked)});
    EXPECT_EQ(outcome.status, S::ok);
    EXPECT_EQ(find_transfer(world.rows, id(10))->flags, linked);
    EXPECT_EQ(find_transfer(world.rows, id(11))->flags, 0U);
    EXPECT_EQ(ledger.next_timestamp(), 1'002U);
    std::vector<Transfer> too_many(kMaxChain + 1, transfer(12, 2, 3, 1));
    EXPECT_EQ(ledger.create_linked(too_many).status, S::chain_too_long);
}

TEST(Fast, AnUnlinkedTransferIsThreeRowsAndALimitFailureNone) {
    World world;
    world.populate();
    const std::size_t before = world.rows.writes();
    EXPECT_EQ(world.run(transfer(kNew, kAlice, kBob, 1)), S::ok);
    EXPECT_EQ(world.rows.writes(), before + 3);
}

std::vector<std::uint64_t> page(const World& world, std::uint64_t number, Id128 from, std::size_t limit,
                                std::optional<Id128>& next) {
    std::vector<std::uint64_t> ids;
    next = visit_history(world.rows, id(number), from, limit, [&](const Transfer& row) {
        ids.push_back(row.id.low);
        return true;
    });
    return ids;
}

TEST(History, IsEnteredByTimeNearTheRightPlace) {
    World world;
    ASSERT_EQ(world.open(account(1)), S::ok);
    ASSERT_EQ(world.open(account(2)), S::ok);
    ASSERT_EQ(world.open(account(3)), S::ok);
    EXPECT_TRUE(history_start(world.rows, id(1), 5).is_zero());
    constexpr std::uint64_t kMoves = 5 * kHistoryIndexEvery + 7;
    // Some in chains of two, whose rows take the other way to the store.
    for (std::uint64_t i = 0; i < kMoves; ++i) {
        const bool chain = i % 3 == 0 && i + 1 < kMoves;
        std::vector<Transfer> batch{
            transfer(100 + i, i % 5 == 0 ? 2 : 1, i % 5 == 0 ? 1 : 2, 1, chain ? linked : 0)};
        if (chain) ++i, batch.push_back(transfer(100 + i, 1, 2, 1));
        ASSERT_EQ(world.transfers(batch), std::vector(batch.size(), S::ok));
    }
    EXPECT_EQ(find_account(world.rows, id(1))->transfers, kMoves);
    const auto newest = *find_transfer(world.rows, id(100 + kMoves - 1));
    for (std::uint64_t i = 0; i < kMoves; ++i) {
        const std::uint64_t at = find_transfer(world.rows, id(100 + i))->timestamp;
        const Id128 start = history_start(world.rows, id(1), at);
        EXPECT_GE(start.low, 100 + i);
        EXPECT_LE(start.low, 100 + i + kHistoryIndexEvery);
    }
    EXPECT_EQ(history_start(world.rows, id(1), newest.timestamp), newest.id);
    EXPECT_EQ(history_start(world.rows, id(1), kMax), newest.id);
    EXPECT_TRUE(history_start(world.rows, id(3), kMax).is_zero());
    expect_verified(world);
    // Verify sees a count that lies and an index row that is missing.
    const std::string key(RowKey(kHouseBook, id(3)).view());
    Account lying = *find_account(world.rows, id(3));
    lying.transfers = kHistoryIndexEvery;
    store_row(world.rows, kAccountTable, kHouseBook, lying);
    const VerifyReport report = verify(world.rows.visitor());
    ASSERT_EQ(report.problems.size(), 2U);
}

TEST(Books, SameIdsLiveApart) {
    World world;
    const Book ours = book_of(7, false), live = book_of(7, true), theirs = book_of(8, false);
    std::uint64_t timestamp = 1;
    for (const Book book : {kHouseBook, ours, live, theirs}) {
        Ledger ledger(world.rows, world.now_ms, timestamp, book, world.now_ms);
        const std::vector<Account> accounts{account(1), account(2)};
        EXPECT_EQ(ledger.create_accounts(accounts), (std::vector{S::ok, S::ok}));
        Transfer timed = transfer(12, 1, 2, 5, pending);
        timed.timeout_s = 1;
        EXPECT_EQ(ledger.create_transfers(std::vector{transfer(11, 1, 2, 10 + book.owner), timed}),
                  (std::vector{S::ok, S::ok}));
        timestamp = ledger.next_timestamp();
    }
    EXPECT_EQ(find_account(world.rows, id(1), ours)->debits_posted, 17U);
    EXPECT_EQ(find_account(world.rows, id(1), theirs)->debits_posted, 18U);
    EXPECT_EQ(find_transfer(world.rows, id(11), live)->amount, 17U);
    EXPECT_EQ(find_transfer(world.rows, id(11), book_of(9, false)), std::nullopt);
    for (const Book book : {ours, live, theirs}) {
        std::vector<Id128> listed;
        EXPECT_EQ(visit_accounts(world.rows, book, ~std::uint64_t{0}, 2,
                                 [&](const Account& row) {
                                     listed.push_back(row.id);
                                     return true;
                                 }),
                  std::nullopt);
        EXPECT_EQ(listed, (std::vector{id(2), id(1)}));
        EXPECT_EQ(visit_accounts(world.rows, book, ~std::uint64_t{0}, 1, [](const Account&) { return true; }),
                  id(1));
        EXPECT_EQ(visit_accounts(world.rows, book, 0, 2, [](const Account&) { return true; }), std::nullopt);
    }
    std::size_t seen = 0;
    (void)visit_history(
        world.rows, id(1), {}, 10, [&](const Transfer&) { return ++seen < 10; }, theirs);
    EXPECT_EQ(seen, 2U);
    expect_verified(world);
    // One sweep serves all books.
    EXPECT_EQ(next_expiry_ms(world.rows), world.now_ms + 1'000);
    Ledger late(world.rows, world.now_ms + 1'000, timestamp);
    EXPECT_EQ(late.expire_pending(3), 3U);
    EXPECT_EQ(late.expire_pending(3), 1U);
    EXPECT_EQ(find_account(world.rows, id(1), live)->debits_pending, 0U);
    EXPECT_EQ(next_expiry_ms(world.rows), std::nullopt);
    expect_verified(world);
}

TEST(History, NewestFirstPageByPage) {
    World world;
    for (std::uint64_t number = 1; number <= 3; ++number) ASSERT_EQ(world.open(account(number)), S::ok);
    std::optional<Id128> next;
    EXPECT_TRUE(page(world, 1, {}, 10, next).empty());
    EXPECT_EQ(next, std::nullopt);
    EXPECT_EQ(world.transfers({transfer(11, 1, 2, 1), transfer(12, 2, 3, 1), transfer(13, 3, 1, 1, linked),
                               transfer(14, 1, 2, 1, linked), transfer(15, 1, 3, 1, pending),
                               resolution(16, 15, void_pending), transfer(17, 1, 1, 1)}),
              (std::vector{S::ok, S::ok, S::ok, S::ok, S::ok, S::ok, S::accounts_must_be_different}));
    using Ids = std::vector<std::uint64_t>;
    EXPECT_EQ(page(world, 1, {}, 10, next), (Ids{16, 15, 14, 13, 11}));
    EXPECT_EQ(next, std::nullopt);
    EXPECT_EQ(page(world, 2, {}, 10, next), (Ids{14, 12, 11}));
    EXPECT_EQ(page(world, 1, {}, 2, next), (Ids{16, 15}));
    EXPECT_EQ(next, id(14));
    EXPECT_EQ(page(world, 1, *next, 3, next), (Ids{14, 13, 11}));
    EXPECT_EQ(next, std::nullopt);
    EXPECT_TRUE(page(world, 1, id(12), 10, next).empty());  // not a transfer of this account
    EXPECT_TRUE(page(world, 99, {}, 10, next).empty());
    std::size_t visited = 0;
    next = visit_history(world.rows, id(1), {}, 10, [&](const Transfer&) { return ++visited < 2; });
    EXPECT_EQ(visited, 2U);
    EXPECT_EQ(next, id(14));
    expect_verified(world);
}

TEST(Stored, AnyFlippedBitIsFoundAndNamed) {
    World world;
    world.populate();
    const auto flip_every_byte = [&](store::TableId table, std::uint64_t number, const auto& read) {
        std::string& bytes =
            world.rows.rows().at({table, std::string(RowKey(kHouseBook, id(number)).view())});
        for (std::size_t at = 0; at < bytes.size(); ++at) {
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
            try {
                read();
                ADD_FAILURE() << "byte " << at << " of table " << int{table};
            } catch (const store::StoreFailure& failure) {
                EXPECT_NE(std::string(failure.what()).find(to_string(id(number))), std::string::npos);
            }
            bytes[at] = static_cast<char>(bytes[at] ^ (1 << (at % 8)));
        }
        const std::string whole = bytes;
        bytes.pop_back();
        EXPECT_THROW(read(), store::StoreFailure);
        bytes = whole;
        read();
    };
    flip_every_byte(kAccountTable, kAlice, [&] { (void)find_account(world.rows, id(kAlice)); });
    flip_every_byte(kTransferTable, kPaid, [&] { (void)find_transfer(world.rows, id(kPaid)); });
    flip_every_byte(kPendingTable, kTimed, [&] { (void)find_pending(world.rows, id(kTimed)); });
    // Intact bytes under another key are no less wrong.
    const RowKey alice(kHouseBook, id(kAlice));
    const RowKey bob(kHouseBook, id(kBob));
    auto& rows = world.rows.rows();
    rows.at({kAccountTable, std::string(alice.view())}) = rows.at({kAccountTable, std::string(bob.view())});
    EXPECT_THROW((void)find_account(world.rows, id(kAlice)), store::StoreFailure);
    EXPECT_THROW((void)world.run(transfer(kNew, kAlice, kBob, 1)), store::StoreFailure);
}

// The worked example of docs/formats/ledger-rows.md: these bytes are on disks.
TEST(Stored, BytesAreFrozen) {
    World world;
    world.next_timestamp = 0x100;
    ASSERT_EQ(world.open(account(1)), S::ok);
    ASSERT_EQ(world.open(account(2)), S::ok);
    Transfer request = transfer(0xABCD, 1, 2, 500, pending);
    request.timeout_s = 10;
    ASSERT_EQ(world.run(request), S::ok);
    const auto stored = [&](store::TableId table, std::string_view key) {
        return to_hex(world.rows.rows().at({table, std::string(key)}));
    };
    EXPECT_EQ(stored(kAccountTable, RowKey(kHouseBook, id(1)).view()),
              "00000000000000000100000000000000f40100000000000000000000000000000000000000000000"
              "00000000000000000000000000000000000000000000000000000000000000000000000001000000"
              "0a0000000100000000010000000000000000000000000000cdab0000000000000000000000000000"
              "250cbfec51ac6d49");
    EXPECT_EQ(stored(kTransferTable, RowKey(kHouseBook, id(0xABCD)).view()),
              "0000000000000000cdab000000000000000000000000000001000000000000000000000000000000"
              "0200000000000000f401000000000000000000000000000000000000000000000000000000000000"
              "00000000000000000000000000000000000000000a00000001000000140002000201000000000000"
              "0000000000000000000000000000000000000000000000000000000000000000ebe84b900bdd05a1");
    EXPECT_EQ(stored(kPendingTable, RowKey(kHouseBook, id(0xABCD)).view()),
              "0000000000000000cdab00000000000000000000000000000000000000000000f401000000000000"
              "50690f000000000001000000000000000f9761a9ec9f86bf");
    EXPECT_EQ(to_hex(ExpiryKey(1'010'000, kHouseBook, id(0xABCD)).view()),
              "6500000000000f6950000000000000000000000000000000abcd");
    EXPECT_EQ(stored(kExpiryTable, ExpiryKey(1'010'000, kHouseBook, id(0xABCD)).view()), "01");
}

// The table for people and the one for programs.
TEST(Chart, TheDocumentListsTheKindsThatThereAre) {
    std::ifstream file(std::string(KONTOR_SOURCE_DIR) + "/docs/chart-of-accounts.md");
    ASSERT_TRUE(file) << "docs/chart-of-accounts.md";
    const std::regex row(
        R"(\| (\d+) \| ([a-z ]+) \| .* \| ([a-z]+) \| [a-z]+ \| (—|debits must not exceed credits) \|)");
    const std::string owners[] = {"platform", "channel", "merchant", "customer", "member", "fund", "holder"};
    std::vector<std::string> documented, there;
    bool is_reserved = false;
    for (std::string line; std::getline(file, line);) {
        is_reserved = is_reserved || line.starts_with("These numbers are reserved");
        std::smatch found;
        if (!std::regex_match(line, found, row)) continue;
        std::string name = found[2];
        std::replace(name.begin(), name.end(), ' ', '_');
        documented.push_back(found[1].str() + " " + name + " " + found[3].str() +
                             (found[4] == "—" ? "" : " limit") + (is_reserved ? " reserved" : ""));
    }
    for (const KindRecord& record : kChart)
        there.push_back(std::to_string(static_cast<unsigned>(record.kind)) + " " + std::string(record.name) +
                        " " + owners[static_cast<std::size_t>(record.owner)] +
                        (record.keeps_its_limit ? " limit" : "") + (record.is_in_use ? "" : " reserved"));
    EXPECT_EQ(documented, there);
    EXPECT_EQ(record_of(static_cast<AccountKind>(0)), nullptr);
    EXPECT_EQ(record_of(static_cast<AccountKind>(kChart.size() + 1)), nullptr);
    EXPECT_EQ(flags_of(static_cast<AccountKind>(999)), 0);
}

TEST(Chart, AccountsAreOpenedOnce) {
    World world;
    Ledger ledger(world.rows, 0, 1);
    const std::uint32_t euro = ledger_number(978, true);
    const Account wallet = system_account_row(AccountKind::customer_wallet, euro, 77);
    ledger.ensure_account(wallet);
    const auto rows_before = world.rows.rows();
    ledger.ensure_account(wallet);
    ASSERT_EQ(ledger.set_frozen(wallet.id, true), S::ok);
    ledger.ensure_account(wallet);  // frozen since: still the same account
    ASSERT_EQ(ledger.set_frozen(wallet.id, false), S::ok);
    EXPECT_EQ(world.rows.rows(), rows_before);
    EXPECT_EQ(ledger.next_timestamp(), 2U);
    EXPECT_EQ(kind_of(wallet.id), AccountKind::customer_wallet);
    EXPECT_EQ(ledger_of(wallet.id), euro);
    EXPECT_EQ(owner_of(wallet.id), 77U);
    EXPECT_EQ(find_account(world.rows, wallet.id)->flags, debits_must_not_exceed_credits);
    Account other = wallet;
    other.code = 2;
    EXPECT_DEATH(ledger.ensure_account(other), "another ledger, code or flags");
    EXPECT_DEATH((void)system_account_row(AccountKind::tax, euro, 0), "a kind that is in use");
    EXPECT_DEATH((void)system_account_row(static_cast<AccountKind>(0), euro, 0), "a kind that is in use");
}

}  // namespace
}  // namespace kontor::ledger::testing
