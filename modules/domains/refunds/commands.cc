#include "domains/refunds/commands.h"

#include "domains/attempts/attempts.h"
#include "domains/balances/funds.h"
#include "domains/channels/channels.h"
#include "domains/payments/changes.h"
#include "domains/payments/ids.h"
#include "domains/payments/payments.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/outcomes.h"
#include "domains/refunds/refunds.h"
#include "domains/refunds/tables.h"
#include "kontor/bodies.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/refuse.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::refunds {

using namespace machine;  // the frame's words

namespace {

void put(Context& context, const pb::Refund& row) {
    context.put(table::refunds, object_key(context.scope, row.no()), row);
}
void event(Context& context, std::string_view type, const pb::Refund& row, std::string previous = {}) {
    context.event(type, pb::refund, row, std::move(previous));
    payments::audit_record_about(context, row.intent_no());
}

pb::Result with_refund(const pb::Refund& refund) {
    pb::Result result;
    *mutable_object(result, pb::refund) = refund;
    return result;
}

// The charge that the command means; in `refused` why there is none.
std::optional<pb::Charge> charge_of(Context& context, const pb::CreateRefund& wanted, pb::Result& refused) {
    if (wanted.intent_no() == 0 && wanted.charge_no() == 0) {
        refused = refuse(machine::outcome::invalid_parameter,
                         "One of the following params should be provided: payment_intent or charge.",
                         "payment_intent");
        return std::nullopt;
    }
    std::uint64_t charge_no = wanted.charge_no();
    if (wanted.intent_no() != 0) {
        const auto intent = payments::find_intent(context.rows, context.scope, wanted.intent_no());
        if (!intent) {
            refused =
                no_such("payment_intent", payments::prefix::intent, wanted.intent_no(), "payment_intent");
            return std::nullopt;
        }
        if (charge_no != 0 && charge_no != intent->latest_charge_no()) {
            refused = refuse(machine::outcome::invalid_parameter,
                             "The charge does not belong to the PaymentIntent.", "charge");
            return std::nullopt;
        }
        charge_no = intent->latest_charge_no();
        if (charge_no == 0) {
            refused = refuse(outcome::charge_not_refundable,
                             "This PaymentIntent (" + format_id(payments::prefix::intent, intent->no()) +
                                 ") does not have a successful charge to refund.");
            return std::nullopt;
        }
    }
    auto charge = payments::find_charge(context.rows, context.scope, charge_no);
    if (!charge) refused = no_such("charge", payments::prefix::charge, charge_no, "charge");
    return charge;
}

std::optional<pb::Result> cannot_refund(const pb::Charge& charge, const pb::CreateRefund& wanted) {
    const std::string id = format_id(payments::prefix::charge, charge.no());
    if (charge.status() != pb::CHARGE_SUCCEEDED || !charge.captured()) {
        return refuse(
            outcome::charge_not_refundable,
            charge.status() == pb::CHARGE_SUCCEEDED
                ? "Charge " + id + " has not been captured and cannot be refunded: cancel it instead."
                : "Charge " + id + " did not succeed and cannot be refunded.");
    }
    const std::int64_t left = charge.amount_captured() - charge.amount_refunded();
    if (left == 0) return refuse(outcome::already_refunded, "Charge " + id + " has already been refunded.");
    if (!wanted.has_amount()) return std::nullopt;
    if (wanted.amount() <= 0)
        return refuse(machine::outcome::invalid_parameter, "The amount must be positive.", "amount");
    if (wanted.amount() > left) {
        return refuse(outcome::refund_too_large,
                      "Refund amount (" + std::to_string(wanted.amount()) +
                          ") is greater than unrefunded amount on charge (" + std::to_string(left) + ").",
                      "amount");
    }
    return std::nullopt;
}

pb::Refund new_refund(Context& context, const pb::Charge& charge, const pb::CreateRefund& wanted) {
    pb::Refund refund;
    refund.set_no(context.next_no());
    refund.set_merchant_no(charge.merchant_no());
    refund.set_livemode(charge.livemode());
    refund.set_charge_no(charge.no());
    refund.set_intent_no(charge.intent_no());
    refund.set_amount(wanted.has_amount() ? wanted.amount()
                                          : charge.amount_captured() - charge.amount_refunded());
    refund.set_currency(charge.currency());
    refund.set_reason(wanted.reason());
    refund.set_created_ms(context.now.utc_ms);
    refund.set_customer_no(charge.customer_no());
    *refund.mutable_payment_method() = charge.payment_method();
    return refund;
}

}  // namespace

