#include "refunds.h"

#include "attempts.h"
#include "commands.h"
#include "funds.h"
#include "kontor/payments/json.h"
#include "payment.h"
#include "previous.h"

namespace kontor::payments {
namespace {

pb::Result with_refund(const pb::Refund& refund) {
    pb::Result result;
    *result.mutable_refund() = refund;
    return result;
}

std::string refunded_before(std::int64_t amount) {
    return "{\"amount_refunded\":" + std::to_string(amount) + ",\"refunded\":false}";
}

// The charge that the command means; in `refused` why there is none.
std::optional<pb::Charge> charge_of(Context& context, const pb::CreateRefund& wanted, pb::Result& refused) {
    if (wanted.intent_no() == 0 && wanted.charge_no() == 0) {
        refused = refuse(pb::OUTCOME_INVALID_PARAMETER,
                         "One of the following params should be provided: payment_intent or charge.",
                         "payment_intent");
        return std::nullopt;
    }
    std::uint64_t charge_no = wanted.charge_no();
    if (wanted.intent_no() != 0) {
        const auto intent = find_intent(context.rows, context.scope, wanted.intent_no());
        if (!intent) {
            refused = no_such("payment_intent", prefix::intent, wanted.intent_no(), "payment_intent");
            return std::nullopt;
        }
        if (charge_no != 0 && charge_no != intent->latest_charge_no()) {
            refused = refuse(pb::OUTCOME_INVALID_PARAMETER,
                             "The charge does not belong to the PaymentIntent.", "charge");
            return std::nullopt;
        }
        charge_no = intent->latest_charge_no();
        if (charge_no == 0) {
            refused = refuse(pb::OUTCOME_CHARGE_NOT_REFUNDABLE,
                             "This PaymentIntent (" + format_id(prefix::intent, intent->no()) +
                                 ") does not have a successful charge to refund.");
            return std::nullopt;
        }
    }
    auto charge = find_charge(context.rows, context.scope, charge_no);
    if (!charge) refused = no_such("charge", prefix::charge, charge_no, "charge");
    return charge;
}

std::optional<pb::Result> cannot_refund(const pb::Charge& charge, const pb::CreateRefund& wanted) {
    const std::string id = format_id(prefix::charge, charge.no());
    if (charge.status() != pb::CHARGE_SUCCEEDED || !charge.captured()) {
        return refuse(
            pb::OUTCOME_CHARGE_NOT_REFUNDABLE,
            charge.status() == pb::CHARGE_SUCCEEDED
                ? "Charge " + id + " has not been captured and cannot be refunded: cancel it instead."
                : "Charge " + id + " did not succeed and cannot be refunded.");
    }
    const std::int64_t left = charge.amount_captured() - charge.amount_refunded();
    if (left == 0)
        return refuse(pb::OUTCOME_ALREADY_REFUNDED, "Charge " + id + " has already been refunded.");
    if (!wanted.has_amount()) return std::nullopt;
    if (wanted.amount() <= 0)
        return refuse(pb::OUTCOME_INVALID_PARAMETER, "The amount must be positive.", "amount");
    if (wanted.amount() > left) {
        return refuse(pb::OUTCOME_REFUND_TOO_LARGE,
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

pb::Result create_refund(Context& context, const pb::CreateRefund& wanted) {
    pb::Result refused;
    auto charge = charge_of(context, wanted, refused);
    if (!charge) return refused;
    if (auto bad = cannot_refund(*charge, wanted)) return *std::move(bad);
    pb::Refund refund = new_refund(context, *charge, wanted);
    if (!merge_metadata(refund.mutable_metadata(), wanted.metadata())) return metadata_too_long();
    const bool by_channel = charge->payment_method().kind() == pb::METHOD_CARD;
    switch (book_refund(context, refund, *charge, by_channel)) {
        case RefundBooking::ok:
            break;
        case RefundBooking::balance_insufficient:
            return refuse(pb::OUTCOME_BALANCE_INSUFFICIENT,
                          "Insufficient funds in your account to refund this charge.");
        case RefundBooking::refused:
            return refuse(pb::OUTCOME_LEDGER_REFUSED, "The ledger refused this refund.");
    }
    const std::string before = refunded_before(charge->amount_refunded());
    charge->set_amount_refunded(charge->amount_refunded() + refund.amount());
    charge->set_refunded(charge->amount_refunded() == charge->amount_captured());
    refund.set_status(by_channel ? pb::REFUND_PENDING : pb::REFUND_SUCCEEDED);

    std::optional<pb::ChannelAttempt> attempt;
    if (by_channel) {
        auto intent = find_intent(context.rows, context.scope, charge->intent_no());
        KONTOR_ASSERT(intent, "a charge belongs to an intent");
        attempt = new_attempt(context, *intent, pb::CHANNEL_REFUND, refund.amount());
        attempt->set_charge_no(charge->no());
        attempt->set_refund_no(refund.no());
        attempt->set_channel_reference(charge->channel_reference());
        *attempt->mutable_payment_method() = charge->payment_method();
        refund.set_attempt_no(attempt->no());
    }
    context.put(*charge);
    context.put(refund);
    context.link(refund.intent_no(), LinkKind::intent_refund, refund.no());
    context.link(refund.charge_no(), LinkKind::charge_refund, refund.no());
    context.event("refund.created", refund);
    context.event(by_channel ? "charge.updated" : "charge.refunded", *charge, before);
    if (by_channel) return start_attempt(context, *attempt, with_refund(refund));
    return with_refund(refund);
}

pb::Result end_of_refund(Context& context, const pb::ChannelAttempt& attempt,
                         const pb::ChannelAnswered& answer) {
    auto refund = find_refund(context.rows, context.scope, attempt.refund_no());
    auto charge = find_charge(context.rows, context.scope, attempt.charge_no());
    KONTOR_ASSERT(refund && charge, "a refund attempt has its refund and charge");
    refund->clear_attempt_no();
    if (answer.state() == pb::ATTEMPT_SUCCEEDED) {
        finish_refund(context, *refund);
        refund->set_status(pb::REFUND_SUCCEEDED);
        context.put(*refund);
        context.event("refund.updated", *refund, R"({"status":"pending"})");
        context.event("charge.refunded", *charge);
        return with_refund(*refund);
    }
    undo_refund(context, *refund);
    refund->set_status(pb::REFUND_FAILED);
    refund->set_failure_reason(answer.error().code().empty() ? "unknown" : answer.error().code());
    const std::string before = "{\"amount_refunded\":" + std::to_string(charge->amount_refunded()) +
                               ",\"refunded\":" + (charge->refunded() ? "true" : "false") + "}";
    charge->set_amount_refunded(charge->amount_refunded() - refund->amount());
    charge->set_refunded(false);
    context.put(*refund);
    context.put(*charge);
    context.event("refund.failed", *refund, R"({"status":"pending"})");
    context.event("charge.updated", *charge, before);
    return with_refund(*refund);
}

pb::Result update_refund(Context& context, const pb::UpdateRefund& wanted) {
    auto refund = find_refund(context.rows, context.scope, wanted.no());
    if (!refund) return no_such("refund", prefix::refund, wanted.no(), "refund");
    const Pairs before = refund->metadata();
    if (!merge_metadata(refund->mutable_metadata(), wanted.metadata(), wanted.clear_metadata()))
        return metadata_too_long();
    context.put(*refund);
    context.event("refund.updated", *refund, metadata_before(before, refund->metadata()));
    return with_refund(*refund);
}

}  // namespace kontor::payments
