#include "domains/payments/invariants.h"

#include "domains/attempts/attempts.h"
#include "domains/balances/balances.h"
#include "domains/balances/postings.h"
#include "domains/customers/customers.h"
#include "domains/payments/payments.h"
#include "domains/payments/tables.h"
#include "domains/refunds/refunds.h"
#include "kontor/ledger/ledger.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

namespace {

bool is_reserved(const store::Reader& rows, const pb::Charge& charge) {
    if (charge.pending_transfer_id().size() != 16) return false;
    const auto pending = ledger::find_pending(rows, balances::id_from_bytes(charge.pending_transfer_id()));
    return pending && pending->status == ledger::PendingStatus::pending;
}

void check_attempt(Audit& audit, Scope scope, const pb::PaymentIntent& intent) {
    const bool acts = intent.status() == pb::REQUIRES_ACTION;
    if ((intent.status() == pb::PROCESSING || acts) != (intent.attempt_no() != 0))
        audit.broken(
            scope, intent.no(),
            "a payment intent is processing or waits for the payer while a channel is asked, and only "
            "then");
    if (acts != intent.has_next_action())
        audit.broken(scope, intent.no(),
                     "a payment intent names the payer's action while it waits for it, and only then");
    if (intent.attempt_no() == 0) return;
    const auto attempt = attempts::find_attempt(audit.rows, intent.attempt_no());
    if (!attempt || attempt->intent_no() != intent.no() || attempt->state() == pb::ATTEMPT_SUCCEEDED ||
        attempt->state() == pb::ATTEMPT_FAILED)
        return audit.broken(scope, intent.no(), "the payment intent waits for an attempt that is not open");
    if (acts != (attempt->state() == pb::ATTEMPT_WAITING_FOR_PAYER))
        audit.broken(scope, intent.no(),
                     "the payment intent and its attempt differ about whom they wait for");
}

void check_amounts(Audit& audit, Scope scope, const pb::PaymentIntent& intent) {
    const std::uint64_t no = intent.no();
    const auto charge = find_charge(audit.rows, scope, intent.latest_charge_no());
    if (intent.latest_charge_no() != 0 && (!charge || charge->intent_no() != no))
        return audit.broken(scope, no, "the payment intent's latest charge is not there");
    const std::int64_t captured = charge ? charge->amount_captured() : 0;
    if (intent.amount_received() != captured)
        audit.broken(scope, no,
                     "the payment intent received " + std::to_string(intent.amount_received()) +
                         " and its charge captured " + std::to_string(captured));
    if ((intent.status() == pb::SUCCEEDED) != (captured > 0))
        audit.broken(scope, no, "a payment intent has succeeded when its charge was captured, and only then");
    if (intent.status() == pb::REQUIRES_CAPTURE) {
        if (!charge || intent.amount_capturable() != charge->amount() || !is_reserved(audit.rows, *charge))
            audit.broken(scope, no,
                         "the payment intent can be captured, and its charge is not reserved in the ledger");
    } else if (intent.amount_capturable() != 0 && intent.status() != pb::PROCESSING) {
        audit.broken(scope, no, "the payment intent names an amount that cannot be captured");
    }
}

void check_charge(Audit& audit, Scope scope, const pb::Charge& charge) {
    const std::uint64_t no = charge.no();
    if (charge.amount() <= 0 || charge.amount_captured() < 0 || charge.amount_refunded() < 0 ||
        charge.amount_refunded() > charge.amount_captured() || charge.amount_captured() > charge.amount())
        audit.broken(scope, no,
                     "the charge says refunded " + std::to_string(charge.amount_refunded()) + ", captured " +
                         std::to_string(charge.amount_captured()) + ", amount " +
                         std::to_string(charge.amount()));
    const bool fully = charge.captured() && charge.amount_refunded() == charge.amount_captured();
    if (charge.captured() != (charge.amount_captured() > 0) || charge.refunded() != fully ||
        (charge.captured() && charge.status() != pb::CHARGE_SUCCEEDED))
        audit.broken(scope, no, "the charge's status and amounts differ");
    if (!charge.captured()) return;
    const auto posted =
        balances::find_balance_transaction(audit.rows, scope, charge.balance_transaction_no());
    if (!posted || posted->amount() != charge.amount_captured() || posted->fee() != charge.fee() ||
        posted->currency() != charge.currency())
        audit.broken(scope, no, "the charge's balance transaction is not there, or says another amount");
}

}  // namespace

bool is_intent_of_customer(const store::Reader& rows, Scope scope, std::uint64_t customer_no,
                           std::uint64_t intent_no) {
    // A customer that the intent had before keeps the link.
    return customers::find_customer(rows, scope, customer_no) && find_intent(rows, scope, intent_no);
}
bool is_charge_of_customer(const store::Reader& rows, Scope scope, std::uint64_t customer_no,
                           std::uint64_t charge_no) {
    const auto charge = find_charge(rows, scope, charge_no);
    return charge && charge->customer_no() == customer_no &&
           customers::find_customer(rows, scope, customer_no);
}
bool is_charge_of_intent(const store::Reader& rows, Scope scope, std::uint64_t intent_no,
                         std::uint64_t charge_no) {
    const auto charge = find_charge(rows, scope, charge_no);
    return charge && charge->intent_no() == intent_no && find_intent(rows, scope, intent_no);
}
bool is_audit_record_of_intent(const store::Reader& rows, Scope scope, std::uint64_t intent_no,
                               std::uint64_t audit_record_no) {
    return find_intent(rows, scope, intent_no) &&
           rows.get(machine::table::audit_records, object_key(scope, audit_record_no).view());
}

void check_intents(Audit& audit) {
    audit.each_object<pb::PaymentIntent>(
        table::intents, "payment_intents", [&](Scope scope, const pb::PaymentIntent& intent) {
            check_attempt(audit, scope, intent);
            check_amounts(audit, scope, intent);
            const std::uint64_t customer = intent.customer_no();
            if (customer != 0 &&
                !audit.has(machine::table::links, link_key(scope, customer, kCustomerIntent, intent.no())))
                audit.broken(scope, intent.no(), "the payment intent's customer does not lead to it");
        });
}

void check_charges(Audit& audit) {
    audit.each_object<pb::Charge>(table::charges, "charges", [&](Scope scope, const pb::Charge& charge) {
        check_charge(audit, scope, charge);
        if (!audit.has(machine::table::links,
                       link_key(scope, charge.intent_no(), kIntentCharge, charge.no())))
            audit.broken(scope, charge.no(), "the charge's payment intent does not lead to it");
        const std::uint64_t customer = charge.customer_no();
        if (customer != 0 &&
            !audit.has(machine::table::links, link_key(scope, customer, kCustomerCharge, charge.no())))
            audit.broken(scope, charge.no(), "the charge's customer does not lead to it");
        if (charge.amount_refunded() == 0) return;
        ListQuery query;
        query.charge_no = charge.no();
        query.limit = 1;
        if (refunds::list_refunds(audit.rows, scope, query).rows.empty())
            audit.broken(scope, charge.no(), "the charge was refunded, and no refund says so");
    });
}

}  // namespace kontor::payments
