// The reports over the real state machine: what they show is what the audit records say, however it got
// there.

#include "kontor/reporting/reports.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <mutex>
#include <random>

#include "domains/all.h"
#include "domains/payments/outcomes.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/base/object_id.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/reporting/sqlite.h"
#include "reports/all.h"
#include "reports/payment_list/payment_list.h"
#include "reports/volumes/volumes.h"
#include "support/direct_node.h"
#include "support/environment.h"
#include "support/methods.h"
#include "support/test_clock.h"

namespace kontor::reports {
namespace {

using payment_list::PaymentQuery;
using payment_list::PaymentRow;
using reporting::Database;
using reporting::kDatabaseSuffixes;
using volumes::Bucket;

constexpr std::int64_t kStart = 1'800'000'000'000;
constexpr std::int64_t kDay = 86'400'000;
constexpr std::uint32_t kEuro = 978;

class Shop : public kontor_test::DirectNode {
 public:
    Shop() {
        pb::Command merchant;
        mutable_body(merchant, pb::create_merchant)->set_name("Teehaus 茶館");
        merchant_no = object_in(run(merchant), pb::merchant).no();
    }

    void submit(pb::Command, Done done) override { done(fail(ErrorCode::unavailable, "not here")); }

    pb::Command mine() const {
        pb::Command command;
        command.set_merchant_no(merchant_no);
        return command;
    }
    std::uint64_t customer(const std::string& name, const std::string& email, std::int64_t wallet) {
        pb::Command create = mine();
        mutable_body(create, pb::create_customer)->set_name(name);
        mutable_body(create, pb::create_customer)->set_email(email);
        const std::uint64_t no = object_in(run(create), pb::customer).no();
        if (wallet > 0) {
            pb::Command top_up = mine();
            mutable_body(top_up, pb::top_up_wallet)->set_customer_no(no);
            mutable_body(top_up, pb::top_up_wallet)->set_amount(wallet);
            mutable_body(top_up, pb::top_up_wallet)->set_currency(kEuro);
            run(top_up);
        }
        return no;
    }
    pb::Result pay(std::uint64_t customer_no, std::int64_t amount, const std::string& description) {
        pb::Command command = mine();
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(amount);
        create.set_currency(kEuro);
        create.set_customer_no(customer_no);
        create.set_description(description);
        create.add_payment_method_types("wallet");
        *create.mutable_payment_method() = kontor_test::method("pm_wallet");
        create.set_confirm(true);
        create.set_client_secret_suffix("x");
        return run(command);
    }
    pb::Result refund(std::uint64_t intent_no, std::int64_t amount) {
        pb::Command command = mine();
        mutable_body(command, pb::create_refund)->set_intent_no(intent_no);
        mutable_body(command, pb::create_refund)->set_amount(amount);
        return run(command);
    }

