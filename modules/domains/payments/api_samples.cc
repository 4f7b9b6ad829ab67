// Full and empty payment intents and charges: the description's schemas are made from how they are rendered.
#include "domains/payments/api_samples.h"

#include "domains/payments/payments.h"
#include "kontor/machine.pb.h"
#include "kontor/surface/sample.h"

namespace kontor::payments {

pb::PaymentMethod sample_card() {
    pb::PaymentMethod method;
    method.set_kind(pb::METHOD_CARD);
    method.set_token("pm_card_visa");
    method.set_brand("visa");
    method.set_last4("4242");
    method.set_country("US");
    method.set_funding("credit");
    return method;
}

namespace {

constexpr std::uint32_t kEuro = 978;

pb::PaymentMethod wallet() {
    pb::PaymentMethod method;
    method.set_kind(pb::METHOD_WALLET);
    method.set_token("pm_wallet");
    return method;
}

pb::PaymentError failure() {
    pb::PaymentError error;
    error.set_type("card_error");
    error.set_code("card_declined");
    error.set_decline_code("generic_decline");
    error.set_message("Your card was declined.");
    return error;
}

pb::PaymentIntent intent(bool full) {
    pb::PaymentIntent row;
    row.set_currency(kEuro);
    if (!full) return row;
    surface::fill_sample(row);
    row.set_customer_no(1);
    row.set_description("…");
    *row.mutable_payment_method() = sample_card();
    row.add_payment_method_types("card");
    row.set_receipt_email("ada@example.com");
    row.set_statement_descriptor("SHOP");
    row.set_client_secret("…");
    row.set_canceled_ms(1);
    row.set_cancellation_reason("abandoned");
    row.set_latest_charge_no(1);
    *row.mutable_last_payment_error() = failure();
    row.set_setup_future_usage("off_session");
    return row;
}

pb::Charge charge(bool full) {
    pb::Charge row;
    row.set_currency(kEuro);
    if (!full) return row;
    surface::fill_sample(row);
    row.set_intent_no(1);
    row.set_customer_no(1);
    row.set_status(pb::CHARGE_SUCCEEDED);
    row.set_description("…");
    *row.mutable_payment_method() = sample_card();
    *row.mutable_failure() = failure();
    row.set_balance_transaction_no(1);
    row.set_statement_descriptor("SHOP");
    row.set_receipt_email("ada@example.com");
    return row;
}

pb::Charge wallet_charge() {
    pb::Charge row = charge(true);
    *row.mutable_payment_method() = wallet();
    row.set_status(pb::CHARGE_FAILED);
    return row;
}

}  // namespace

std::vector<std::string> intent_samples() {
    return {intent_json(intent(false)), intent_json(intent(true))};
}

std::vector<std::string> charge_samples() {
    return {charge_json(charge(false)), charge_json(charge(true)), charge_json(wallet_charge())};
}

}  // namespace kontor::payments
