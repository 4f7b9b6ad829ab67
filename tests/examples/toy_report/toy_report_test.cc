// The report over the real state machine: it counts, goes on where it stood, and is made again alone.
#include "examples/toy_report/toy_report.h"

#include <gtest/gtest.h>

#include "reports/all.h"
#include "support/temp_folder.h"
#include "support/test_clock.h"
#include "unit/outbox/world.h"

namespace kontor::toy_report {
namespace {

using outbox::testing::eventually;
using reporting::Database;

class ToyReport : public ::testing::Test {
 protected:
    void open(std::span<const reporting::ReportSpec* const> specs = reports::all()) {
        reporting::ReportsOptions options;
        options.folder = folder_.path();
        options.service = &world_;
        options.clock = &clock_;
        options.metrics = &metrics_;
        auto opened = reporting::Reports::open(std::move(options), specs);
        ASSERT_TRUE(opened) << opened.error().describe();
        reports_ = *std::move(opened);
    }
    // Customers of the merchant so far, day by day.
    std::vector<std::int64_t> counted() {
        std::vector<std::int64_t> counts;
        const auto days = list(*reports_, false, world_.merchant_no);
        EXPECT_TRUE(days) << days.error().describe();
        if (!days) return counts;
        for (const Day& day : *days) counts.push_back(day.customers);
        return counts;
    }
    [[nodiscard]] bool becomes(const std::vector<std::int64_t>& wanted) {
        return eventually([&] { return counted() == wanted; });
    }
    std::uint64_t index() {
        std::uint64_t index = 0;
        world_.read([&](const store::Reader&, std::uint64_t now) { index = now; });
        return index;
    }
    [[nodiscard]] std::string file(const std::string& report) const {
        return folder_.path() + "/" + report + ".sqlite";
    }
    // What only a file that was kept has.
    void mark(const std::string& report) {
        ASSERT_TRUE(
            Database::open(file(report), Database::Mode::writer).value()->execute("CREATE TABLE kept (x);"));
    }
    [[nodiscard]] bool is_kept(const std::string& report) const {
        return Database::open(file(report), Database::Mode::reader)
            .value()
            ->execute("SELECT * FROM kept")
            .has_value();
    }

    const kontor_test::TempFolder folder_{"toy-report"};
    kontor_test::TestClock clock_{outbox::testing::kStart};
    outbox::testing::World world_{clock_};
    telemetry::Registry metrics_;
    std::unique_ptr<reporting::Reports> reports_;
};

TEST_F(ToyReport, CountsCustomersByDay) {
    open();
    for (const char* name : {"Ada", "Ben"}) world_.customer(name);
    clock_.step(86'400'000);
    world_.customer("Cem");
    EXPECT_TRUE(becomes({2, 1}));
}

TEST_F(ToyReport, GoesOnWhereItStood) {
    open();
    world_.customer("Ada");
    ASSERT_TRUE(becomes({1}));
    reports_.reset();
    world_.customer("Ben");  // nobody listens
    open();
    EXPECT_TRUE(becomes({2}));
}

TEST_F(ToyReport, IsMadeAgainAloneWhenItsVersionChanges) {
    open();
    world_.customer("Ada");
    world_.customer("Ben");
    ASSERT_TRUE(becomes({2}));
    reports_.reset();
    std::vector<const reporting::ReportSpec*> specs(reports::all().begin(), reports::all().end());
    for (const reporting::ReportSpec* spec : specs) mark(std::string(spec->name.value));
    reporting::ReportSpec newer = kReport;
    newer.version = kReport.version.value + 1;
    for (const reporting::ReportSpec*& spec : specs)
        if (spec == &kReport) spec = &newer;
    open(specs);
    ASSERT_TRUE(eventually([&] { return reports_->log_index() == index(); }));
    reports_.reset();
    for (const reporting::ReportSpec* spec : specs)
        EXPECT_EQ(is_kept(std::string(spec->name.value)), spec != &newer) << spec->name.value;
    auto rows = Database::open(file("toy_report"), Database::Mode::reader).value();
    auto sum = rows->prepare("SELECT sum(customers) FROM arrivals");
    ASSERT_TRUE(sum && *sum->step());
    EXPECT_EQ(sum->integer(0), 2);
}

}  // namespace
}  // namespace kontor::toy_report
