// What the reports show is what the audit records say, however it got there.
#include "kontor/reporting/reports.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>

#include "domains/payments/outcomes.h"
#include "kontor/machine/outcome.h"
#include "reports_fixture.h"

namespace kontor::reports::testing {
namespace {

TEST_F(ReportsTest, ShowsPaymentsAndCountsThemOnce) {
    open();
    const auto ada = shop_.customer("Ada Lovelace", "ada@example.com", 10'000);
    const auto paid = shop_.pay(ada, 2'500, "Coffee");
    ASSERT_EQ(paid.outcome(), machine::outcome::ok);
    EXPECT_EQ(shop_.pay(ada, 9'999, "Too much").outcome(), payments::outcome::insufficient_funds);
    ASSERT_EQ(shop_.refund(object_in(paid, pb::payment_intent).no(), 500).outcome(), machine::outcome::ok);
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    const auto rows = rows_of();
    EXPECT_EQ(rows[0].status, "requires_payment_method");
    EXPECT_EQ(rows[0].failure_code, "insufficient_funds");
    EXPECT_EQ(rows[1].status, "succeeded");
    EXPECT_EQ(rows[1].method, "wallet");
    EXPECT_EQ(rows[1].customer_name, "Ada Lovelace");
    EXPECT_EQ(rows[1].merchant_name, "Teehaus 茶館");
    for (const Bucket bucket : {Bucket::minute, Bucket::hour, Bucket::day}) {
        const auto lines = volumes::list(*reports_, bucket, false, kStart - kDay, kStart + kDay);
        ASSERT_TRUE(lines);
        ASSERT_EQ(lines->size(), 1U);
        EXPECT_EQ(lines->front().volume, 2'500);
        EXPECT_EQ(lines->front().succeeded, 1U);
        EXPECT_EQ(lines->front().failed, 1U);
        EXPECT_EQ(lines->front().payments, 2U);
    }
    EXPECT_TRUE(volumes::list(*reports_, Bucket::day, true, kStart - kDay, kStart + kDay)->empty())
        << "live mode is apart";
}

TEST_F(ReportsTest, SearchFindsWordsPartsAndShortChinese) {
    open();
    const auto li = shop_.customer("李小龍", "li@example.com", 10'000);
    shop_.pay(li, 100, "龍井茶 50% \"special\"_tea");
    ASSERT_TRUE(until([&] { return rows_of().size() == 1; }));
    EXPECT_EQ(found("龍"), 1U);
    EXPECT_EQ(found("井茶"), 1U);
    EXPECT_EQ(found("李小龍"), 1U);
    EXPECT_EQ(found("special"), 1U);
    EXPECT_EQ(found("\"special\""), 1U);
    EXPECT_EQ(found("example"), 1U);
    EXPECT_EQ(found("%"), 1U);
    EXPECT_EQ(found("_"), 1U);
    EXPECT_EQ(found("\\"), 0U);
    EXPECT_EQ(found("茶龍"), 0U);
    EXPECT_EQ(found("coffee"), 0U);
    pb::Command rename = shop_.mine();
    mutable_body(rename, pb::update_customer)->set_no(li);
    mutable_body(rename, pb::update_customer)->set_name("Bruce Lee");
    shop_.run(rename);
    ASSERT_TRUE(until([&] { return found("Bruce") == 1; }));
    EXPECT_EQ(found("李小龍"), 0U);
}

TEST_F(ReportsTest, PagesByKeyAndFilters) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 1'000'000);
    for (int i = 0; i < 30; ++i) {
        shop_.now_ms = kStart + i / 3;  // three share a moment: the number decides
        shop_.pay(ada, 100 + i, "p");
    }
    ASSERT_TRUE(until([&] { return rows_of().size() == 30; }));
    PaymentQuery query;
    query.limit = 7;
    std::vector<std::uint64_t> seen;
    for (;;) {
        const auto page = payment_list::list(*reports_, query);
        ASSERT_TRUE(page);
        for (const auto& row : page->rows) seen.push_back(row.intent_no);
        shop_.pay(ada, 1, "while somebody pages");
        if (page->next_cursor.empty()) break;
        query.cursor = page->next_cursor;
    }
    EXPECT_EQ(seen.size(), 30U);
    EXPECT_TRUE(std::is_sorted(seen.rbegin(), seen.rend()));
    PaymentQuery filtered;
    filtered.amount_gte = 110;
    filtered.amount_lte = 119;
    filtered.statuses = {"succeeded"};
    filtered.currency = kEuro;
    EXPECT_EQ(rows_of(filtered).size(), 10U);
    filtered.statuses = {"canceled", "processing"};
    EXPECT_TRUE(rows_of(filtered).empty());
    PaymentQuery bad;
    bad.cursor = "nonsense";
    EXPECT_EQ(payment_list::list(*reports_, bad).error().code, ErrorCode::invalid_argument);
    bad = {};
    bad.limit = 101;
    EXPECT_EQ(payment_list::list(*reports_, bad).error().code, ErrorCode::invalid_argument);
    bad = {};
    bad.text = std::string(200, 'x');
    EXPECT_TRUE(payment_list::list(*reports_, bad));
    bad.text = std::string(201, 'x');
    EXPECT_EQ(payment_list::list(*reports_, bad).error().code, ErrorCode::invalid_argument);
    bad.text = std::string("ab\0cd", 5);
    EXPECT_EQ(payment_list::list(*reports_, bad).error().code, ErrorCode::invalid_argument);
}

TEST_F(ReportsTest, AChangeWithoutAnEventIsShownToo) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 0);
    const auto unpaid = shop_.pay(ada, 100, "before the change");
    EXPECT_EQ(unpaid.outcome(), payments::outcome::insufficient_funds);
    ASSERT_TRUE(until([&] { return rows_of().size() == 1; }));
    EXPECT_EQ(rows_of()[0].method, "wallet") << "what was tried";
    pb::Command update = shop_.mine();
    mutable_body(update, pb::update_payment_intent)->set_no(rows_of()[0].intent_no);
    mutable_body(update, pb::update_payment_intent)->set_description("after the change");
    mutable_body(update, pb::update_payment_intent)->set_amount(250);
    ASSERT_EQ(shop_.run(update).outcome(), machine::outcome::ok);
    ASSERT_TRUE(until([&] { return found("after the change") == 1; }));
    EXPECT_EQ(rows_of()[0].amount, 250);
    EXPECT_EQ(found("before the change"), 0U);
}

TEST_F(ReportsTest, AQueryThatTakesTooLongEnds) {
    query_timeout_ms_ = 2'000;
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    for (int i = 0; i < 300; ++i) shop_.pay(ada, 10, "one of many");
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    PaymentQuery slow;
    slow.text = "zz";  // two characters: every row has to be looked at
    ASSERT_TRUE(payment_list::list(*reports_, slow));
    clock_.us_a_look = 2'500'000;
    const auto late = payment_list::list(*reports_, slow);
    ASSERT_FALSE(late);
    EXPECT_EQ(late.error().code, ErrorCode::timeout);
    clock_.us_a_look = 0;
    EXPECT_TRUE(payment_list::list(*reports_, slow)) << "and the next one is as good as ever";
}

TEST_F(ReportsTest, RebuildIsTheSameRowForRow) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    for (int i = 0; i < 40; ++i) {
        shop_.now_ms += 100'000;
        const auto paid = shop_.pay(ada, 100 + i, "p" + std::to_string(i));
        if (i % 3 == 0) shop_.refund(object_in(paid, pb::payment_intent).no(), 50);
    }
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    const std::string live = dump();
    close();
    EXPECT_GT(live.size(), 1000U);
    for (const char* report : {"payments", "volumes"}) std::filesystem::remove(path(report));
    open();
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    EXPECT_EQ(dump(), live);
    // And once more over what is there: nothing counts twice.
    close();
    open();
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    EXPECT_EQ(dump(), live);
}

TEST_F(ReportsTest, APaymentThatTheReportDoesNotKnowYetIsFoundByItsNumber) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    const auto known = object_in(shop_.pay(ada, 10, "in time"), pb::payment_intent);
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    shop_.is_silent = true;
    const auto late = object_in(shop_.pay(ada, 25, "late"), pb::payment_intent);
    shop_.refund(late.no(), 5);
    EXPECT_EQ(rows_of().size(), 1U);
    const auto row = payment_list::find(*reports_, false, late.no());
    ASSERT_TRUE(row && *row);
    EXPECT_EQ((*row)->amount, 25);
    EXPECT_EQ((*row)->amount_refunded, 5);
    EXPECT_EQ((*row)->customer_name, "Ada");
    EXPECT_EQ((*row)->merchant_name, "Teehaus 茶館");
    EXPECT_EQ((*row)->status, "succeeded");
    EXPECT_EQ((*row)->method, "wallet");
    EXPECT_EQ((*row)->description, "late");
    const auto live = payment_list::find(*reports_, true, late.no());
    ASSERT_TRUE(live);
    EXPECT_FALSE(*live) << "a mode is a wall";
    const auto none = payment_list::find(*reports_, false, late.no() + 1);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
}

TEST_F(ReportsTest, AnOverflowingQueueCatchesUpFromTheStore) {
    open(64'000);  // a few audit records
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    for (int i = 0; i < 200; ++i) shop_.pay(ada, 10, "burst");
    ASSERT_TRUE(until([&] {
        PaymentQuery query;
        query.limit = 100;
        std::size_t count = 0;
        for (;;) {
            const auto page = payment_list::list(*reports_, query);
            if (!page) return false;
            count += page->rows.size();
            if (page->next_cursor.empty()) return count == 200 && reports_->log_index() == shop_.index.load();
            query.cursor = page->next_cursor;
        }
    }));
    const auto lines = volumes::list(*reports_, Bucket::day, false, 0, kStart + kDay);
    ASSERT_TRUE(lines);
    EXPECT_EQ(lines->front().succeeded, 200U);
}

// What a report reads again is weighed, not counted: an audit record of one payment may have 100 KB.
TEST_F(ReportsTest, CatchingUpHoldsNoMoreThanItsShare) {
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    constexpr int kPayments = 20;
    for (int i = 0; i < kPayments; ++i) shop_.pay(ada, 10, std::string(50'000, 'x'));
    std::atomic<int> transactions{0};
    open(4 * 8 * 3 * 50'000);  // room for about two audit records of such a payment in each report's half
    payment_list::subscribe(*reports_, [&](const std::vector<PaymentRow>&) { ++transactions; });
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    EXPECT_GE(transactions.load(), kPayments / 3);
    EXPECT_EQ(rows_of().size(), std::size_t{kPayments});
    close();
}

}  // namespace
}  // namespace kontor::reports::testing
