#pragma once
// The reports over the real state machine, and a shop that gives them something to show.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/reporting/reports.h"
#include "kontor/reporting/sqlite.h"
#include "reports/all.h"
#include "reports/payment_list/payment_list.h"
#include "reports/volumes/volumes.h"
#include "support/direct_node.h"
#include "support/methods.h"
#include "support/test_clock.h"

namespace kontor::reports::testing {

using payment_list::PaymentQuery;
using payment_list::PaymentRow;
using reporting::Database;
using reporting::kDatabaseSuffixes;
using volumes::Bucket;

inline constexpr std::int64_t kStart = 1'800'000'000'000;
inline constexpr std::int64_t kDay = 86'400'000;
inline constexpr std::uint32_t kEuro = 978;

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

}  // namespace kontor::reports::testing
