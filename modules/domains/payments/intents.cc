// Payment intents: create, update, confirm, capture, cancel. Statuses and texts as Stripe's.
#include "domains/payments/commands.h"

#include "domains/balances/funds.h"
#include "domains/balances/postings.h"
#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "domains/payments/changes.h"
#include "domains/payments/channel.h"
#include "domains/payments/ids.h"
#include "domains/payments/limits.h"
#include "domains/payments/methods.h"
#include "domains/payments/outcomes.h"
#include "domains/payments/payment.h"
#include "domains/payments/payments.h"
#include "domains/payments/tables.h"
#include "kontor/attempts.pb.h"
#include "kontor/bodies.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/refuse.h"
#include "kontor/money/money.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

namespace {

pb::Result missing_intent(std::uint64_t no) {
    return no_such("payment_intent", prefix::intent, no, "intent");
}

// Refused as the intent is, which the answer shows.
pb::Result refused_as_it_is(const pb::PaymentIntent& intent, const Outcome& outcome, std::string message) {
    pb::Result result = refuse(outcome, std::move(message));
    *mutable_object(result, pb::payment_intent) = intent;
    return result;
}

// Refused by the intent's status. While a channel is asked, the answer may be another one a moment later.
pb::Result unexpected(Context& context, const pb::PaymentIntent& intent, std::string message) {
    if (intent.status() == pb::PROCESSING) context.lost_race = true;
    return refused_as_it_is(intent, machine::outcome::unexpected_state, std::move(message));
}

// The shape of Stripe's; its state stays, and it can still be canceled.
pb::Result too_many_attempts(const pb::PaymentIntent& intent) {
    pb::Result result = refused_as_it_is(
        intent, machine::outcome::limit_reached,
        "This PaymentIntent has been declined " + std::to_string(limits::kDeclinedAttemptsPerIntent) +
            " times, which is the maximum. Create a new PaymentIntent to try again.");
    result.mutable_error()->set_code("payment_intent_rate_limit_exceeded");
    return result;
}

std::string in_status(const pb::PaymentIntent& intent) {
    return "it has a status of " + std::string(status_name(intent.status())) + ". ";
}

std::optional<pb::Result> bad_amount(std::int64_t amount) {
    if (amount > 0 && amount <= money::kMaxAmountMinor) return std::nullopt;
    return refuse(machine::outcome::invalid_parameter,
                  "The amount must be between 1 and " + std::to_string(money::kMaxAmountMinor) + ".",
                  "amount");
}

std::optional<pb::Result> bad_currency(std::uint32_t currency) {
    if (currency <= UINT16_MAX && money::Currency::from_numeric(static_cast<std::uint16_t>(currency)))
        return std::nullopt;
    return refuse(machine::outcome::invalid_parameter, "Invalid currency.", "currency");
}

std::optional<pb::Result> bad_customer(Context& context, std::uint64_t no) {
    if (no == 0) return std::nullopt;
    const auto customer = customers::find_customer(context.rows, context.scope, no);
    if (customer && !customer->deleted()) return std::nullopt;
    return no_such("customer", customers::prefix::customer, no, "customer");
}

std::optional<pb::Result> bad_method(const pb::PaymentMethod& method) {
    if (!is_set(method) || find_method(method.type()) != nullptr) return std::nullopt;
    return refuse(machine::outcome::invalid_parameter, "There is no such payment method.", "payment_method");
}

void set_method(pb::PaymentIntent& intent, const pb::PaymentMethod& method) {
    *intent.mutable_payment_method() = method;
    if (intent.status() == pb::REQUIRES_PAYMENT_METHOD) intent.set_status(pb::REQUIRES_CONFIRMATION);
}

}  // namespace

