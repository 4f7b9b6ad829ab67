// What the roll-ups count comes from the objects' own states, not from the texts of the events around them.
#include "writer.h"

#include <gtest/gtest.h>

#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "schema.h"
#include "support/temp_folder.h"

namespace kontor::reporting {
namespace {

class WriterTest : public ::testing::Test {
 protected:
    WriterTest() {
        database_ = Database::open(folder_ + "/p.sqlite", Database::Mode::writer).value();
        EXPECT_TRUE(database_->execute(kSchema));
        writer_ = JournalWriter::open(*database_).value();
        pb::Journal journal;
        pb::Event& event = *journal.add_events();
        event.set_type("payment_intent.created");
        pb::PaymentIntent& intent = *mutable_object(event, pb::payment_intent);
        intent.set_no(7);
        intent.mutable_payment_method()->set_kind(pb::METHOD_CARD);
        apply({std::move(journal)});
    }

    // One transaction.
    void apply(std::vector<pb::Journal> journals) {
        ASSERT_TRUE(writer_->begin());
        for (pb::Journal& journal : journals) {
            journal.set_no(++last_no_);
            ASSERT_TRUE(writer_->apply(journal));
        }
        ASSERT_TRUE(writer_->commit(last_no_));
    }
    static pb::Journal refund(const char* type, pb::RefundStatus status, const char* previous) {
        pb::Journal journal;
        pb::Event& event = *journal.add_events();
        event.set_type(type);
        event.set_previous_attributes_json(previous);
        pb::Refund& refund = *mutable_object(event, pb::refund);
        refund.set_no(9);
        refund.set_intent_no(7);
        refund.set_amount(500);
        refund.set_status(status);
        return journal;
    }
    // "times, volume" of what was refunded.
    std::string refunded() {
        auto rows = database_->prepare(
            "SELECT coalesce(sum(count),0), coalesce(sum(volume),0) FROM rollups WHERE status='refunded' AND "
            "bucket=" +
            std::to_string(static_cast<int>(Bucket::day)));
        EXPECT_TRUE(rows && *rows->step());
        return std::to_string(rows->integer(0)) + ", " + std::to_string(rows->integer(1));
    }

    const kontor_test::TempFolder own_{"writer"};
    const std::string folder_ = own_.path();
    std::unique_ptr<Database> database_;
    std::unique_ptr<JournalWriter> writer_;
    std::uint64_t last_no_ = 0;
};

TEST_F(WriterTest, ARefundCountsWhenItSucceedsHoweverThatIsTold) {
    apply({refund("refund.created", pb::REFUND_PENDING, "")});
    apply({refund("refund.updated", pb::REFUND_PENDING, R"({"metadata":{"status":"x"}})")});
    EXPECT_EQ(refunded(), "0, 0");
    apply({refund("refund.updated", pb::REFUND_SUCCEEDED, R"({ "metadata":{}, "status":"pending"})")});
    EXPECT_EQ(refunded(), "1, 500");
}

TEST_F(WriterTest, AndOnlyOnce) {
    // Within one transaction, and over several.
    apply({refund("refund.created", pb::REFUND_SUCCEEDED, ""),
           refund("charge.refund.updated", pb::REFUND_SUCCEEDED, R"({"status":"pending"})"),
           refund("refund.updated", pb::REFUND_SUCCEEDED, R"({"status":"pending"})")});
    apply({refund("refund.updated", pb::REFUND_SUCCEEDED, R"({"status":"pending"})")});
    EXPECT_EQ(refunded(), "1, 500");
}

TEST_F(WriterTest, AFailedRefundCountsNothing) {
    apply({refund("refund.created", pb::REFUND_PENDING, "")});
    apply({refund("refund.failed", pb::REFUND_FAILED, R"({"status":"pending"})")});
    EXPECT_EQ(refunded(), "0, 0");
}

}  // namespace
}  // namespace kontor::reporting
