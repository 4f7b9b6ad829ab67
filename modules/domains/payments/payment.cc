#include "domains/payments/payment.h"

#include <algorithm>

#include "domains/attempts/attempts.h"
#include "domains/balances/funds.h"
#include "domains/balances/postings.h"
#include "domains/channels/channels.h"
#include "domains/customers/customers.h"
#include "domains/payments/changes.h"
#include "domains/payments/methods.h"
#include "domains/payments/outcomes.h"
#include "domains/payments/payments.h"
#include "domains/payments/tables.h"
#include "domains/payments/words.h"
#include "kontor/attempts.pb.h"
#include "kontor/bodies.h"
#include "kontor/machine/refuse.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

namespace {

void publish(Context& context, pb::PaymentIntent& intent, bool created) {
    put(context, intent);
    if (created) event(context, "payment_intent.created", intent);
}

void publish(Context& context, const pb::Charge& charge) {
    put(context, charge);
    context.link(charge.intent_no(), kIntentCharge, charge.no());
    if (charge.customer_no() != 0) context.link(charge.customer_no(), kCustomerCharge, charge.no());
}

pb::PaymentError insufficient_wallet() {
    pb::PaymentError error;
    error.set_type(std::string(machine::error_type::card));
    error.set_code("card_declined");
    error.set_decline_code("insufficient_funds");
    error.set_message("The customer's wallet has insufficient funds.");
    return error;
}

// The next try needs a method again.
void needs_another_method(pb::PaymentIntent& intent, const pb::PaymentError& error) {
    intent.set_status(pb::REQUIRES_PAYMENT_METHOD);
    *intent.mutable_last_payment_error() = error;
    *intent.mutable_failed_payment_method() = intent.payment_method();
    intent.clear_payment_method();
    intent.set_declined_attempts(intent.declined_attempts() + 1);
    at_rest(intent);
}

pb::Result pay_by_ledger(Context& context, pb::PaymentIntent& intent, const Terms& terms) {
    pb::Charge charge = new_charge(context, intent);
    const ledger::Status status =
        intent.manual_capture() ? reserve_charge(context, charge)
                                : balances::post_charge(context, charge, charge.amount(), ledger::Id128{});
    if (status != ledger::Status::ok && status != ledger::Status::exceeds_credits) {
        return refuse(machine::outcome::ledger_refused,
                      "The ledger refused this payment: " + std::string(ledger::to_string(status)) + ".");
    }
    close_waiting(context, intent, "The payment was confirmed again.");
    if (status == ledger::Status::exceeds_credits) {
        pb::Result result = declined(context, intent, charge, insufficient_wallet(), terms.created);
        result.set_outcome(outcome::insufficient_funds);
        return result;
    }
    return intent.manual_capture() ? authorized(context, intent, charge, terms.created)
                                   : paid(context, intent, charge, terms.created);
}

pb::Result pay_by_channel(Context& context, pb::PaymentIntent& intent, const Terms& terms) {
    close_waiting(context, intent, "The payment was confirmed again.");
    const auto operation = intent.manual_capture() ? pb::CHANNEL_AUTHORIZE : pb::CHANNEL_SALE;
    pb::ChannelAttempt attempt =
        attempts::new_attempt(context, intent, operation, intent.amount(), terms.account_no);
    attempt.set_refuses_action(terms.refuses_action);
    attempt.set_return_url(intent.return_url());
    intent.set_status(pb::PROCESSING);
    intent.set_attempt_no(attempt.no());
    publish(context, intent, terms.created);
    event(context, "payment_intent.processing", intent);
    return attempts::start_attempt(context, attempt, with_intent(intent));
}

}  // namespace

std::string_view status_name(pb::IntentStatus status) {
    return fields::word_of(kIntentStatuses, status);
}

bool awaits_confirmation(pb::IntentStatus status) {
    return status == pb::REQUIRES_PAYMENT_METHOD || status == pb::REQUIRES_CONFIRMATION ||
           status == pb::REQUIRES_ACTION;
}

