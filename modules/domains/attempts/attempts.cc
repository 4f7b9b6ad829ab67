#include "domains/attempts/attempts.h"

#include <algorithm>
#include <array>

#include "domains/accounts/accounts.h"
#include "domains/attempts/commands.h"
#include "domains/attempts/ids.h"
#include "domains/attempts/operations.h"
#include "domains/attempts/tables.h"
#include "domains/balances/postings.h"
#include "domains/payments/changes.h"
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

balances::AccountRef receivable() {
    return balances::of_platform(ledger::AccountKind::channel_receivable, balances::kSandboxChannel);
}
balances::AccountRef suspense() {
    return balances::of_platform(ledger::AccountKind::suspense, balances::kSandboxChannel);
}

void to_suspense(Context& context, const pb::ChannelAttempt& attempt, bool back) {
    balances::Chain chain(context, context.scope, attempt.currency(), attempt.no());
    if (back) {
        chain.move(balances::TransferCode::unexpected_back, suspense(), receivable(), attempt.amount());
    } else {
        chain.move(balances::TransferCode::unexpected, receivable(), suspense(), attempt.amount());
    }
    KONTOR_ASSERT(chain.run() == ledger::Status::ok, "suspense takes what nothing else takes");
}

// Success after the attempt had been booked as failed.
void late_success(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    attempt.set_late_success(true);
    put_attempt(context, attempt);
    payments::journal_about(context, attempt.intent_no());
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
    payments::journal_about(context, attempt.intent_no());
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

// The channel took (or holds) money that our books do not want: it is given back.
void give_back(Context& context, const pb::ChannelAttempt& attempt, const std::string& channel_reference) {
    const bool took_money = operation_of(attempt).takes_money;
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
    context.link(back.intent_no(), kIntentAttempt, back.no());
    payments::journal_about(context, back.intent_no());
}

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
    attempt.set_channel(std::string(balances::kSandboxName));
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

// The outcome of a command that waited for the attempt.
void resolve(Context& context, const pb::ChannelAttempt& attempt, pb::Result result) {
    answer_waiting(context, {attempt.no(), attempt.idempotency_row(), attempt.expand()}, std::move(result));
}

}  // namespace

pb::Result channel_answered(Context& context, const pb::ChannelAnswered& answer) {
    auto attempt = load<pb::ChannelAttempt>(context.rows, table::attempts, Key().be64(answer.attempt_no()));
    if (!attempt) return no_such("channel attempt", prefix::attempt, answer.attempt_no(), "attempt");
    if (answer.state() != pb::ATTEMPT_SUCCEEDED && answer.state() != pb::ATTEMPT_FAILED &&
        answer.state() != pb::ATTEMPT_UNKNOWN) {
        return refuse(machine::outcome::invalid_parameter,
                      "A channel's answer is success, failure or unknown.", "state");
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
    accounts::enter_as(context, context.scope.merchant_no);
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
        resolve(context, *attempt, operation_of(*attempt).end.value(context, *attempt, answer));
    }
    put_attempt(context, *attempt);
    return {};
}

}  // namespace kontor::attempts
