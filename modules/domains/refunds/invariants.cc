#include "domains/refunds/invariants.h"

#include "domains/attempts/attempts.h"
#include "domains/balances/balances.h"
#include "domains/payments/payments.h"
#include "domains/refunds/refunds.h"
#include "domains/refunds/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/machine/links.h"

namespace kontor::refunds {

using namespace machine;  // the frame's words

namespace {

// What all refunds of a charge took, those under way among them. Numbers first: other reads end a scan's
// views.
std::int64_t sum_of(const store::Reader& rows, Scope scope, std::uint64_t charge_no) {
    std::int64_t sum = 0;
    for (std::uint64_t after = 0;;) {
        const auto numbers = linked(rows, scope, charge_no, kChargeRefund, after, kRowsPerRead);
        for (const std::uint64_t no : numbers)
            if (const auto refund = find_refund(rows, scope, no);
                refund && refund->status() != pb::REFUND_FAILED)
                sum += refund->amount();
        if (numbers.size() < kRowsPerRead) return sum;
        after = numbers.back();
    }
}

bool is_first(const store::Reader& rows, Scope scope, const pb::Refund& refund) {
    const auto first = linked(rows, scope, refund.charge_no(), kChargeRefund, 0, 1);
    return !first.empty() && first[0] == refund.no();
}

void check_posting(Audit& audit, Scope scope, const pb::Refund& refund) {
    if (refund.amount() <= 0 || refund.from_available() < 0 || refund.from_pending() < 0 ||
        refund.from_available() + refund.from_pending() != refund.amount())
        audit.broken(scope, refund.no(), "the refund's parts are not its amount");
    const auto posted =
        balances::find_balance_transaction(audit.rows, scope, refund.balance_transaction_no());
    if (!posted || posted->amount() != -refund.amount() || posted->currency() != refund.currency())
        audit.broken(scope, refund.no(),
                     "the refund's balance transaction is not there, or says another amount");
    const bool failed = refund.status() == pb::REFUND_FAILED;
    if (failed != (refund.failure_balance_transaction_no() != 0) ||
        (failed &&
         !balances::find_balance_transaction(audit.rows, scope, refund.failure_balance_transaction_no())))
        audit.broken(scope, refund.no(), "a refund that failed is given back, and only that");
}

void check_attempt(Audit& audit, Scope scope, const pb::Refund& refund) {
    if ((refund.status() == pb::REFUND_PENDING) != (refund.attempt_no() != 0))
        return audit.broken(scope, refund.no(),
                            "a refund is pending while a channel is asked, and only then");
    if (refund.attempt_no() == 0) return;
    const auto attempt = attempts::find_attempt(audit.rows, refund.attempt_no());
    if (!attempt || attempt->refund_no() != refund.no())
        audit.broken(scope, refund.no(), "the refund waits for an attempt that is not its own");
}

}  // namespace

bool is_refund_of_intent(const store::Reader& rows, Scope scope, std::uint64_t intent_no,
                         std::uint64_t refund_no) {
    const auto refund = find_refund(rows, scope, refund_no);
    return refund && refund->intent_no() == intent_no && payments::find_intent(rows, scope, intent_no);
}
bool is_refund_of_charge(const store::Reader& rows, Scope scope, std::uint64_t charge_no,
                         std::uint64_t refund_no) {
    const auto refund = find_refund(rows, scope, refund_no);
    return refund && refund->charge_no() == charge_no && payments::find_charge(rows, scope, charge_no);
}

void check_refunds(Audit& audit) {
    audit.each_object<pb::Refund>(table::refunds, "refunds", [&](Scope scope, const pb::Refund& refund) {
        const std::uint64_t no = refund.no();
        const auto charge = payments::find_charge(audit.rows, scope, refund.charge_no());
        if (!charge || charge->intent_no() != refund.intent_no())
            return audit.broken(scope, no, "the refund's charge is not there, or another payment intent's");
        check_posting(audit, scope, refund);
        check_attempt(audit, scope, refund);
        if (!audit.has(machine::table::links, link_key(scope, refund.intent_no(), kIntentRefund, no)) ||
            !audit.has(machine::table::links, link_key(scope, refund.charge_no(), kChargeRefund, no)))
            audit.broken(scope, no, "the refund's payment intent or charge does not lead to it");
        if (!is_first(audit.rows, scope, refund)) return;  // once a charge
        const std::int64_t sum = sum_of(audit.rows, scope, refund.charge_no());
        if (sum != charge->amount_refunded())
            audit.broken(scope, charge->no(),
                         "the charge says refunded " + std::to_string(charge->amount_refunded()) +
                             ", and its refunds are " + std::to_string(sum));
    });
}

}  // namespace kontor::refunds
