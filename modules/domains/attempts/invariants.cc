#include "domains/attempts/invariants.h"

#include "domains/attempts/attempts.h"
#include "domains/attempts/tables.h"
#include "domains/channels/channels.h"
#include "domains/payments/payments.h"
#include "domains/refunds/refunds.h"

namespace kontor::attempts {

using namespace machine;  // the frame's words

namespace {

bool is_open(const pb::ChannelAttempt& attempt) {
    return attempt.state() == pb::ATTEMPT_WAITING || attempt.state() == pb::ATTEMPT_UNKNOWN ||
           attempt.state() == pb::ATTEMPT_WAITING_FOR_PAYER;
}

}  // namespace

bool is_attempt_of_intent(const store::Reader& rows, Scope scope, std::uint64_t intent_no,
                          std::uint64_t attempt_no) {
    const auto attempt = find_attempt(rows, attempt_no);
    return attempt && Scope{attempt->merchant_no(), attempt->livemode()} == scope &&
           attempt->intent_no() == intent_no;
}

bool is_asked_at(const store::Reader& rows, std::int64_t due_ms, std::uint64_t attempt_no) {
    const auto attempt = find_attempt(rows, attempt_no);
    return attempt && is_open(*attempt) && attempt->next_try_ms() == due_ms;
}

void check_attempts(Audit& audit) {
    audit.each_numbered<pb::ChannelAttempt>(
        table::attempts, "channel_attempts", [&](Scope scope, const pb::ChannelAttempt& attempt) {
            const std::uint64_t no = attempt.no();
            if (!payments::find_intent(audit.rows, scope, attempt.intent_no()))
                audit.broken(scope, no, "the attempt's payment intent is not there");
            if (!audit.has(machine::table::links, link_key(scope, attempt.intent_no(), kIntentAttempt, no)))
                audit.broken(scope, no, "the attempt's payment intent does not lead to it");
            if (attempt.charge_no() != 0 && !payments::find_charge(audit.rows, scope, attempt.charge_no()))
                audit.broken(scope, no, "the attempt's charge is not there");
            if (attempt.refund_no() != 0 && !refunds::find_refund(audit.rows, scope, attempt.refund_no()))
                audit.broken(scope, no, "the attempt's refund is not there");
            if (!channels::find_account(audit.rows, attempt.account_no()))
                audit.broken(scope, no, "the attempt's channel account is not there");
            const bool waits = attempt.state() == pb::ATTEMPT_WAITING_FOR_PAYER;
            if (waits != (attempt.expires_ms() != 0) ||
                (waits && !audit.has(machine::table::due, expiry_due_key(attempt.expires_ms(), no))))
                audit.broken(scope, no,
                             "an attempt ends by itself while it waits for the payer, and only then");
            if (!is_open(attempt)) {
                if (attempt.next_try_ms() != 0)
                    audit.broken(scope, no, "the attempt ended and has a next try");
                return;
            }
            if (!audit.has(machine::table::outbox_due, outbox_key(kAttemptOutbox, attempt.next_try_ms(), no)))
                audit.broken(scope, no, "the open attempt is not in the outbox");
            if (attempt.idempotency_row().empty()) return;
            const auto record = load<pb::IdempotencyRecord>(audit.rows, machine::table::idempotency,
                                                            Key().bytes(attempt.idempotency_row()));
            if (!record || record->complete())
                audit.broken(scope, no, "the open attempt's idempotency record does not wait for it");
        });
}

}  // namespace kontor::attempts
