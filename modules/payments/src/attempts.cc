#include "attempts.h"

#include <algorithm>
#include <array>

#include "commands.h"
#include "funds.h"
#include "idempotency.h"
#include "kontor/payments/json.h"
#include "payment.h"
#include "postings.h"
#include "refunds.h"

namespace kontor::payments {
namespace {

constexpr std::array<std::int64_t, 7> kBackOffSeconds = {2, 5, 15, 60, 300, 900, 3600};

void put_attempt(Context& context, const pb::ChannelAttempt& attempt) {
    context.put(table::attempts, Key().be64(attempt.no()), attempt);
}

void schedule(Context& context, const pb::ChannelAttempt& attempt) {
    context.put_index(table::outbox_due,
                      outbox_key(OutboxKind::attempt, attempt.next_try_ms(), attempt.no()));
    context.effects.outbox_changed = true;
}

void unschedule(Context& context, const pb::ChannelAttempt& attempt) {
    context.rows.erase(table::outbox_due,
                       outbox_key(OutboxKind::attempt, attempt.next_try_ms(), attempt.no()).view());
}

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

AccountRef receivable() {
    return {ledger::AccountKind::channel_receivable, kSandboxChannel};
}
AccountRef suspense() {
    return {ledger::AccountKind::suspense, kSandboxChannel};
}

void to_suspense(Context& context, const pb::ChannelAttempt& attempt, bool back) {
    Chain chain(context, context.scope, attempt.currency(), attempt.no());
    if (back) {
        chain.move(TransferCode::unexpected_back, suspense(), receivable(), attempt.amount());
    } else {
        chain.move(TransferCode::unexpected, receivable(), suspense(), attempt.amount());
    }
    KONTOR_ASSERT(chain.run() == ledger::Status::ok, "suspense takes what nothing else takes");
}

// The channel took (or holds) money that our books do not want: it is given back.
void give_back(Context& context, const pb::ChannelAttempt& attempt, const std::string& channel_reference) {
    const bool took_money = attempt.operation() != pb::CHANNEL_AUTHORIZE;
    if (took_money) to_suspense(context, attempt, false);
    pb::ChannelAttempt back;
    back.set_no(context.next_no());
    back.set_merchant_no(attempt.merchant_no());
    back.set_livemode(attempt.livemode());
    back.set_channel(attempt.channel());
    back.set_operation(took_money ? pb::CHANNEL_REFUND : pb::CHANNEL_VOID);
    back.set_intent_no(attempt.intent_no());
    back.set_charge_no(attempt.charge_no());
    back.set_amount(attempt.amount());
    back.set_currency(attempt.currency());
    *back.mutable_payment_method() = attempt.payment_method();
    back.set_channel_reference(channel_reference);
    back.set_next_try_ms(context.now.machine_ms);
    back.set_created_ms(context.now.utc_ms);
    back.set_compensates(attempt.no());
    put_attempt(context, back);
    schedule(context, back);
    context.link(back.intent_no(), LinkKind::intent_attempt, back.no());
    context.journal_about_intent(back.intent_no());
}

// Success after the attempt had been booked as failed.
void late_success(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    attempt.set_late_success(true);
    put_attempt(context, attempt);
    context.journal_about_intent(attempt.intent_no());
    if (attempt.compensates() != 0) {
        if (attempt.operation() == pb::CHANNEL_REFUND) to_suspense(context, attempt, true);
        return;
    }
    switch (attempt.operation()) {
        case pb::CHANNEL_SALE:
        case pb::CHANNEL_AUTHORIZE:
        case pb::CHANNEL_CAPTURE:
            give_back(context, attempt, answer.channel_reference());
            return;
        case pb::CHANNEL_REFUND:
            // The payer has the money, the merchant has it back too: ours until somebody explains it.
            to_suspense(context, attempt, true);
            return;
        default:
            return;  // a void moved nothing; the next capture will fail at the channel
    }
}

pb::PaymentError refused_by_ledger() {
    pb::PaymentError error;
    error.set_type("card_error");
    error.set_code("processing_error");
    error.set_decline_code("processing_error");
    error.set_message("An error occurred while processing your card. Try again in a little bit.");
    return error;
}

pb::Result end_of_payment(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    pb::Charge charge = new_charge(context, intent);
    attempt.set_charge_no(charge.no());
    if (answer.state() == pb::ATTEMPT_FAILED) return declined(context, intent, charge, answer.error(), false);
    charge.set_channel_reference(answer.channel_reference());
    const bool reserve = attempt.operation() == pb::CHANNEL_AUTHORIZE;
    const ledger::Status status = reserve ? reserve_charge(context, charge)
                                          : book_charge(context, charge, charge.amount(), ledger::Id128{});
    if (status != ledger::Status::ok) {
        give_back(context, attempt, answer.channel_reference());
        return declined(context, intent, charge, refused_by_ledger(), false);
    }
    return reserve ? authorized(context, intent, charge, false) : paid(context, intent, charge, false);
}

// Back to an authorised payment: the capture or void did not happen.
pb::Result still_authorized(Context& context, pb::PaymentIntent& intent, const pb::PaymentError& error) {
    intent.set_status(pb::REQUIRES_CAPTURE);
    intent.clear_cancellation_reason();
    intent.clear_attempt_no();
    *intent.mutable_last_payment_error() = error;
    context.put(intent);
    context.event("payment_intent.amount_capturable_updated", intent);
    pb::Result result = with_intent(intent);
    result.set_outcome(outcome_of(error));
    *result.mutable_error() = error;
    return result;
}

pb::Result end_of_capture(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    if (answer.state() == pb::ATTEMPT_FAILED) return still_authorized(context, intent, answer.error());
    pb::Charge charge = charge_of(context, attempt);
    const ledger::Status status =
        book_charge(context, charge, attempt.amount(), id_from_bytes(charge.pending_transfer_id()));
    if (status != ledger::Status::ok) {
        give_back(context, attempt, answer.channel_reference());
        return still_authorized(context, intent, refused_by_ledger());
    }
    return captured(context, intent, charge);
}

pb::Result end_of_void(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    pb::PaymentIntent intent = intent_of(context, attempt);
    if (answer.state() == pb::ATTEMPT_FAILED) return still_authorized(context, intent, answer.error());
    pb::Charge charge = charge_of(context, attempt);
    release_charge(context, charge);
    context.put(charge);
    pb::Result result = canceled(context, intent);
    context.event("charge.updated", charge);
    return result;
}

pb::Result end_of(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    switch (attempt.operation()) {
        case pb::CHANNEL_SALE:
        case pb::CHANNEL_AUTHORIZE:
            return end_of_payment(context, attempt, answer);
        case pb::CHANNEL_CAPTURE:
            return end_of_capture(context, attempt, answer);
        case pb::CHANNEL_VOID:
            return end_of_void(context, attempt, answer);
        case pb::CHANNEL_REFUND:
            return end_of_refund(context, attempt, answer);
        default:
            KONTOR_UNREACHABLE("an attempt has an operation");
    }
}

// The end of an attempt that gives money back by policy: nobody waits for it.
void end_of_compensation(Context& context, const pb::ChannelAttempt& attempt,
                         const pb::ChannelAnswered& answer) {
    context.journal_about_intent(attempt.intent_no());
    if (answer.state() == pb::ATTEMPT_SUCCEEDED && attempt.operation() == pb::CHANNEL_REFUND) {
        to_suspense(context, attempt, true);
    }
}

void ask_again(Context& context, pb::ChannelAttempt& attempt) {
    unschedule(context, attempt);
    attempt.set_state(pb::ATTEMPT_UNKNOWN);
    attempt.set_tries(attempt.tries() + 1);
    attempt.set_next_try_ms(context.now.machine_ms + channel_back_off_ms(attempt.tries()));
    put_attempt(context, attempt);
    schedule(context, attempt);
}

}  // namespace

std::int64_t channel_back_off_ms(std::uint32_t tries) {
    const std::size_t at = tries == 0 ? 0 : tries - 1;
    return kBackOffSeconds[std::min(at, kBackOffSeconds.size() - 1)] * 1000;
}

pb::ChannelAttempt new_attempt(Context& context, const pb::PaymentIntent& intent,
                               pb::ChannelOperation operation, std::int64_t amount) {
    pb::ChannelAttempt attempt;
    attempt.set_no(context.next_no());
    attempt.set_merchant_no(intent.merchant_no());
    attempt.set_livemode(intent.livemode());
    attempt.set_channel(std::string(kSandboxName));
    attempt.set_operation(operation);
    attempt.set_intent_no(intent.no());
    attempt.set_amount(amount);
    attempt.set_currency(intent.currency());
    *attempt.mutable_payment_method() = intent.payment_method();
    attempt.set_next_try_ms(context.now.machine_ms);
    attempt.set_created_ms(context.now.utc_ms);
    attempt.set_idempotency_row(context.idempotency_row);
    *attempt.mutable_expand() = context.command.expand();
    attempt.set_request_id(context.command.request_id());
    attempt.set_idempotency_key(context.command.idempotency_key());
    return attempt;
}

pb::Result start_attempt(Context& context, const pb::ChannelAttempt& attempt, pb::Result interim) {
    put_attempt(context, attempt);
    schedule(context, attempt);
    context.link(attempt.intent_no(), LinkKind::intent_attempt, attempt.no());
    interim.set_waiting_on(attempt.no());
    return interim;
}

pb::Result ask_channel(Context& context, pb::PaymentIntent& intent, const pb::Charge& charge,
                       pb::ChannelOperation operation, std::int64_t amount) {
    pb::ChannelAttempt attempt = new_attempt(context, intent, operation, amount);
    attempt.set_charge_no(charge.no());
    attempt.set_channel_reference(charge.channel_reference());
    *attempt.mutable_payment_method() = charge.payment_method();
    intent.set_status(pb::PROCESSING);
    intent.set_attempt_no(attempt.no());
    context.put(intent);
    context.event("payment_intent.processing", intent);
    return start_attempt(context, attempt, with_intent(intent));
}

void resolve(Context& context, const pb::ChannelAttempt& attempt, pb::Result result) {
    result.set_time_ms(context.now.utc_ms);
    result.set_command_no(command_no(attempt.no()));
    if (result.outcome() == pb::OUTCOME_OK) expand(context, attempt.expand(), result);
    if (!attempt.idempotency_row().empty()) complete_idempotency(context, attempt.idempotency_row(), result);
    context.effects.resolved.push_back({attempt.no(), context.effects.resolved_results.size()});
    context.effects.resolved_results.push_back(std::move(result));
}

pb::Result channel_answered(Context& context, const pb::ChannelAnswered& answer) {
    auto attempt = load<pb::ChannelAttempt>(context.rows, table::attempts, Key().be64(answer.attempt_no()));
    if (!attempt) return no_such("channel attempt", prefix::attempt, answer.attempt_no(), "attempt");
    if (answer.state() != pb::ATTEMPT_SUCCEEDED && answer.state() != pb::ATTEMPT_FAILED &&
        answer.state() != pb::ATTEMPT_UNKNOWN) {
        return refuse(pb::OUTCOME_INVALID_PARAMETER, "A channel's answer is success, failure or unknown.",
                      "state");
    }
    context.scope = {attempt->merchant_no(), attempt->livemode()};
    const bool ended = attempt->state() == pb::ATTEMPT_SUCCEEDED || attempt->state() == pb::ATTEMPT_FAILED;
    if (ended) {
        // The same answer again says nothing new. A failure after success neither: the money is booked.
        if (attempt->state() == pb::ATTEMPT_FAILED && answer.state() == pb::ATTEMPT_SUCCEEDED &&
            !attempt->late_success()) {
            late_success(context, *attempt, answer);
        }
        return {};
    }
    if (answer.state() == pb::ATTEMPT_UNKNOWN) {
        ask_again(context, *attempt);
        return {};
    }
    context.merchant = find_merchant(context.rows, context.scope.merchant_no);
    KONTOR_ASSERT(context.merchant, "an attempt belongs to a merchant");
    pb::Journal& journal = context.journal();
    journal.set_request_id(attempt->request_id());
    journal.set_idempotency_key(attempt->idempotency_key());
    unschedule(context, *attempt);
    attempt->set_state(answer.state());
    attempt->set_tries(attempt->tries() + 1);
    attempt->clear_next_try_ms();
    if (answer.state() == pb::ATTEMPT_FAILED) *attempt->mutable_error() = answer.error();
    if (attempt->compensates() != 0) {
        end_of_compensation(context, *attempt, answer);
    } else {
        resolve(context, *attempt, end_of(context, *attempt, answer));
    }
    put_attempt(context, *attempt);
    return {};
}

}  // namespace kontor::payments