pb::Result create_intent(Context& context, const pb::CreatePaymentIntent& wanted) {
    if (auto bad = bad_amount(wanted.amount())) return *std::move(bad);
    if (auto bad = bad_currency(wanted.currency())) return *std::move(bad);
    if (auto bad = bad_customer(context, wanted.customer_no())) return *std::move(bad);
    if (auto bad = bad_method(wanted.payment_method())) return *std::move(bad);
    pb::PaymentIntent intent;
    if (!merge_metadata(intent.mutable_metadata(), wanted.metadata())) return metadata_too_long();
    intent.set_no(context.next_no());
    intent.set_merchant_no(context.scope.merchant_no);
    intent.set_livemode(context.scope.livemode);
    intent.set_amount(wanted.amount());
    intent.set_currency(wanted.currency());
    intent.set_status(pb::REQUIRES_PAYMENT_METHOD);
    intent.set_manual_capture(wanted.manual_capture());
    intent.set_manual_confirmation(wanted.manual_confirmation());
    intent.set_customer_no(wanted.customer_no());
    intent.set_description(wanted.description());
    *intent.mutable_payment_method_types() = wanted.payment_method_types();
    intent.set_receipt_email(wanted.receipt_email());
    intent.set_statement_descriptor(wanted.statement_descriptor());
    intent.set_client_secret(format_id(prefix::intent, intent.no()) + "_secret_" +
                             wanted.client_secret_suffix());
    intent.set_created_ms(context.now.utc_ms);
    intent.set_setup_future_usage(wanted.setup_future_usage());
    intent.set_return_url(wanted.return_url());
    if (is_set(wanted.payment_method())) set_method(intent, wanted.payment_method());

    pb::Result result;
    if (wanted.confirm()) {
        Terms terms{.created = true, .refuses_action = wanted.error_on_requires_action()};
        if (auto refused = cannot_pay(context, intent, terms)) return *std::move(refused);
        result = pay(context, intent, terms);
        if (result.outcome() == machine::outcome::ledger_refused) return result;
    } else {
        put(context, intent);
        event(context, "payment_intent.created", intent);
        *mutable_object(result, pb::payment_intent) = intent;
    }
    if (intent.customer_no() != 0) context.link(intent.customer_no(), kCustomerIntent, intent.no());
    return result;
}

pb::Result update_intent(Context& context, const pb::UpdatePaymentIntent& wanted) {
    auto intent = find_intent(context.rows, context.scope, wanted.no());
    if (!intent) return missing_intent(wanted.no());
    if (auto bad = bad_method(wanted.payment_method())) return *std::move(bad);
    const std::string_view restricted = wanted.has_amount()                      ? "amount"
                                        : wanted.has_currency()                  ? "currency"
                                        : wanted.has_customer_no()               ? "customer"
                                        : is_set(wanted.payment_method())        ? "payment_method"
                                        : !wanted.payment_method_types().empty() ? "payment_method_types"
                                        : wanted.has_statement_descriptor()      ? "statement_descriptor"
                                                                                 : "";
    if (!restricted.empty() && !awaits_confirmation(intent->status())) {
        return unexpected(context, *intent,
                          "This PaymentIntent's " + std::string(restricted) +
                              " could not be updated because " + in_status(*intent) +
                              "You may only update the " + std::string(restricted) +
                              " of a PaymentIntent with one of the following statuses: "
                              "requires_payment_method, requires_confirmation, requires_action.");
    }
    if (wanted.has_amount()) {
        if (auto bad = bad_amount(wanted.amount())) return *std::move(bad);
        intent->set_amount(wanted.amount());
    }
    if (wanted.has_currency()) {
        if (auto bad = bad_currency(wanted.currency())) return *std::move(bad);
        intent->set_currency(wanted.currency());
    }
    const bool other_customer = wanted.has_customer_no() && wanted.customer_no() != intent->customer_no();
    if (other_customer) {
        if (auto bad = bad_customer(context, wanted.customer_no())) return *std::move(bad);
        intent->set_customer_no(wanted.customer_no());
    }
    if (!merge_metadata(intent->mutable_metadata(), wanted.metadata(), wanted.clear_metadata()))
        return metadata_too_long();
    if (wanted.has_description()) intent->set_description(wanted.description());
    if (wanted.has_receipt_email()) intent->set_receipt_email(wanted.receipt_email());
    if (wanted.has_statement_descriptor()) intent->set_statement_descriptor(wanted.statement_descriptor());
    if (!wanted.payment_method_types().empty()) {
        *intent->mutable_payment_method_types() = wanted.payment_method_types();
    }
    if (is_set(wanted.payment_method())) set_method(*intent, wanted.payment_method());
    // The payer would do what is not wanted any more.
    if (!restricted.empty() && intent->status() == pb::REQUIRES_ACTION) {
        close_waiting(context, *intent, "The payment was changed.");
        intent->set_status(pb::REQUIRES_CONFIRMATION);
    }

    put(context, *intent);
    if (other_customer && intent->customer_no() != 0) {
        context.link(intent->customer_no(), kCustomerIntent, intent->no());
    }
    changed(context, *intent);
    audit_record_about(context, intent->no());
    return with_intent(*intent);
}

