// What follows from a channel's answer to a payment, a capture and a void.
#include "domains/payments/channel.h"

#include "domains/attempts/attempts.h"
#include "domains/balances/funds.h"
#include "domains/balances/postings.h"
#include "domains/payments/changes.h"
#include "domains/payments/payment.h"
#include "domains/payments/payments.h"
#include "kontor/attempts.pb.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

namespace {

pb::PaymentIntent intent_of(Context& context, const pb::ChannelAttempt& attempt) {
    auto intent = find_intent(context.rows, context.scope, attempt.intent_no());
    KONTOR_ASSERT(intent, "an attempt belongs to an intent");
    return *std::move(intent);
}
pb::Charge charge_of(Context& context, const pb::ChannelAttempt& attempt) {
    auto charge = find_charge(context.rows, context.scope, attempt.charge_no());
    KONTOR_ASSERT(charge, "an attempt on a charge has one");
    return *std::move(charge);
}

pb::PaymentError refused_by_ledger() {
    pb::PaymentError error;
    error.set_type(std::string(machine::error_type::card));
    error.set_code("processing_error");
    error.set_decline_code("processing_error");
    error.set_message("An error occurred while processing your card. Try again in a little bit.");
    return error;
}

// Back to an authorised payment: the capture or void did not happen.
pb::Result still_authorized(Context& context, pb::PaymentIntent& intent, const pb::PaymentError& error) {
    intent.set_status(pb::REQUIRES_CAPTURE);
    intent.clear_cancellation_reason();
    at_rest(intent);
    *intent.mutable_last_payment_error() = error;
    put(context, intent);
    event(context, "payment_intent.amount_capturable_updated", intent);
    return refused_with(intent, error);
}

}  // namespace

pb::Result end_of_payment(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    if (answer.state() == pb::ATTEMPT_FAILED && answer.error().code() == kAuthenticationFailure)
        return left(context, intent, answer.error());
    pb::Charge charge = new_charge(context, intent);
    charge.set_account_no(attempt.account_no());
    attempt.set_charge_no(charge.no());
    if (answer.state() == pb::ATTEMPT_FAILED) return declined(context, intent, charge, answer.error(), false);
    charge.set_channel_reference(answer.channel_reference());
    const bool reserve = attempt.operation() == pb::CHANNEL_AUTHORIZE;
    const ledger::Status status =
        reserve ? reserve_charge(context, charge)
                : balances::post_charge(context, charge, charge.amount(), ledger::Id128{});
    if (status != ledger::Status::ok) {
        attempts::give_back(context, attempt, answer.channel_reference());
        return declined(context, intent, charge, refused_by_ledger(), false);
    }
    return reserve ? authorized(context, intent, charge, false) : paid(context, intent, charge, false);
}

pb::Result end_of_capture(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    if (answer.state() == pb::ATTEMPT_FAILED) return still_authorized(context, intent, answer.error());
    pb::Charge charge = charge_of(context, attempt);
    const ledger::Status status = balances::post_charge(
        context, charge, attempt.amount(), balances::id_from_bytes(charge.pending_transfer_id()));
    if (status != ledger::Status::ok) {
        attempts::give_back(context, attempt, answer.channel_reference());
        return still_authorized(context, intent, refused_by_ledger());
    }
    return captured(context, intent, charge);
}

pb::Result end_of_void(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    if (answer.state() == pb::ATTEMPT_FAILED) return still_authorized(context, intent, answer.error());
    pb::Charge charge = charge_of(context, attempt);
    release_charge(context, charge);
    put(context, charge);
    pb::Result result = canceled(context, intent);
    event(context, "charge.updated", charge);
    return result;
}

pb::Result payer_must_act(Context& context, const pb::ChannelAttempt& attempt, const pb::NextAction& action) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    const bool is_first = intent.status() != pb::REQUIRES_ACTION;
    const pb::NextAction& known = intent.next_action();
    if (!is_first && known.redirect_url() == action.redirect_url() && known.qr_data() == action.qr_data() &&
        known.expires_ms() == action.expires_ms())
        return with_intent(intent);
    intent.set_status(pb::REQUIRES_ACTION);
    *intent.mutable_next_action() = action;
    put(context, intent);
    if (is_first)
        event(context, "payment_intent.requires_action", intent);
    else
        changed(context, intent);
    return with_intent(intent);
}

pb::Result ask_channel(Context& context, pb::PaymentIntent& intent, const pb::Charge& charge,
                       pb::ChannelOperation operation, std::int64_t amount) {
    pb::ChannelAttempt attempt =
        attempts::new_attempt(context, intent, operation, amount, charge.account_no());
    attempt.set_charge_no(charge.no());
    attempt.set_channel_reference(charge.channel_reference());
    *attempt.mutable_payment_method() = charge.payment_method();
    intent.set_status(pb::PROCESSING);
    intent.set_attempt_no(attempt.no());
    put(context, intent);
    event(context, "payment_intent.processing", intent);
    return attempts::start_attempt(context, attempt, with_intent(intent));
}

}  // namespace kontor::payments