std::optional<pb::Result> cannot_pay(Context& context, const pb::PaymentIntent& intent, Terms& terms) {
    if (!is_set(intent.payment_method())) {
        return refuse(outcome::missing_payment_method,
                      "You cannot confirm this PaymentIntent because it's missing a payment method. You can "
                      "either update the PaymentIntent with a payment method and then confirm it again, or "
                      "confirm it again directly with a payment method.",
                      "payment_method");
    }
    const Method& method = record_of(intent.payment_method());
    const auto& types = intent.payment_method_types();
    if (!types.empty() && std::find(types.begin(), types.end(), method.type.value) == types.end()) {
        return refuse(machine::outcome::invalid_parameter,
                      "The PaymentMethod provided (" + std::string(method.type.value) +
                          ") is not allowed for this PaymentIntent. Its payment_method_types do not name it.",
                      "payment_method");
    }
    if (method.needs_customer) {
        if (intent.customer_no() == 0) {
            return refuse(machine::outcome::invalid_parameter,
                          "A payment from a " + std::string(method.type.value) +
                              " needs the customer whose " + std::string(method.type.value) + " it is.",
                          "customer");
        }
        if (!terms.created) {
            const auto customer = customers::find_customer(context.rows, context.scope, intent.customer_no());
            KONTOR_ASSERT(customer, "an intent's customer exists");
            if (customer->deleted()) {
                return refuse(outcome::customer_deleted, "The customer of this PaymentIntent was deleted.",
                              "customer");
            }
        }
    }
    if (method.paid_by == PaidBy::ledger) return std::nullopt;
    terms.account_no = channels::route(context, method.type, intent.currency());
    if (terms.account_no == 0) return channels::no_channel(context.scope, method.type, intent.currency());
    // A route promises sales, so that they need not look at their account.
    if (!intent.manual_capture()) return std::nullopt;
    return channels::cannot_ask(context.rows, terms.account_no, method.type, pb::CHANNEL_AUTHORIZE);
}

pb::Result pay(Context& context, pb::PaymentIntent& intent, const Terms& terms) {
    switch (record_of(intent.payment_method()).paid_by.value) {
        case PaidBy::ledger:
            return pay_by_ledger(context, intent, terms);
        case PaidBy::channel:
            KONTOR_ASSERT(terms.account_no != 0, "a payment without a route was refused");
            return pay_by_channel(context, intent, terms);
    }
    KONTOR_UNREACHABLE("a method is paid by somebody");
}

void at_rest(pb::PaymentIntent& intent) {
    intent.clear_attempt_no();
    intent.clear_next_action();
}

void close_waiting(Context& context, pb::PaymentIntent& intent, std::string_view why) {
    if (intent.status() != pb::REQUIRES_ACTION) return;
    attempts::close(context, intent.attempt_no(), why);
    intent.set_declined_attempts(intent.declined_attempts() + 1);
    at_rest(intent);
}

pb::Charge new_charge(Context& context, const pb::PaymentIntent& intent) {
    pb::Charge charge;
    charge.set_no(context.next_no());
    charge.set_merchant_no(intent.merchant_no());
    charge.set_livemode(intent.livemode());
    charge.set_intent_no(intent.no());
    charge.set_amount(intent.amount());
    charge.set_currency(intent.currency());
    charge.set_customer_no(intent.customer_no());
    charge.set_description(intent.description());
    *charge.mutable_metadata() = intent.metadata();
    *charge.mutable_payment_method() = intent.payment_method();
    charge.set_created_ms(context.now.utc_ms);
    charge.set_statement_descriptor(intent.statement_descriptor());
    charge.set_receipt_email(intent.receipt_email());
    return charge;
}

ledger::Status reserve_charge(Context& context, pb::Charge& charge) {
    balances::Chain chain(context, context.scope, charge.currency(), charge.no());
    const ledger::Id128 id = chain.move(balances::TransferCode::payment, balances::payer(charge),
                                        balances::merchant_pending(context.scope), charge.amount(), true);
    const ledger::Status status = chain.run();
    if (status == ledger::Status::ok) charge.set_pending_transfer_id(balances::id_bytes(id));
    return status;
}

