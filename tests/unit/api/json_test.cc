// Rendering: escapes, the fields that depend on state, and what may be expanded.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "domains/all.h"
#include "domains/customers/customers.h"
#include "domains/payments/payments.h"
#include "domains/refunds/refunds.h"
#include "kontor/bodies.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/json/writer.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/expand.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds.pb.h"

namespace kontor::payments {
namespace {

using namespace machine;

using Json = nlohmann::json;
constexpr std::uint32_t kEuro = 978;

TEST(JsonWriter, EscapesWhatJsonAsksFor) {
    std::string all;
    for (int c = 1; c < 0x80; ++c) all += static_cast<char>(c);
    all += "京\xE2\x80\xA8";
    std::string out;
    JsonWriter(out).begin_array().string(all).string("").end_array();
    EXPECT_EQ(Json::parse(out), (Json{all, ""}));
    EXPECT_EQ(out.find('\n'), std::string::npos);
}

TEST(JsonWriter, PutsCommasBetween) {
    std::string out;
    JsonWriter json(out);
    json.begin_object()
        .field("a", "1")
        .key("b")
        .begin_array()
        .integer(1)
        .integer(-2)
        .begin_object()
        .end_object();
    json.end_array().key("c").null().escaped_key("d\"").boolean(true).field_raw("e", "[]").end_object();
    EXPECT_EQ(out, R"({"a":"1","b":[1,-2,{}],"c":null,"d\"":true,"e":[]})");
}

TEST(JsonWriter, WritesTheWholeRangeOfIntegers) {
    std::string out;
    JsonWriter(out).begin_array().integer(INT64_MIN).integer(INT64_MAX).integer(0).end_array();
    EXPECT_EQ(out, "[-9223372036854775808,9223372036854775807,0]");
}

TEST(EventJson, CarriesTheObjectAndWhatItWas) {
    pb::AuditRecord audit_record;
    audit_record.set_time_ms(1'800'000'000'999);
    audit_record.set_livemode(true);
    audit_record.set_request_id("req_1");
    pb::Event event;
    event.set_no(7);
    event.set_type("charge.refunded");
    event.set_pending_webhooks(2);
    mutable_object(event, pb::charge)->set_currency(kEuro);
    mutable_object(event, pb::charge)->set_no(5);
    event.set_previous_attributes_json(R"({"amount_refunded":0})");
    const Json json = Json::parse(event_json(domains::registry(), audit_record, event));
    EXPECT_EQ(json.at("id"), format_id("evt", 7));
    EXPECT_EQ(json.at("created"), 1'800'000'000);
    EXPECT_EQ(json.at("data").at("object").at("id"), format_id("ch", 5));
    EXPECT_EQ(json.at("data").at("previous_attributes"), (Json{{"amount_refunded", 0}}));
    EXPECT_EQ(json.at("request"), (Json{{"id", "req_1"}, {"idempotency_key", nullptr}}));
    EXPECT_EQ(json.at("livemode"), true);
    EXPECT_EQ(json.at("pending_webhooks"), 2);
    event.clear_previous_attributes_json();
    EXPECT_FALSE(Json::parse(event_json(domains::registry(), audit_record, event))
                     .at("data")
                     .contains("previous_attributes"));
}

TEST(EventJson, ADeletedCustomerIsShownAsItWas) {
    pb::Event event;
    mutable_object(event, pb::customer)->set_name("Ada");
    mutable_object(event, pb::customer)->set_deleted(true);
    EXPECT_EQ(Json::parse(event_json(domains::registry(), pb::AuditRecord(), event))
                  .at("data")
                  .at("object")
                  .at("name"),
              "Ada");
}

TEST(RefundJson, FailedSaysWhy) {
    pb::Refund refund;
    refund.set_currency(kEuro);
    refund.set_status(pb::REFUND_SUCCEEDED);
    EXPECT_FALSE(Json::parse(refunds::refund_json(refund)).contains("failure_reason"));
    refund.set_status(pb::REFUND_FAILED);
    refund.set_failure_balance_transaction_no(9);
    const Json json = Json::parse(refunds::refund_json(refund));
    EXPECT_EQ(json.at("status"), "failed");
    EXPECT_EQ(json.at("failure_reason"), "unknown");
    EXPECT_EQ(json.at("failure_balance_transaction"), format_id("txn", 9));
}

TEST(IntentJson, AFailedMethodStaysWithItsError) {
    pb::PaymentIntent intent;
    intent.set_currency(kEuro);
    intent.mutable_last_payment_error()->set_code("card_declined");
    intent.mutable_failed_payment_method()->set_type("card");
    intent.mutable_failed_payment_method()->set_token("pm_card_chargeDeclined");
    const Json json = Json::parse(intent_json(intent));
    EXPECT_EQ(json.at("payment_method"), nullptr);
    EXPECT_EQ(json.at("last_payment_error").at("payment_method").at("id"), "pm_card_chargeDeclined");
    EXPECT_EQ(json.at("last_payment_error").at("type"), "card_error");
}

TEST(Expansion, KnowsItsPathsAndItsDepth) {
    EXPECT_TRUE(is_expandable(domains::registry(), "payment_intent", "customer"));
    EXPECT_TRUE(is_expandable(domains::registry(), "payment_intent", "latest_charge.balance_transaction"));
    EXPECT_TRUE(is_expandable(domains::registry(), "balance_transaction", "source.charge"));
    EXPECT_TRUE(is_expandable(domains::registry(), "refund", "charge.payment_intent.latest_charge.customer"));
    EXPECT_FALSE(is_expandable(domains::registry(), "refund",
                               "charge.payment_intent.latest_charge.payment_intent.customer"));
    for (const std::string_view path :
         {"", ".", "customer.", ".customer", "customer.email", "amount", "customerx", "custome"}) {
        EXPECT_FALSE(is_expandable(domains::registry(), "payment_intent", path)) << path;
    }
    EXPECT_FALSE(is_expandable(domains::registry(), "customer", "customer"));
    EXPECT_FALSE(is_expandable(domains::registry(), "", "customer"));
}

TEST(Expansion, WhatIsNotThereStaysAnId) {
    pb::PaymentIntent intent;
    intent.set_currency(kEuro);
    intent.set_customer_no(5);
    const pb::Expanded nothing;
    const Json json = Json::parse(
        intent_json(intent, Expansion{&domains::registry(), &nothing, {"customer", "latest_charge"}}));
    EXPECT_EQ(json.at("customer"), format_id("cus", 5));
    EXPECT_EQ(json.at("latest_charge"), nullptr);
}

}  // namespace
}  // namespace kontor::payments