    std::uint64_t merchant_no = 0;
};

class ReportsTest : public ::testing::Test {
 protected:
    ReportsTest() {
        std::string pattern = (std::filesystem::temp_directory_path() / "kontor-reporting-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    ~ReportsTest() override {
        close();  // its thread calls into this object
        std::filesystem::remove_all(folder_);
    }

    void open(std::uint64_t queue_bytes = 16U << 20U) {
        reporting::ReportsOptions options;
        options.folder = folder_;
        options.service = &shop_;
        options.clock = &clock_;
        options.metrics = &metrics_;
        options.max_queue_bytes = queue_bytes;
        options.query_timeout_ms = query_timeout_ms_;
        options.last_log_index = last_log_index_;
        auto opened = reporting::Reports::open(options, all());
        ASSERT_TRUE(opened) << opened.error().describe();
        reports_ = *std::move(opened);
        payment_list::subscribe(*reports_, [this](const std::vector<PaymentRow>&) { changed_.notify_all(); });
    }
    void close() { reports_.reset(); }
    // The reports come to stand for all that there is, and are closed.
    void finish() {
        ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
        close();
    }
    void catch_up() {
        open();
        finish();
    }
    void report_ten_payments() {
        open();
        const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
        for (int i = 0; i < 10; ++i) shop_.pay(ada, 10, "p");
        finish();
    }

    // Waits until the reports show what `enough` wants to see.
    template <typename F>
    bool until(F enough) {
        std::unique_lock lock(mutex_);
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
        while (!enough()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            changed_.wait_for(lock, std::chrono::milliseconds(20));
        }
        return true;
    }
    std::vector<PaymentRow> rows_of(PaymentQuery query = {}) {
        query.limit = 100;
        auto page = payment_list::list(*reports_, query);
        EXPECT_TRUE(page || query_errors_are_expected_) << page.error().describe();
        return page ? page->rows : std::vector<PaymentRow>{};
    }
    std::size_t found(const std::string& text) {
        PaymentQuery query;
        query.text = text;
        return rows_of(query).size();
    }
    [[nodiscard]] std::string path(const std::string& report) const {
        return folder_ + "/" + report + ".sqlite";
    }
    // Every table as text, for comparing two databases row by row.
    std::string dump() {
        return dump("payments", {"SELECT * FROM payments ORDER BY 1", "SELECT * FROM customers ORDER BY 1"}) +
               dump("volumes", {"SELECT * FROM paid ORDER BY 1", "SELECT * FROM refunds ORDER BY 1",
                                "SELECT * FROM volumes ORDER BY 1,2,3,4,5,6,7"});
    }
    std::string dump(const std::string& report, std::initializer_list<const char*> selects) {
        std::string out;
        auto database = Database::open(path(report), Database::Mode::reader);
        if (!database && query_errors_are_expected_) return "damaged";
        for (const char* sql : selects) {
            auto statement = (*database)->prepare(sql);
            if (!statement && query_errors_are_expected_) return "damaged";
            for (;;) {
                const auto row = statement->step();
                if (!row && query_errors_are_expected_) return "damaged";
                EXPECT_TRUE(row);
                if (!row || !*row) break;
                for (int column = 0; column < 14; ++column) out += statement->text(column) + "|";
                out += "\n";
            }
        }
        return out;
    }

    Shop shop_;
    kontor_test::HandClock clock_;
    std::uint64_t query_timeout_ms_ = 60'000;
    std::uint64_t last_log_index_ = UINT64_MAX;
    bool query_errors_are_expected_ = false;  // until a damaged file is rebuilt
    telemetry::Registry metrics_;
    std::string folder_;
    std::unique_ptr<reporting::Reports> reports_;
    std::mutex mutex_;
    std::condition_variable changed_;
};

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

// A file that is mapped into memory ends the process when somebody cuts it short.
TEST_F(ReportsTest, NothingOfAReportIsMappedIntoMemory) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    open();
    EXPECT_EQ(rows_of().size(), 10U);
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);)
        EXPECT_EQ(line.find(folder_), std::string::npos) << line;
}

TEST_F(ReportsTest, ABrokenFileIsRebuilt) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    shop_.pay(ada, 10, "before");
    ASSERT_TRUE(until([&] { return rows_of().size() == 1; }));
    close();
    {
        std::fstream file(path("payments"), std::ios::in | std::ios::out | std::ios::binary);
        file << "this is no database at all, is it?";
    }
    open();
    ASSERT_TRUE(until([&] { return rows_of().size() == 1; }));
}

// One report of another version, or broken, is made again, and the other one stays as it is.
TEST_F(ReportsTest, EachIsMadeAgainAlone) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    const std::string before = dump();
    // What only a file that was kept has.
    const auto mark = [&](const char* report) {
        return Database::open(path(report), Database::Mode::writer)
            .value()
            ->execute("CREATE TABLE kept (x);");
    };
    const auto is_kept = [&](const char* report) {
        return (*Database::open(path(report), Database::Mode::reader))
            ->execute("SELECT * FROM kept")
            .has_value();
    };
    for (const char* changed : {"payments", "volumes"}) {
        const char* const other = changed == std::string("payments") ? "volumes" : "payments";
        ASSERT_TRUE(mark(changed));
        ASSERT_TRUE(mark(other));
        ASSERT_TRUE(
            (*Database::open(path(changed), Database::Mode::writer))->execute("PRAGMA user_version=99"));
        ASSERT_NO_FATAL_FAILURE(catch_up());
        EXPECT_FALSE(is_kept(changed));
        EXPECT_TRUE(is_kept(other)) << other;
        EXPECT_EQ(dump(), before);
        ASSERT_TRUE((*Database::open(path(other), Database::Mode::writer))->execute("DROP TABLE kept"));
    }
}

