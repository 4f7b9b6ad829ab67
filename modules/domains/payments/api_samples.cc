// Full and empty payment intents and charges: the description's schemas are made from how they are rendered.
#include "domains/payments/api_samples.h"

#include "domains/payments/api_methods.h"
#include "domains/payments/methods.h"
#include "domains/payments/payments.h"
#include "kontor/machine.pb.h"
#include "kontor/surface/sample.h"

namespace kontor::payments {

pb::PaymentMethod sample_card() {
    return sample_of(kMethods.front().type);
}

namespace {

constexpr std::uint32_t kEuro = 978;

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
    row.add_payment_method_types(row.payment_method().type());
    row.mutable_next_action()->set_redirect_url("…");
    row.set_return_url("…");
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

pb::PaymentIntent intent_with_code() {
    pb::PaymentIntent row = intent(true);
    row.mutable_next_action()->clear_redirect_url();
    row.mutable_next_action()->set_qr_data("…");
    row.mutable_next_action()->set_expires_ms(1);
    return row;
}

// What each method has of its own.
std::vector<std::string> charges_by_method() {
    std::vector<std::string> found;
    for (const Method& method : kMethods) {
        pb::Charge row = charge(true);
        *row.mutable_payment_method() = sample_of(method.type);
        row.set_status(pb::CHARGE_FAILED);
        found.push_back(charge_json(row));
    }
    return found;
}

}  // namespace

std::vector<std::string> intent_samples() {
    return {intent_json(intent(false)), intent_json(intent(true)), intent_json(intent_with_code())};
}

std::vector<std::string> charge_samples() {
    std::vector<std::string> samples = charges_by_method();
    samples.insert(samples.begin(), {charge_json(charge(false)), charge_json(charge(true))});
    return samples;
}

}  // namespace kontor::payments