std::optional<Amount> amount_of_create_refund(const Context& context) {
    const auto& wanted = body(context.command, pb::create_refund);
    std::uint64_t charge_no = wanted.charge_no();
    if (const auto intent = payments::find_intent(context.rows, context.scope, wanted.intent_no()))
        charge_no = intent->latest_charge_no();
    const auto charge = payments::find_charge(context.rows, context.scope, charge_no);
    if (!charge) return std::nullopt;
    return Amount{charge->currency(), wanted.has_amount()
                                          ? wanted.amount()
                                          : charge->amount_captured() - charge->amount_refunded()};
}

pb::Result create_refund(Context& context, const pb::CreateRefund& wanted) {
    pb::Result refused;
    auto charge = charge_of(context, wanted, refused);
    if (!charge) return refused;
    if (auto bad = cannot_refund(*charge, wanted)) return *std::move(bad);
    const bool by_channel = charge->account_no() != 0;
    if (by_channel) {
        if (auto bad = channels::cannot_ask(context.rows, charge->account_no(),
                                            charge->payment_method().type(), pb::CHANNEL_REFUND))
            return *std::move(bad);
    }
    pb::Refund refund = new_refund(context, *charge, wanted);
    if (!merge_metadata(refund.mutable_metadata(), wanted.metadata())) return metadata_too_long();
    switch (balances::post_refund(context, refund, *charge, by_channel)) {
        case balances::RefundPosting::ok:
            break;
        case balances::RefundPosting::balance_insufficient:
            return refuse(outcome::balance_insufficient,
                          "Insufficient funds in your account to refund this charge.");
        case balances::RefundPosting::refused:
            return refuse(machine::outcome::ledger_refused, "The ledger refused this refund.");
    }
    const std::string before = payments::refunded_before(*charge);
    charge->set_amount_refunded(charge->amount_refunded() + refund.amount());
    charge->set_refunded(charge->amount_refunded() == charge->amount_captured());
    refund.set_status(by_channel ? pb::REFUND_PENDING : pb::REFUND_SUCCEEDED);

    std::optional<pb::ChannelAttempt> attempt;
    if (by_channel) {
        auto intent = payments::find_intent(context.rows, context.scope, charge->intent_no());
        KONTOR_ASSERT(intent, "a charge belongs to an intent");
        attempt = attempts::new_attempt(context, *intent, pb::CHANNEL_REFUND, refund.amount(),
                                        charge->account_no());
        attempt->set_charge_no(charge->no());
        attempt->set_refund_no(refund.no());
        attempt->set_channel_reference(charge->channel_reference());
        *attempt->mutable_payment_method() = charge->payment_method();
        refund.set_attempt_no(attempt->no());
    }
    payments::put(context, *charge);
    put(context, refund);
    context.link(refund.intent_no(), kIntentRefund, refund.no());
    context.link(refund.charge_no(), kChargeRefund, refund.no());
    event(context, "refund.created", refund);
    payments::event(context, by_channel ? "charge.updated" : "charge.refunded", *charge, before);
    if (by_channel) return attempts::start_attempt(context, *attempt, with_refund(refund));
    return with_refund(refund);
}

pb::Result end_of_refund(Context& context, pb::ChannelAttempt& attempt, const pb::ChannelAnswered& answer) {
    auto refund = find_refund(context.rows, context.scope, attempt.refund_no());
    auto charge = payments::find_charge(context.rows, context.scope, attempt.charge_no());
    KONTOR_ASSERT(refund && charge, "a refund attempt has its refund and charge");
    const std::string was_under_way = status_before(*refund);
    refund->clear_attempt_no();
    if (answer.state() == pb::ATTEMPT_SUCCEEDED) {
        balances::finish_refund(context, *refund);
        refund->set_status(pb::REFUND_SUCCEEDED);
        put(context, *refund);
        event(context, "refund.updated", *refund, was_under_way);
        payments::event(context, "charge.refunded", *charge);
        return with_refund(*refund);
    }
    balances::undo_refund(context, *refund);
    refund->set_status(pb::REFUND_FAILED);
    refund->set_failure_reason(answer.error().code().empty() ? "unknown" : answer.error().code());
    const std::string before = payments::refunded_before(*charge);
    charge->set_amount_refunded(charge->amount_refunded() - refund->amount());
    charge->set_refunded(false);
    put(context, *refund);
    payments::put(context, *charge);
    event(context, "refund.failed", *refund, was_under_way);
    payments::event(context, "charge.updated", *charge, before);
    return with_refund(*refund);
}

pb::Result update_refund(Context& context, const pb::UpdateRefund& wanted) {
    auto refund = find_refund(context.rows, context.scope, wanted.no());
    if (!refund) return no_such("refund", prefix::refund, wanted.no(), "refund");
    const pb::Refund before = *refund;
    if (!merge_metadata(refund->mutable_metadata(), wanted.metadata(), wanted.clear_metadata()))
        return metadata_too_long();
    put(context, *refund);
    event(context, "refund.updated", *refund, refund_changes(before, *refund));
    return with_refund(*refund);
}

}  // namespace kontor::refunds