// The ledger was put back from a copy, and the reports were not.
TEST_F(ReportsTest, OneThatKnowsMoreThanTheLogIsMadeAgain) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    shop_.pay(ada, 10, "p");
    ASSERT_NO_FATAL_FAILURE(finish());
    const auto add_what_the_ledger_never_had = [&] {
        return Database::open(path("volumes"), Database::Mode::writer)
            .value()
            ->execute("INSERT INTO refunds VALUES (99, 1)");
    };
    const std::string right = dump();
    ASSERT_TRUE(add_what_the_ledger_never_had());
    const std::string wrong = dump();
    for (const std::uint64_t last : {shop_.index.load(), shop_.index.load() - 1}) {
        last_log_index_ = last;
        ASSERT_NO_FATAL_FAILURE(catch_up());
        EXPECT_EQ(dump(), last == shop_.index.load() ? wrong : right) << last;
    }
}

// Whatever lies where a report's files belong: nothing is written through it, and the report is made again.
TEST_F(ReportsTest, WhatIsNoFileOfItsOwnIsNotUsed) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    const std::string before = dump();
    const std::string elsewhere = folder_ + "/elsewhere";
    std::filesystem::copy_file(path("payments"), elsewhere);
    const auto content = [](const std::string& file) {
        std::ifstream in(file, std::ios::binary);
        return std::string(std::istreambuf_iterator<char>(in), {});
    };
    const std::string whole = content(elsewhere);
    for (const char* suffix : kDatabaseSuffixes) {
        const std::string file = path("payments") + suffix;
        const std::pair<const char*, std::function<void()>> cases[] = {
            {"a link to a file", [&] { std::filesystem::create_symlink(elsewhere, file); }},
            {"a link to nothing", [&] { std::filesystem::create_symlink(folder_ + "/nothing", file); }},
            {"a pipe", [&] { ASSERT_EQ(::mkfifo(file.c_str(), 0600), 0); }},
            {"a folder", [&] { std::filesystem::create_directory(file); }},
        };
        for (const auto& [what, make] : cases) {
            SCOPED_TRACE(std::string(what) + " for payments.sqlite" + suffix);
            std::filesystem::remove(file);
            make();
            EXPECT_EQ(Database::open(path("payments"), Database::Mode::reader).error().code,
                      ErrorCode::unsupported);
            ASSERT_NO_FATAL_FAILURE(catch_up());
            EXPECT_EQ(dump(), before);
            EXPECT_EQ(content(elsewhere), whole);
            EXPECT_FALSE(std::filesystem::exists(folder_ + "/nothing"));
            EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(path("payments"))));
        }
    }
    // Where the folder lies is up to the operator.
    const std::string link = folder_ + ".link";
    std::filesystem::create_symlink(folder_, link);
    EXPECT_TRUE(Database::open(link + "/payments.sqlite", Database::Mode::reader));
    std::filesystem::remove(link);
}

TEST_F(ReportsTest, ReportsThatWereSwappedAreMadeAgain) {
    ASSERT_NO_FATAL_FAILURE(report_ten_payments());
    const std::string before = dump();
    std::filesystem::rename(path("payments"), path("moved"));
    std::filesystem::rename(path("volumes"), path("payments"));
    std::filesystem::rename(path("moved"), path("volumes"));
    ASSERT_NO_FATAL_FAILURE(catch_up());
    EXPECT_EQ(dump(), before);
}