pb::Result confirm_intent(Context& context, const pb::ConfirmPaymentIntent& wanted) {
    auto intent = find_intent(context.rows, context.scope, wanted.no());
    if (!intent) return missing_intent(wanted.no());
    if (intent->status() == pb::SUCCEEDED) {
        return unexpected(
            context, *intent,
            "You cannot confirm this PaymentIntent because it has already succeeded after being "
            "previously confirmed.");
    }
    if (!awaits_confirmation(intent->status())) {
        return unexpected(context, *intent,
                          "You cannot confirm this PaymentIntent because " + in_status(*intent) +
                              "Only a PaymentIntent with one of the following statuses may be confirmed: "
                              "requires_payment_method, requires_confirmation, requires_action.");
    }
    if (intent->declined_attempts() >= limits::kDeclinedAttemptsPerIntent) return too_many_attempts(*intent);
    if (auto bad = bad_method(wanted.payment_method())) return *std::move(bad);
    if (is_set(wanted.payment_method())) set_method(*intent, wanted.payment_method());
    if (wanted.has_receipt_email()) intent->set_receipt_email(wanted.receipt_email());
    if (wanted.has_return_url()) intent->set_return_url(wanted.return_url());
    Terms terms{.refuses_action = wanted.error_on_requires_action()};
    if (auto refused = cannot_pay(context, *intent, terms)) return *std::move(refused);
    return pay(context, *intent, terms);
}

std::optional<Amount> amount_of_capture(const Context& context) {
    const auto& wanted = body(context.command, pb::capture_payment_intent);
    const auto intent = find_intent(context.rows, context.scope, wanted.no());
    if (!intent) return std::nullopt;
    return Amount{intent->currency(),
                  wanted.has_amount_to_capture() ? wanted.amount_to_capture() : intent->amount_capturable()};
}

pb::Result capture_intent(Context& context, const pb::CapturePaymentIntent& wanted) {
    auto intent = find_intent(context.rows, context.scope, wanted.no());
    if (!intent) return missing_intent(wanted.no());
    if (intent->status() == pb::SUCCEEDED) {
        return refused_as_it_is(
            *intent, outcome::already_captured,
            "This PaymentIntent could not be captured because it has already been captured.");
    }
    if (intent->status() != pb::REQUIRES_CAPTURE) {
        return unexpected(context, *intent,
                          "This PaymentIntent could not be captured because " + in_status(*intent) +
                              "Only a PaymentIntent with one of the following statuses may be captured: "
                              "requires_capture.");
    }
    const std::int64_t amount =
        wanted.has_amount_to_capture() ? wanted.amount_to_capture() : intent->amount_capturable();
    if (amount <= 0) {
        return refuse(machine::outcome::invalid_parameter, "The amount to capture must be positive.",
                      "amount_to_capture");
    }
    if (amount > intent->amount_capturable()) {
        return refuse(outcome::amount_too_large,
                      "The amount to capture (" + std::to_string(amount) +
                          ") must be less than or equal to the amount capturable (" +
                          std::to_string(intent->amount_capturable()) + ").",
                      "amount_to_capture");
    }
    if (!merge_metadata(intent->mutable_metadata(), wanted.metadata())) return metadata_too_long();
    auto charge = find_charge(context.rows, context.scope, intent->latest_charge_no());
    KONTOR_ASSERT(charge && !charge->captured(), "an intent that can be captured has an authorised charge");
    if (charge->account_no() != 0) {
        return ask_channel(context, *intent, *charge, pb::CHANNEL_CAPTURE, amount);
    }
    const ledger::Status status = balances::post_charge(
        context, *charge, amount, balances::id_from_bytes(charge->pending_transfer_id()));
    if (status != ledger::Status::ok) {
        return refuse(machine::outcome::ledger_refused,
                      "The ledger refused this capture: " + std::string(ledger::to_string(status)) + ".");
    }
    return captured(context, *intent, *charge);
}

pb::Result cancel_intent(Context& context, const pb::CancelPaymentIntent& wanted) {
    auto intent = find_intent(context.rows, context.scope, wanted.no());
    if (!intent) return missing_intent(wanted.no());
    if (!awaits_confirmation(intent->status()) && intent->status() != pb::REQUIRES_CAPTURE) {
        return unexpected(context, *intent,
                          "You cannot cancel this PaymentIntent because " + in_status(*intent) +
                              "Only a PaymentIntent with one of the following statuses may be canceled: "
                              "requires_payment_method, requires_capture, requires_confirmation, "
                              "requires_action.");
    }
    intent->set_cancellation_reason(wanted.cancellation_reason());
    if (intent->status() != pb::REQUIRES_CAPTURE) {
        close_waiting(context, *intent, "The payment was canceled.");
        return canceled(context, *intent);
    }

    auto charge = find_charge(context.rows, context.scope, intent->latest_charge_no());
    KONTOR_ASSERT(charge && !charge->captured(), "an intent that can be captured has an authorised charge");
    if (charge->account_no() != 0) {
        return ask_channel(context, *intent, *charge, pb::CHANNEL_VOID, charge->amount());
    }
    release_charge(context, *charge);
    put(context, *charge);
    pb::Result result = canceled(context, *intent);
    event(context, "charge.updated", *charge);
    return result;
}

}  // namespace kontor::payments
