#pragma once
// Paying an intent: by wallet at once, by card through a channel attempt; and what follows from the outcome.
// `created`: the intent is new in this command, so its first event comes first.

#include <optional>

#include "kontor/ledger/ledger.h"
#include "kontor/machine/context.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

[[nodiscard]] bool awaits_confirmation(pb::IntentStatus status);  // requires_payment_method … requires_action

// Why the intent's method cannot be tried, before anything is written; nullopt: it can. `customer_checked`:
// this command has seen the customer already.
[[nodiscard]] std::optional<pb::Result> cannot_pay(machine::Context& context, const pb::PaymentIntent& intent,
                                                   bool customer_checked);
// The intent has its method and passed cannot_pay(). Writes the intent.
[[nodiscard]] pb::Result pay(machine::Context& context, pb::PaymentIntent& intent, bool created);

[[nodiscard]] pb::Charge new_charge(machine::Context& context, const pb::PaymentIntent& intent);
// Each writes intent and charge and announces them.
[[nodiscard]] pb::Result paid(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                              bool created);
[[nodiscard]] pb::Result authorized(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                                    bool created);
[[nodiscard]] pb::Result declined(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                                  const pb::PaymentError& error, bool created);
[[nodiscard]] pb::Result captured(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge);
[[nodiscard]] pb::Result canceled(machine::Context& context, pb::PaymentIntent& intent);
// Reserves the charge's whole amount from the payer for a later capture.
[[nodiscard]] ledger::Status reserve_charge(machine::Context& context, pb::Charge& charge);
// Gives the reservation back.
void release_charge(machine::Context& context, pb::Charge& charge);

[[nodiscard]] const machine::Outcome& outcome_of(const pb::PaymentError& error);
[[nodiscard]] pb::Result with_intent(const pb::PaymentIntent& intent);

}  // namespace kontor::payments