// A tool that copies or looks at it has it: the reports wait, and whoever starts them does not for long.
TEST_F(ReportsTest, AFileThatSomebodyHasLockedIsWaitedForApart) {
    open();
    const auto ada = shop_.customer("Ada", "ada@example.com", 100'000);
    shop_.pay(ada, 10, "before");
    ASSERT_NO_FATAL_FAILURE(finish());
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    int ready[2];
    ASSERT_EQ(::pipe(ready), 0);
    const pid_t holder = ::fork();
    if (holder == 0) {  // another process: locks of one's own do not lock one out
        const int fd = ::open(path("payments").c_str(), O_RDWR);
        struct flock all {};
        all.l_type = F_WRLCK;
        all.l_start = 0x40000000;  // where SQLite's locks are
        all.l_len = 512;
        char byte = ::fcntl(fd, F_SETLK, &all) == 0 ? 'l' : 'x';
        ::close(ends[1]);
        (void)!::write(ready[1], &byte, 1);
        (void)!::read(ends[0], &byte, 1);
        ::_exit(0);
    }
    ::close(ends[0]);
    char byte = 0;
    ASSERT_EQ(::read(ready[0], &byte, 1), 1);
    ASSERT_EQ(byte, 'l');
    const auto began = std::chrono::steady_clock::now();
    open();
    EXPECT_LT(std::chrono::steady_clock::now() - began,
              std::chrono::milliseconds(kontor_test::patient_ms(2'000)));
    shop_.pay(ada, 10, "while it is locked");
    // The other report goes on.
    ASSERT_TRUE(until([&] {
        const auto lines = volumes::list(*reports_, Bucket::day, false, 0, kStart + kDay);
        return lines && lines->size() == 1 && lines->front().succeeded == 2;
    }));
    ::close(ends[1]);
    int status = 0;
    ::waitpid(holder, &status, 0);
    ASSERT_TRUE(until([&] { return reports_->log_index() == shop_.index.load(); }));
    EXPECT_EQ(found("locked"), 1U);
}

TEST_F(ReportsTest, WhatIsNoReportAnyMoreIsRemoved) {
    for (const char* name :
         {"projection.sqlite", "projection.sqlite-wal", "projection.sqlite-shm", "notes.txt"})
        std::ofstream(folder_ + "/" + name) << "old";
    open();
    close();
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/projection.sqlite"));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/projection.sqlite-wal"));
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/projection.sqlite-shm"));
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/notes.txt"));
    EXPECT_TRUE(std::filesystem::exists(path("payments")));
}

// A bit flips somewhere in each page. Whatever is read then is as it was: the page was not read, or the file
// was rebuilt.
TEST_F(ReportsTest, AFlippedBitIsNeverServed) {
    constexpr std::size_t kPageBytes = 4096;
    open();
    const auto ada = shop_.customer("Ada Lovelace", "ada@example.com", 1'000'000);
    for (int i = 0; i < 60; ++i) shop_.pay(ada, 100 + i, "a cup of coffee, number " + std::to_string(i));
    ASSERT_TRUE(until([&] { return rows_of().size() == 60; }));
    close();
    const std::string expected = dump();
    ASSERT_GT(expected.size(), 5'000U);
    std::mt19937_64 random(20'261'121);
    // Not all pages belong to what the reports' queries read: of those an error is told, no rows.
    const auto is_whole = [&] {
        const std::string rows = dump();
        const auto lines = volumes::list(*reports_, Bucket::day, false, kStart - kDay, kStart + kDay);
        return lines && lines->size() == 1 && lines->front().succeeded == 60 && found("coffee") == 60 &&
               found("number 37") == 1 && found("Lovelace") == 60 &&
               (rows == expected || rows.find("damaged") != std::string::npos);
    };
    for (const char* report : {"payments", "volumes"}) {
        const std::string file = path(report);
        const auto content = [&file] {
            std::ifstream in(file, std::ios::binary);
            return std::string(std::istreambuf_iterator<char>(in), {});
        };
        const std::string whole = content();
        ASSERT_EQ(whole.size() % kPageBytes, 0U);
        const std::size_t pages = whole.size() / kPageBytes;
        std::size_t rebuilt = 0;
        for (std::size_t page = 0; page < pages; ++page) {
            std::string damaged = whole;
            const std::size_t at = page * kPageBytes + random() % kPageBytes;
            damaged[at] = static_cast<char>(damaged[at] ^ 1 << random() % 8);
            std::ofstream(file, std::ios::binary | std::ios::trunc) << damaged;
            open();
            query_errors_are_expected_ = true;
            ASSERT_TRUE(until(is_whole)) << "byte " << at << " of " << report;
            query_errors_are_expected_ = false;
            close();
            const std::string now = content();
            rebuilt += now.size() != damaged.size() || now.substr(page * kPageBytes, kPageBytes) !=
                                                           damaged.substr(page * kPageBytes, kPageBytes)
                           ? 1
                           : 0;
        }
        std::cout << rebuilt << " of " << pages << " pages of " << report << std::endl;
        EXPECT_GE(rebuilt, pages / 2) << "most pages are read";
    }
}

}  // namespace
}  // namespace kontor::reports
