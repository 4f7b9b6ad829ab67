#include "domains/attempts/attempts.h"

#include <algorithm>
#include <array>

#include "domains/accounts/accounts.h"
#include "domains/attempts/commands.h"
#include "domains/attempts/ids.h"
#include "domains/attempts/limits.h"
#include "domains/attempts/operation.h"
#include "domains/attempts/tables.h"
#include "domains/balances/postings.h"
#include "domains/channels/channels.h"
#include "domains/channels/limits.h"
#include "domains/channels/outcomes.h"
#include "domains/payments/changes.h"
#include "domains/payments/payments.h"
#include "kontor/base/bytes.h"
#include "kontor/machine/refuse.h"
#include "kontor/machine/waiting.h"

namespace kontor::attempts {

using namespace machine;  // the frame's words

namespace {

constexpr std::array<std::int64_t, 7> kBackOffSeconds = {2, 5, 15, 60, 300, 900, 3600};

void put_attempt(Context& context, const pb::ChannelAttempt& attempt) {
    context.put(table::attempts, Key().be64(attempt.no()), attempt);
}

void schedule(Context& context, const pb::ChannelAttempt& attempt) {
    context.put_index(machine::table::outbox_due,
                      outbox_key(kAttemptOutbox, attempt.next_try_ms(), attempt.no()));
    context.effects.outbox_changed = true;
}

void unschedule(Context& context, const pb::ChannelAttempt& attempt) {
    context.rows.erase(machine::table::outbox_due,
                       outbox_key(kAttemptOutbox, attempt.next_try_ms(), attempt.no()).view());
}

const Operation& operation_of(const pb::ChannelAttempt& attempt) {
    for (const Operation& known : operations())
        if (known.operation == attempt.operation()) return known;
    KONTOR_UNREACHABLE("an attempt has an operation that some domain asks for");
}

void to_suspense(Context& context, const pb::ChannelAttempt& attempt, bool back) {
    const balances::AccountRef receivable = balances::channel_receivable(attempt.account_no());
    const balances::AccountRef suspense = balances::channel_suspense(attempt.account_no());
    balances::Chain chain(context, context.scope, attempt.currency(), attempt.no());
    if (back) {
        chain.move(balances::TransferCode::unexpected_back, suspense, receivable, attempt.amount());
    } else {
        chain.move(balances::TransferCode::unexpected, receivable, suspense, attempt.amount());
    }
    KONTOR_ASSERT(chain.run() == ledger::Status::ok, "suspense takes what nothing else takes");
}

// Success after the attempt had been recorded as failed.
void late_success(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    attempt.set_late_success(true);
    put_attempt(context, attempt);
    payments::audit_record_about(context, attempt.intent_no());
    if (attempt.compensates() != 0) {
        if (attempt.operation() == pb::CHANNEL_REFUND) to_suspense(context, attempt, true);
        return;
    }
    switch (operation_of(attempt).late.value) {
        case Late::give_back:
            give_back(context, attempt, answer.channel_reference());
            return;
        case Late::suspense:
            to_suspense(context, attempt, true);
            return;
        case Late::nothing:
            return;
    }
}

// The end of an attempt that gives money back by policy: nobody waits for it.
void end_of_compensation(Context& context, const pb::ChannelAttempt& attempt,
                         const pb::ChannelAnswered& answer) {
    payments::audit_record_about(context, attempt.intent_no());
    if (answer.state() == pb::ATTEMPT_SUCCEEDED && attempt.operation() == pb::CHANNEL_REFUND) {
        to_suspense(context, attempt, true);
    }
}

void ask_again(Context& context, pb::ChannelAttempt& attempt) {
    unschedule(context, attempt);
    if (attempt.state() == pb::ATTEMPT_WAITING) attempt.set_state(pb::ATTEMPT_UNKNOWN);
    attempt.set_tries(attempt.tries() + 1);
    attempt.set_next_try_ms(context.now.machine_ms + channel_back_off_ms(attempt.tries()));
    put_attempt(context, attempt);
    schedule(context, attempt);
}

// What undoes an attempt at the channel: nobody waits for it.
void compensate(Context& context, const pb::ChannelAttempt& attempt, pb::ChannelOperation operation,
                const std::string& channel_reference) {
    pb::ChannelAttempt back;
    back.set_no(context.next_no());
    back.set_merchant_no(attempt.merchant_no());
    back.set_livemode(attempt.livemode());
    back.set_account_no(attempt.account_no());
    back.set_operation(operation);
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
    context.link(back.intent_no(), kIntentAttempt, back.no());
    payments::audit_record_about(context, back.intent_no());
}

// The attempt is in nobody's queue any more.
void settle(Context& context, pb::ChannelAttempt& attempt, pb::AttemptState state,
            const pb::PaymentError& error) {
    unschedule(context, attempt);
    if (attempt.expires_ms() != 0)
        context.rows.erase(machine::table::due, expiry_due_key(attempt.expires_ms(), attempt.no()).view());
    attempt.set_state(state);
    attempt.clear_next_try_ms();
    attempt.clear_expires_ms();
    if (state == pb::ATTEMPT_FAILED) *attempt.mutable_error() = error;
}

// The outcome of a command that waited for the attempt.
void resolve(Context& context, pb::ChannelAttempt& attempt, pb::Result result) {
    answer_waiting(context, {attempt.no(), attempt.idempotency_row(), attempt.expand()}, std::move(result));
    attempt.clear_idempotency_row();
    attempt.clear_expand();
}

bool is_sound(const pb::NextAction& action) {
    return action.redirect_url().empty() != action.qr_data().empty() &&
           action.redirect_url().size() <= limits::kActionUrlBytes &&
           action.qr_data().size() <= limits::kActionDataBytes;
}

// Until when the payer may act, in machine time.
std::int64_t expires_at(const Context& context, const pb::NextAction& action) {
    const std::int64_t wanted =
        action.expires_ms() == 0 ? limits::kPayerHasMs : action.expires_ms() - context.now.utc_ms;
    return context.now.machine_ms + std::clamp(wanted, limits::kPayerHasAtLeastMs, limits::kPayerHasMs);
}

pb::PaymentError authentication_required() {
    pb::PaymentError error;
    error.set_type(std::string(machine::error_type::card));
    error.set_code("authentication_required");
    error.set_decline_code("authentication_required");
    error.set_message(
        "Your card was declined. This transaction requires authentication, and nobody is there to give it.");
    return error;
}

// Ends with a failure that the channel does not know of: it is told to do nothing more.
void give_up(Context& context, pb::ChannelAttempt& attempt, const pb::PaymentError& error) {
    compensate(context, attempt, pb::CHANNEL_VOID, attempt.channel_reference());
    settle(context, attempt, pb::ATTEMPT_FAILED, error);
    pb::ChannelAnswered answer;
    answer.set_attempt_no(attempt.no());
    answer.set_state(pb::ATTEMPT_FAILED);
    *answer.mutable_error() = error;
    resolve(context, attempt, operation_of(attempt).end.value(context, attempt, answer));
    put_attempt(context, attempt);
}

// Whether the operation can be answered with that: nobody waits for a payer of a refund.
bool can_wait_for_payer(const pb::ChannelAttempt& attempt, const pb::NextAction& action) {
    return operation_of(attempt).waits.value != nullptr && attempt.compensates() == 0 && is_sound(action);
}

// The channel wants something of the payer, which it can want.
void wait_for_payer(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    if (!answer.channel_reference().empty()) attempt.set_channel_reference(answer.channel_reference());
    if (attempt.refuses_action()) {
        give_up(context, attempt, authentication_required());
        return;
    }
    const bool is_first = attempt.state() != pb::ATTEMPT_WAITING_FOR_PAYER;
    pb::Result result = operation_of(attempt).waits.value(context, attempt, answer.next_action());
    if (is_first) {
        attempt.set_state(pb::ATTEMPT_WAITING_FOR_PAYER);
        attempt.set_expires_ms(expires_at(context, answer.next_action()));
        context.due(DueClock::machine, attempt.expires_ms(), kExpiryDue, Key().be64(attempt.no()).view());
        resolve(context, attempt, std::move(result));
    }
    ask_again(context, attempt);
}

}  // namespace

// The channel took (or holds) money that our books do not want: it is given back.
void give_back(Context& context, const pb::ChannelAttempt& attempt, const std::string& channel_reference) {
    const bool took_money = operation_of(attempt).takes_money;
    if (took_money) to_suspense(context, attempt, false);
    compensate(context, attempt, took_money ? pb::CHANNEL_REFUND : pb::CHANNEL_VOID, channel_reference);
}

void close(Context& context, std::uint64_t attempt_no, std::string_view why) {
    auto attempt = find_attempt(context.rows, attempt_no);
    KONTOR_ASSERT(attempt && attempt->state() == pb::ATTEMPT_WAITING_FOR_PAYER,
                  "what is closed waits for the payer");
    compensate(context, *attempt, pb::CHANNEL_VOID, attempt->channel_reference());
    pb::PaymentError error;
    error.set_type(std::string(machine::error_type::invalid_request));
    error.set_code("payment_intent_unexpected_state");
    error.set_message(std::string(why));
    settle(context, *attempt, pb::ATTEMPT_FAILED, error);
    put_attempt(context, *attempt);
}

std::int64_t channel_back_off_ms(std::uint32_t tries) {
    const std::size_t at = tries == 0 ? 0 : tries - 1;
    return kBackOffSeconds[std::min(at, kBackOffSeconds.size() - 1)] * 1000;
}

pb::ChannelAttempt new_attempt(Context& context, const pb::PaymentIntent& intent,
                               pb::ChannelOperation operation, std::int64_t amount,
                               std::uint64_t account_no) {
    pb::ChannelAttempt attempt;
    attempt.set_no(context.next_no());
    attempt.set_merchant_no(intent.merchant_no());
    attempt.set_livemode(intent.livemode());
    attempt.set_account_no(account_no);
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
    context.link(attempt.intent_no(), kIntentAttempt, attempt.no());
    interim.set_waiting_on(attempt.no());
    return interim;
}

namespace {

bool is_answer(pb::AttemptState state) {
    return state == pb::ATTEMPT_SUCCEEDED || state == pb::ATTEMPT_FAILED || state == pb::ATTEMPT_UNKNOWN ||
           state == pb::ATTEMPT_WAITING_FOR_PAYER;
}

pb::Result no_answer() {
    return refuse(machine::outcome::invalid_parameter,
                  "A channel's answer is success, failure, unknown or what the payer has to do.", "state");
}

std::optional<pb::ChannelAttempt> attempt_of(Context& context, const pb::ChannelAnswered& answer) {
    return load<pb::ChannelAttempt>(context.rows, table::attempts, Key().be64(answer.attempt_no()));
}

// The same for answers and notices.
void take(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    context.scope = {attempt.merchant_no(), attempt.livemode()};
    const bool ended = attempt.state() == pb::ATTEMPT_SUCCEEDED || attempt.state() == pb::ATTEMPT_FAILED;
    if (ended) {
        // The same answer again says nothing new. A failure after success neither: the money is posted.
        if (attempt.state() == pb::ATTEMPT_FAILED && answer.state() == pb::ATTEMPT_SUCCEEDED &&
            !attempt.late_success()) {
            late_success(context, attempt, answer);
        }
        return;
    }
    const bool wants_payer = answer.state() == pb::ATTEMPT_WAITING_FOR_PAYER;
    // What is no answer changes nothing but the next try, and needs no audit record.
    if (answer.state() == pb::ATTEMPT_UNKNOWN ||
        (wants_payer && !can_wait_for_payer(attempt, answer.next_action()))) {
        ask_again(context, attempt);
        return;
    }
    // The same action again neither: it has one only where the action changed.
    if (wants_payer && attempt.state() == pb::ATTEMPT_WAITING_FOR_PAYER)
        return wait_for_payer(context, attempt, answer);
    accounts::enter_as(context, context.scope.merchant_no);
    pb::AuditRecord& audit_record = context.audit_record();
    audit_record.set_request_id(attempt.request_id());
    audit_record.set_idempotency_key(attempt.idempotency_key());
    if (wants_payer) return wait_for_payer(context, attempt, answer);
    attempt.set_tries(attempt.tries() + 1);
    settle(context, attempt, answer.state(), answer.error());
    if (attempt.compensates() != 0) {
        end_of_compensation(context, attempt, answer);
    } else {
        resolve(context, attempt, operation_of(attempt).end.value(context, attempt, answer));
    }
    put_attempt(context, attempt);
}

// What the payer's way back says: a payment that was canceled or tried again meanwhile has failed for him, as
// one has that the ledger did not take from the channel.
pb::Result as_it_stands(const Context& context, const pb::ChannelAttempt& attempt) {
    pb::Result result;
    const bool has_failed = attempt.state() == pb::ATTEMPT_FAILED;
    if (!has_failed && attempt.state() != pb::ATTEMPT_SUCCEEDED) return result;
    const auto intent =
        payments::find_intent(context.rows, {attempt.merchant_no(), attempt.livemode()}, attempt.intent_no());
    const bool is_paid = !has_failed && intent && intent->latest_charge_no() == attempt.charge_no() &&
                         (intent->status() == pb::SUCCEEDED || intent->status() == pb::REQUIRES_CAPTURE);
    result.set_attempt_state(is_paid ? pb::ATTEMPT_SUCCEEDED : pb::ATTEMPT_FAILED);
    return result;
}

}  // namespace

pb::Result channel_answered(Context& context, const pb::ChannelAnswered& answer) {
    auto attempt = attempt_of(context, answer);
    if (!attempt) return no_such("channel attempt", prefix::attempt, answer.attempt_no(), "attempt");
    if (!is_answer(answer.state())) return no_answer();
    take(context, *attempt, answer);
    return {};
}

pb::Result channel_notified(Context& context, const pb::ChannelNotified& notified) {
    const pb::ChannelAnswered& answer = notified.answer();
    const auto account = channels::find_account(context.rows, notified.account_no());
    auto attempt = attempt_of(context, answer);
    // Another account's attempt is as good as none: what a channel says is about its own.
    if (!account || !attempt || attempt->account_no() != notified.account_no())
        return no_such("channel attempt", prefix::attempt, answer.attempt_no(), "attempt");
    if (!is_answer(answer.state())) return no_answer();
    if (notified.notice_id().empty() || notified.notice_id().size() > channels::limits::kNoticeIdBytes)
        return refuse(machine::outcome::invalid_parameter, "A notice's id has 1 to 255 bytes.", "notice_id");
    switch (channels::remember_notice(context, *account, notified.notice_id())) {
        case channels::Notice::known:
            return as_it_stands(context, *attempt);
        case channels::Notice::too_many:
            return refuse(channels::outcome::too_many_notices,
                          "Too many notices of this channel account are remembered.");
        case channels::Notice::is_new:
            break;
    }
    const bool is_open = attempt->next_try_ms() != 0;
    if (answer.state() == pb::ATTEMPT_UNKNOWN &&
        is_open) {  // the channel says no more than that there is news
        unschedule(context, *attempt);
        attempt->set_next_try_ms(context.now.machine_ms);
        put_attempt(context, *attempt);
        schedule(context, *attempt);
        return as_it_stands(context, *attempt);
    }
    take(context, *attempt, answer);
    return as_it_stands(context, *attempt);
}

std::size_t expire_attempt(Context& context, DueClock /*clock*/, std::string_view payload,
                           std::size_t /*limit*/) {
    auto attempt = find_attempt(context.rows, get_be64(payload));
    KONTOR_ASSERT(attempt && attempt->state() == pb::ATTEMPT_WAITING_FOR_PAYER,
                  "what expires waits for the payer");
    const Scope before = context.scope;
    context.scope = {attempt->merchant_no(), attempt->livemode()};
    accounts::enter_as(context, context.scope.merchant_no);
    give_up(context, *attempt, payments::authentication_failure());
    context.scope = before;
    return 0;
}

}  // namespace kontor::attempts
