#pragma once
// Paying an intent: by the ledger at once, or through a channel attempt; and what follows from the outcome.
// `created`: the intent is new in this command, so its first event comes first.

#include <cstdint>
#include <optional>
#include <string_view>

#include "kontor/ledger/ledger.h"
#include "kontor/machine/context.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

[[nodiscard]] bool awaits_confirmation(pb::IntentStatus status);  // requires_payment_method … requires_action

struct Terms {
    bool created = false;          // by this command, which has seen the customer already
    bool refuses_action = false;   // an action of the payer is a decline
    std::uint64_t account_no = 0;  // the channel account that takes it, by cannot_pay(); 0: the ledger
};
// Why the intent's method cannot be tried, before anything is written; nullopt: it can, and `terms` say by
// whom.
[[nodiscard]] std::optional<pb::Result> cannot_pay(machine::Context& context, const pb::PaymentIntent& intent,
                                                   Terms& terms);
// The intent has its method and passed cannot_pay(). Writes the intent; closes an attempt that waits for the
// payer.
[[nodiscard]] pb::Result pay(machine::Context& context, pb::PaymentIntent& intent, const Terms& terms);
// What waits for the payer is not wanted any more; `intent` keeps its status.
void close_waiting(machine::Context& context, pb::PaymentIntent& intent, std::string_view why);
// No channel is asked, and nothing is wanted of the payer.
void at_rest(pb::PaymentIntent& intent);

[[nodiscard]] pb::Charge new_charge(machine::Context& context, const pb::PaymentIntent& intent);
// Each writes intent and charge and announces them.
[[nodiscard]] pb::Result paid(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                              bool created);
[[nodiscard]] pb::Result authorized(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                                    bool created);
[[nodiscard]] pb::Result declined(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge,
                                  const pb::PaymentError& error, bool created);
// The payer did not do what the channel wanted: no charge, and another try needs a method again.
[[nodiscard]] pb::Result left(machine::Context& context, pb::PaymentIntent& intent,
                              const pb::PaymentError& error);
[[nodiscard]] pb::Result captured(machine::Context& context, pb::PaymentIntent& intent, pb::Charge& charge);
[[nodiscard]] pb::Result canceled(machine::Context& context, pb::PaymentIntent& intent);
// Reserves the charge's whole amount from the payer for a later capture.
[[nodiscard]] ledger::Status reserve_charge(machine::Context& context, pb::Charge& charge);
// Gives the reservation back.
void release_charge(machine::Context& context, pb::Charge& charge);

[[nodiscard]] const machine::Outcome& outcome_of(const pb::PaymentError& error);
[[nodiscard]] pb::Result with_intent(const pb::PaymentIntent& intent);
// The channel or the payer decided against it: the answer shows the intent as it is now.
[[nodiscard]] pb::Result refused_with(const pb::PaymentIntent& intent, const pb::PaymentError& error);

}  // namespace kontor::payments