void release_charge(Context& context, pb::Charge& charge) {
    balances::Chain chain(context, context.scope, charge.currency(), charge.no());
    chain.release(balances::id_from_bytes(charge.pending_transfer_id()));
    KONTOR_ASSERT(chain.run() == ledger::Status::ok, "what was authorised and not captured can be released");
    charge.clear_pending_transfer_id();
}

pb::Result paid(Context& context, pb::PaymentIntent& intent, pb::Charge& charge, bool created) {
    charge.set_status(pb::CHARGE_SUCCEEDED);
    intent.set_status(pb::SUCCEEDED);
    intent.set_amount_received(charge.amount_captured());
    intent.set_latest_charge_no(charge.no());
    intent.clear_last_payment_error();
    intent.clear_failed_payment_method();
    at_rest(intent);
    publish(context, intent, created);
    publish(context, charge);
    event(context, "charge.succeeded", charge);
    event(context, "payment_intent.succeeded", intent);
    return with_intent(intent);
}

pb::Result authorized(Context& context, pb::PaymentIntent& intent, pb::Charge& charge, bool created) {
    charge.set_status(pb::CHARGE_SUCCEEDED);
    intent.set_status(pb::REQUIRES_CAPTURE);
    intent.set_amount_capturable(charge.amount());
    intent.set_latest_charge_no(charge.no());
    intent.clear_last_payment_error();
    intent.clear_failed_payment_method();
    at_rest(intent);
    publish(context, intent, created);
    publish(context, charge);
    event(context, "charge.succeeded", charge);
    event(context, "payment_intent.amount_capturable_updated", intent);
    return with_intent(intent);
}

pb::Result declined(Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                    const pb::PaymentError& error, bool created) {
    charge.set_status(pb::CHARGE_FAILED);
    *charge.mutable_failure() = error;
    needs_another_method(intent, error);
    intent.set_latest_charge_no(charge.no());
    publish(context, intent, created);
    publish(context, charge);
    event(context, "charge.failed", charge);
    event(context, "payment_intent.payment_failed", intent);
    return refused_with(intent, error);
}

pb::PaymentError authentication_failure() {
    pb::PaymentError error;
    error.set_type(std::string(machine::error_type::invalid_request));
    error.set_code(std::string(kAuthenticationFailure));
    error.set_message(
        "The provided PaymentMethod has failed authentication. You can provide payment_method_data or a new "
        "PaymentMethod to attempt to fulfill this PaymentIntent again.");
    return error;
}

pb::Result left(Context& context, pb::PaymentIntent& intent, const pb::PaymentError& error) {
    needs_another_method(intent, error);
    put(context, intent);
    event(context, "payment_intent.payment_failed", intent);
    return refused_with(intent, error);
}

pb::Result captured(Context& context, pb::PaymentIntent& intent, pb::Charge& charge) {
    intent.set_status(pb::SUCCEEDED);
    intent.set_amount_received(charge.amount_captured());
    intent.clear_amount_capturable();
    intent.clear_last_payment_error();
    at_rest(intent);
    put(context, intent);
    put(context, charge);
    event(context, "charge.captured", charge, captured_before());
    event(context, "payment_intent.succeeded", intent);
    return with_intent(intent);
}

pb::Result canceled(Context& context, pb::PaymentIntent& intent) {
    intent.set_status(pb::CANCELED);
    intent.set_canceled_ms(context.now.utc_ms);
    intent.clear_amount_capturable();
    at_rest(intent);
    put(context, intent);
    event(context, "payment_intent.canceled", intent);
    return with_intent(intent);
}

const Outcome& outcome_of(const pb::PaymentError& error) {
    return error.code() == "processing_error" ? outcome::processing_error : outcome::card_declined;
}

pb::Result with_intent(const pb::PaymentIntent& intent) {
    pb::Result result;
    *mutable_object(result, pb::payment_intent) = intent;
    return result;
}

pb::Result refused_with(const pb::PaymentIntent& intent, const pb::PaymentError& error) {
    pb::Result result = with_intent(intent);
    result.set_outcome(outcome_of(error));
    *result.mutable_error() = error;
    return result;
}

}  // namespace kontor::payments
