// Ids whose transfer failed: who sends the same again pays nothing (docs/adr/0017-failed-ids.md).

#include <algorithm>
#include <random>

#include "failed_ids.h"
#include "kontor/base/bytes.h"
#include "world.h"

namespace kontor::ledger::testing {
namespace {

using S = Status;
constexpr Book kBook = book_of(7, true);
constexpr std::uint64_t kDay = kFailedKeptMs;

struct Shop : World {
    Shop() {
        book = kBook;
        now_ms = 100 * kDay + 1;
        populate();
    }
    std::uint64_t run_rows() const {
        std::uint64_t count = 0;
        for (const auto& [key, value] : rows.rows()) count += key.first == kFailedRunTable ? 1 : 0;
        return count;
    }
};
std::vector<Transfer> fail_many(std::vector<Id128> ids) {
    std::vector<Transfer> out;
    for (const Id128 number : ids) {
        Transfer request = transfer(1, kDebitLimited, kBob, 1'000);
        request.id = number;
        out.push_back(request);
    }
    return out;
}
void expect_all(const std::vector<Status>& statuses, Status wanted) {
    for (const Status status : statuses) ASSERT_EQ(status, wanted);
}

TEST(Failed, TheSecondSendPaysNothing) {
    for (const bool is_chain : {false, true}) {
        Shop shop;
        ASSERT_EQ(shop.open(account(20, debits_must_not_exceed_credits)), S::ok);
        const unsigned chained = is_chain ? linked : 0;
        const std::vector<Transfer> batch{transfer(kNew, kAlice, kBob, 1, chained),
                                          transfer(kNew + 1, 20, kBob, 5), transfer(kNew + 2, kAlice, 20, 5)};
        const auto first = shop.transfers(batch);
        EXPECT_EQ(first, (std::vector{is_chain ? S::linked_event_failed : S::ok, S::exceeds_credits, S::ok}));
        const auto before = shop.balances(20);
        EXPECT_EQ(shop.transfers(batch), (std::vector{is_chain ? S::linked_event_failed : S::exists,
                                                      S::id_already_failed, S::exists}));
        EXPECT_EQ(shop.balances(20), before);
        EXPECT_EQ(shop.run(transfer(kNew + 3, 20, kBob, 5)), S::ok);  // a new id is a new wish
        if (is_chain) {
            EXPECT_EQ(shop.run(transfer(kNew, kAlice, kBob, 1)), S::ok);  // only who failed is kept
        }
        expect_verified(shop);
    }
}

TEST(Failed, EveryStatusThatMayChangeIsKept) {
    struct Case {
        Status status;
        Transfer request;
    };
    const std::uint64_t full = 30;
    for (const Case& one : {Case{S::debit_account_not_found, transfer(kNew, kNobody, kBob, 1)},
                            Case{S::credit_account_not_found, transfer(kNew, kAlice, kNobody, 1)},
                            Case{S::pending_transfer_not_found, resolution(kNew, kNobody, post_pending)},
                            Case{S::exceeds_credits, transfer(kNew, kDebitLimited, kBob, 101)},
                            Case{S::exceeds_credits, transfer(kNew, 31, kBob, 7, balancing_debit)},
                            Case{S::exceeds_debits, transfer(kNew, kAlice, kCreditLimited, 101)},
                            Case{S::overflows_debits_posted, transfer(kNew, full, kBob, 2)},
                            Case{S::overflows_debits, transfer(kNew, full, kBob, 2, pending)},
                            Case{S::debit_account_frozen, transfer(kNew, kFrozen, kBob, 1)},
                            Case{S::credit_account_frozen, transfer(kNew, kAlice, kFrozen, 1)}}) {
        SCOPED_TRACE(to_string(one.status));
        Shop shop;
        ASSERT_EQ(shop.open(account(full)), S::ok);
        ASSERT_EQ(shop.open(account(31)), S::ok);
        ASSERT_EQ(shop.open(account(32)), S::ok);
        ASSERT_EQ(shop.run(transfer(3'000, full, 32, kMax)), S::ok);
        EXPECT_TRUE(traits_of(one.status).is_kept);
        EXPECT_EQ(shop.run(one.request), one.status);
        EXPECT_EQ(shop.run(one.request), S::id_already_failed);
        EXPECT_EQ(shop.run(transfer(kNew, kAlice, kBob, 1)), S::id_already_failed);  // whatever it asks for
        expect_verified(shop);
    }
    // What can never be keeps nothing: corrected, it may use its id.
    Shop shop;
    EXPECT_EQ(shop.run(transfer(kNew, kAlice, kBob, 0)), S::amount_must_not_be_zero);
    EXPECT_EQ(shop.run(transfer(kNew, kAlice, kClosed, 1)), S::credit_account_closed);
    EXPECT_EQ(shop.run(transfer(kNew, kAlice, kForeign, 1)), S::accounts_must_have_the_same_ledger);
    EXPECT_EQ(shop.run(transfer(kNew, kAlice, kBob, 1)), S::ok);
}

// The pending transfer before it takes what there is: 5 today, 8 tomorrow.
TEST(Failed, AChainThatDependsOnItsOwnBalancing) {
    Shop shop;
    ASSERT_EQ(shop.open(account(20)), S::ok);
    ASSERT_EQ(shop.run(transfer(3'000, kAlice, 20, 5)), S::ok);
    const std::vector<Transfer> chain{transfer(kNew, 20, kBob, 10, linked | pending | balancing_debit),
                                      resolution(kNew + 1, kNew, post_pending, 8)};
    EXPECT_EQ(shop.transfers(chain), (std::vector{S::linked_event_failed, S::exceeds_pending_amount}));
    ASSERT_EQ(shop.run(transfer(3'001, kAlice, 20, 3)), S::ok);
    EXPECT_EQ(shop.transfers(chain), (std::vector{S::linked_event_failed, S::id_already_failed}));
}

TEST(Failed, IsKeptForADayAtLeastAndTwoAtMost) {
    Shop shop;
    shop.now_ms = 200 * kDay;  // the first moment of a day: kept longest
    ASSERT_EQ(shop.run(transfer(kNew, kDebitLimited, kBob, 101)), S::exceeds_credits);
    shop.now_ms = 201 * kDay - 1;  // the last one: kept shortest
    ASSERT_EQ(shop.run(transfer(kNew + 1, kDebitLimited, kBob, 101)), S::exceeds_credits);
    shop.now_ms = 201 * kDay + 5;
    ASSERT_EQ(shop.run(transfer(kNew + 2, kDebitLimited, kBob, 101)), S::exceeds_credits);
    shop.now_ms = 202 * kDay - 1;
    for (std::uint64_t number = kNew; number <= kNew + 2; ++number)
        EXPECT_EQ(shop.run(transfer(number, kAlice, kBob, 1)), S::id_already_failed);
    ASSERT_EQ(shop.failed.size(), 2U);
    EXPECT_EQ(shop.failed[0].drop_from_ms, 202 * kDay);
    shop.now_ms = 202 * kDay;
    EXPECT_EQ(shop.run(transfer(kNew, kAlice, kBob, 1)), S::ok);
    EXPECT_EQ(shop.run(transfer(kNew + 1, kAlice, kBob, 1)), S::ok);
    EXPECT_EQ(shop.run(transfer(kNew + 2, kAlice, kBob, 1)), S::id_already_failed);
    expect_verified(shop);
    shop.drop_failed();
    EXPECT_EQ(shop.run(transfer(kNew + 2, kAlice, kBob, 1)), S::id_already_failed);
    shop.now_ms = 240 * kDay;  // weeks off
    EXPECT_EQ(shop.run(transfer(kNew + 2, kAlice, kBob, 1)), S::ok);
    ASSERT_EQ(shop.run(transfer(kNew + 3, kDebitLimited, kBob, 101)), S::exceeds_credits);
    expect_verified(shop);
}

TEST(Failed, AreRemovedInBoundedPieces) {
    Shop shop;
    std::vector<Id128> ids;
    for (std::uint64_t i = 0; i < 1'000; ++i) ids.push_back(id(10'000 + i));
    expect_all(shop.transfers(fail_many(ids)), S::exceeds_credits);
    EXPECT_EQ(shop.run_rows(), (1'000 + kRunIds - 1) / kRunIds);
    shop.now_ms += 2 * kDay;
    for (std::uint64_t left = shop.run_rows(); left > 0; left = shop.run_rows()) {
        EXPECT_EQ(Ledger(shop.rows, shop.now_ms, 0, kBook, shop.now_ms).drop_failed(100, 3),
                  std::min<std::uint64_t>(left, 3));
        EXPECT_EQ(shop.run_rows(), left - std::min<std::uint64_t>(left, 3));
        expect_verified(shop);  // also half way
    }
    EXPECT_EQ(Ledger(shop.rows, shop.now_ms, 0, kBook, shop.now_ms).drop_failed(100, 3), 0U);
    expect_verified(shop);
    EXPECT_TRUE(Ledger(shop.rows, shop.now_ms, 0, kBook, shop.now_ms).has_room(kMaxFailedIds));
}

TEST(Failed, WhateverTheOrderOfTheIds) {
    std::mt19937_64 random(7);
    for (const char* order : {"ascending", "descending", "random", "two clocks"}) {
        SCOPED_TRACE(order);
        Shop shop;
        std::vector<Id128> ids;
        for (std::uint64_t i = 0; i < 1'500; ++i) ids.push_back({i % 2 + 5, 2 * (i + 10)});
        if (std::string_view(order) != "two clocks") std::sort(ids.begin(), ids.end());
        if (std::string_view(order) == "descending") std::reverse(ids.begin(), ids.end());
        if (std::string_view(order) == "random") std::shuffle(ids.begin(), ids.end(), random);
        for (std::size_t at = 0; at < ids.size();) {  // in batches of all sizes
            const std::size_t size =
                std::min<std::size_t>(ids.size() - at, 1 + random() % (at % 3 == 0 ? 5 : 200));
            expect_all(shop.transfers(fail_many({ids.begin() + at, ids.begin() + at + size})),
                       S::exceeds_credits);
            at += size;
        }
        expect_verified(shop);
        expect_all(shop.transfers(fail_many(ids)), S::id_already_failed);
        std::uint64_t bytes = 0;  // of keys and values, with what LMDB adds to each row
        for (const auto& [key, value] : shop.rows.rows()) {
            if (key.first != kFailedRunTable) continue;
            bytes += 1 + key.second.size() + value.size() + 10;
            EXPECT_LE(decode_run(value).value().size(), kRunIds);
        }
        EXPECT_LE(bytes, 40 * ids.size());
        std::printf("%s: %.1f bytes an id\n", order,
                    static_cast<double>(bytes) / static_cast<double>(ids.size()));
        std::vector<Id128> others;
        for (const Id128 failed : ids) others.push_back({failed.high, failed.low + 1});
        expect_all(shop.transfers(fail_many(others)), S::exceeds_credits);
    }
}

TEST(Failed, ABookKeepsSoManyAndNoMore) {
    Shop shop;
    FailedHead head;
    head.generations[0] = {generation_of(shop.now_ms), kMaxFailedIds - 10, id(5)};
    shop.rows.put(kFailedHeadTable, FailedHeadKey(kBook).view(), encode_head(head));
    Ledger ledger(shop.rows, shop.now_ms, 1, kBook, shop.now_ms);
    EXPECT_TRUE(ledger.has_room(10));
    EXPECT_FALSE(ledger.has_room(11));
    EXPECT_TRUE(Ledger(shop.rows, shop.now_ms, 1, book_of(7, false), shop.now_ms).has_room(11));
    EXPECT_FALSE(Ledger(shop.rows, shop.now_ms + 2 * kDay, 1, kBook, shop.now_ms).has_room(11));
    EXPECT_TRUE(
        Ledger(shop.rows, shop.now_ms, 1, kBook, shop.now_ms + 2 * kDay).has_room(11));  // their time is over
}

TEST(Failed, TheHouseKeepsNone) {
    World world;
    world.populate();
    EXPECT_EQ(world.run(transfer(kNew, kDebitLimited, kBob, 101)), S::exceeds_credits);
    EXPECT_EQ(world.run(transfer(kNew, kDebitLimited, kBob, 1)), S::ok);
    for (const auto& [key, value] : world.rows.rows()) EXPECT_LT(key.first, kFailedRunTable);
}

TEST(Failed, OtherBooksDoNotKnow) {
    Shop shop;
    ASSERT_EQ(shop.run(transfer(kNew, kDebitLimited, kBob, 101)), S::exceeds_credits);
    shop.book = book_of(7, false);
    ASSERT_EQ(shop.open(account(kAlice)), S::ok);
    ASSERT_EQ(shop.open(account(kBob)), S::ok);
    EXPECT_EQ(shop.run(transfer(kNew, kAlice, kBob, 1)), S::ok);
}

TEST(Failed, VerifyNotices) {
    Shop clean;
    std::vector<Id128> ids;
    for (std::uint64_t i = 0; i < 200; ++i) ids.push_back(id(10'000 + i));
    expect_all(clean.transfers(fail_many(ids)), S::exceeds_credits);
    expect_all(clean.transfers(fail_many({id(20'000)})), S::exceeds_credits);  // in the head
    expect_verified(clean);
    const auto first_run = FailedRunKey(kBook, generation_of(clean.now_ms), ids[0]);
    const auto expect_noticed = [&](const std::function<void(Shop&)>& falsify) {
        Shop shop = clean;
        falsify(shop);
        EXPECT_FALSE(verify(shop.rows.visitor()).holds());
    };
    expect_noticed([&](Shop& shop) { shop.rows.erase(kFailedRunTable, first_run.view()); });
    expect_noticed([&](Shop& shop) { shop.rows.erase(kFailedHeadTable, FailedHeadKey(kBook).view()); });
    const FailedHeadKey head_key(kBook);
    for (const std::string_view key : {first_run.view(), head_key.view()}) {
        const store::TableId table = key == first_run.view() ? kFailedRunTable : kFailedHeadTable;
        const std::string value = clean.rows.rows().at({table, std::string(key)});
        for (std::size_t bit = 0; bit < value.size() * 8; bit += 5) {
            std::string flipped = value;
            flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
            expect_noticed([&](Shop& shop) { shop.rows.put(table, key, flipped); });
        }
    }
    // A read of broken bytes fails.
    Shop shop = clean;
    shop.rows.put(kFailedHeadTable, FailedHeadKey(kBook).view(), std::string(120, 'x'));
    EXPECT_THROW((void)shop.run(transfer(kNew, kAlice, kBob, 1)), store::StoreFailure);
}

void put_run(Shop& shop, const std::vector<Id128>& ids) {
    std::string bytes;
    for (const Id128 one : ids) {
        put_be64(bytes, one.high);
        put_be64(bytes, one.low);
    }
    const std::uint64_t sum = checksum_of_bytes(bytes);
    bytes.append(reinterpret_cast<const char*>(&sum), sizeof sum);
    shop.rows.put(kFailedRunTable, FailedRunKey(kBook, generation_of(shop.now_ms), ids[0]).view(), bytes);
}

// A store shows rows of the disk first, and then those in memory, each in order.
TEST(Failed, VerifyTakesRowsInAnyOrder) {
    Shop shop;
    std::vector<Id128> ids;
    for (std::uint64_t i = 0; i < 200; ++i) ids.push_back(id(10'000 + i));
    expect_all(shop.transfers(fail_many(ids)), S::exceeds_credits);
    ASSERT_GT(shop.run_rows(), 2U);
    const TableVisitor backwards = [&](store::TableId table, const store::Reader::Visitor& visit) {
        const auto& rows = shop.rows.rows();
        for (auto at = rows.rbegin(); at != rows.rend(); ++at)
            if (at->first.first == table && !visit(at->first.second, at->second)) return;
    };
    const auto problems = [](const TableVisitor& visitor) {
        const VerifyReport report = verify(visitor);
        return report.problems.empty() ? std::string() : report.problems.front();
    };
    EXPECT_EQ(problems(backwards), "");
    // The last id of the first run and the first one of the second change places.
    const std::string disorder = "runs of failed ids of book 7 are in disorder";
    shop.rows.erase(kFailedRunTable, FailedRunKey(kBook, generation_of(shop.now_ms), ids[kRunIds]).view());
    std::vector<Id128> first(ids.begin(), ids.begin() + kRunIds);
    std::vector<Id128> second(ids.begin() + kRunIds, ids.begin() + 2 * kRunIds);
    std::swap(first.back(), second.front());
    put_run(shop, first);
    put_run(shop, second);
    EXPECT_EQ(problems(shop.rows.visitor()), disorder);
    EXPECT_EQ(problems(backwards), disorder);
}

TEST(Failed, BytesAreFrozen) {
    World world;
    world.book = Book{Book::Kind::live, 0x10000001};
    world.now_ms = 100 * kDay;
    ASSERT_EQ(world.run(transfer(0xABCD, 1, 2, 500)), S::debit_account_not_found);
    EXPECT_EQ(to_hex(FailedHeadKey(world.book).view()), "020000000010000001");
    const auto head = world.rows.rows().at({kFailedHeadTable, std::string(FailedHeadKey(world.book).view())});
    EXPECT_EQ(to_hex(head),
              "64000000000000000100000000000000"  // generation 100, one id
              "0000000000000000cdab000000000000"  // the greatest
              "0000000000000000000000000000000000000000000000000000000000000000"
              "0000000000000000000000000000000000000000000000000000000000000000"
              "0000000000000000000000000000abcd"  // the recent ones
              "6c885efe53d25944");
    EXPECT_EQ(to_hex(FailedRunKey(world.book, 100, id(0xABCD)).view()),
              "0200000000100000010000000000000064"
              "0000000000000000000000000000abcd");
}

TEST(Posts, HaveTheUserDataOfThePendingTransferUnlessTheyNameTheirOwn) {
    World world;
    world.populate();
    Transfer reserved = transfer(kNew, kAlice, kBob, 10, pending);
    reserved.user_data_128 = id(77);
    reserved.user_data_64 = 78;
    reserved.user_data_32 = 79;
    ASSERT_EQ(world.run(reserved), S::ok);
    Transfer post = resolution(kNew + 1, kNew, post_pending);
    post.user_data_64 = 5;
    ASSERT_EQ(world.run(post), S::ok);
    const auto stored = find_transfer(world.rows, id(kNew + 1)).value();
    EXPECT_EQ(stored.user_data_128, id(77));
    EXPECT_EQ(stored.user_data_64, 5U);
    EXPECT_EQ(stored.user_data_32, 79U);
    EXPECT_EQ(world.run(post), S::exists);
    post.user_data_32 = 79;
    EXPECT_EQ(world.run(post), S::exists);
    post.user_data_32 = 80;
    EXPECT_EQ(world.run(post), S::exists_with_different_user_data);
    post.user_data_32 = 0;
    post.user_data_64 = 0;  // would have been 78
    EXPECT_EQ(world.run(post), S::exists_with_different_user_data);
    expect_verified(world);
}

}  // namespace
}  // namespace kontor::ledger::testing
