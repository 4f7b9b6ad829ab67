#pragma once
// Paying an intent: by wallet at once, by card through a channel attempt; and what follows from the outcome.
// `created`: the intent is new in this command, so its first event comes first.

#include <optional>

#include "context.h"

namespace kontor::payments {

[[nodiscard]] bool awaits_confirmation(pb::IntentStatus status);  // requires_payment_method … requires_action

// Why the intent's method cannot be tried, before anything is written; nullopt: it can. `customer_checked`:
// this command has seen the customer already.
[[nodiscard]] std::optional<pb::Result> cannot_pay(Context& context, const pb::PaymentIntent& intent,
                                                   bool customer_checked);
// The intent has its method and passed cannot_pay(). Writes the intent.
[[nodiscard]] pb::Result pay(Context& context, pb::PaymentIntent& intent, bool created);

[[nodiscard]] pb::Charge new_charge(Context& context, const pb::PaymentIntent& intent);
// Each writes intent and charge and announces them.
[[nodiscard]] pb::Result paid(Context& context, pb::PaymentIntent& intent, pb::Charge& charge, bool created);
[[nodiscard]] pb::Result authorized(Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                                    bool created);
[[nodiscard]] pb::Result declined(Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                                  const pb::PaymentError& error, bool created);
[[nodiscard]] pb::Result captured(Context& context, pb::PaymentIntent& intent, pb::Charge& charge);
[[nodiscard]] pb::Result canceled(Context& context, pb::PaymentIntent& intent);
// Reserves the charge's whole amount from the payer for a later capture.
[[nodiscard]] ledger::Status reserve_charge(Context& context, pb::Charge& charge);
// Gives the reservation back.
void release_charge(Context& context, pb::Charge& charge);

[[nodiscard]] pb::Outcome outcome_of(const pb::PaymentError& error);
[[nodiscard]] pb::Result with_intent(const pb::PaymentIntent& intent);

}  // namespace kontor::payments
