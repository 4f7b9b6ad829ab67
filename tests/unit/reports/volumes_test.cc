// What the volumes count comes from the objects' own states, not from the texts of the events around them.
#include "reports/volumes/volumes.h"

#include <gtest/gtest.h>

#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/reporting/sqlite.h"
#include "support/temp_folder.h"

namespace kontor::volumes {
namespace {

class VolumesTest : public ::testing::Test {
 protected:
    VolumesTest() {
        database_ =
            reporting::Database::open(folder_ + "/v.sqlite", reporting::Database::Mode::writer).value();
        EXPECT_TRUE(database_->execute(std::string(kReport.schema.value)));
        writer_ = kReport.open_writer(*database_).value();
        pb::AuditRecord audit_record;
        pb::Event& event = *audit_record.add_events();
        event.set_type("payment_intent.succeeded");
        pb::PaymentIntent& intent = *mutable_object(event, pb::payment_intent);
        intent.set_no(7);
        intent.mutable_payment_method()->set_type("card");
        apply({std::move(audit_record)});
    }

    // One transaction.
    void apply(std::vector<pb::AuditRecord> audit_records) {
        writer_->forget();
        for (const pb::AuditRecord& audit_record : audit_records) {
            for (const pb::Event& event : audit_record.events())
                ASSERT_TRUE(writer_->apply(audit_record, event));
        }
        ASSERT_TRUE(writer_->finish());
    }
    static pb::AuditRecord refund(const char* type, pb::RefundStatus status, const char* previous) {
        pb::AuditRecord audit_record;
        pb::Event& event = *audit_record.add_events();
        event.set_type(type);
        event.set_previous_attributes_json(previous);
        pb::Refund& refund = *mutable_object(event, pb::refund);
        refund.set_no(9);
        refund.set_intent_no(7);
        refund.set_amount(500);
        refund.set_status(status);
        return audit_record;
    }
    // "times, volume" of what was refunded.
    std::string refunded() {
        auto rows = database_->prepare(
            "SELECT coalesce(sum(count),0), coalesce(sum(volume),0) FROM volumes WHERE status='refunded' AND "
            "method='card' AND bucket=" +
            std::to_string(static_cast<int>(Bucket::day)));
        EXPECT_TRUE(rows && *rows->step());
        return std::to_string(rows->integer(0)) + ", " + std::to_string(rows->integer(1));
    }

    const kontor_test::TempFolder own_{"volumes"};
    const std::string folder_ = own_.path();
    std::unique_ptr<reporting::Database> database_;
    std::unique_ptr<reporting::ReportWriter> writer_;
};

TEST_F(VolumesTest, ARefundCountsWhenItSucceedsHoweverThatIsTold) {
    apply({refund("refund.created", pb::REFUND_PENDING, "")});
    apply({refund("refund.updated", pb::REFUND_PENDING, R"({"metadata":{"status":"x"}})")});
    EXPECT_EQ(refunded(), "0, 0");
    apply({refund("refund.updated", pb::REFUND_SUCCEEDED, R"({ "metadata":{}, "status":"pending"})")});
    EXPECT_EQ(refunded(), "1, 500");
}

TEST_F(VolumesTest, AndOnlyOnce) {
    // Within one transaction, and over several.
    apply({refund("refund.created", pb::REFUND_SUCCEEDED, ""),
           refund("charge.refund.updated", pb::REFUND_SUCCEEDED, R"({"status":"pending"})"),
           refund("refund.updated", pb::REFUND_SUCCEEDED, R"({"status":"pending"})")});
    apply({refund("refund.updated", pb::REFUND_SUCCEEDED, R"({"status":"pending"})")});
    EXPECT_EQ(refunded(), "1, 500");
}

TEST_F(VolumesTest, AFailedRefundCountsNothing) {
    apply({refund("refund.created", pb::REFUND_PENDING, "")});
    apply({refund("refund.failed", pb::REFUND_FAILED, R"({"status":"pending"})")});
    EXPECT_EQ(refunded(), "0, 0");
}

}  // namespace
}  // namespace kontor::volumes
