#pragma once
// Payment intents and their charges.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/json/fields.h"
#include "kontor/machine/events.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/links.h"
#include "kontor/machine/page.h"
#include "kontor/payments.pb.h"

namespace kontor::payments {

[[nodiscard]] std::optional<pb::PaymentIntent> find_intent(const store::Reader&, machine::Scope,
                                                           std::uint64_t no);
[[nodiscard]] std::optional<pb::Charge> find_charge(const store::Reader&, machine::Scope, std::uint64_t no);
// Newest first.
[[nodiscard]] machine::Listed<pb::PaymentIntent> list_intents(const store::Reader&, machine::Scope,
                                                              const machine::ListQuery&);
[[nodiscard]] machine::Listed<pb::PaymentIntent> list_intents(const store::Reader&, machine::Scope,
                                                              const machine::ListQuery&, machine::Bound&);
[[nodiscard]] machine::Listed<pb::Charge> list_charges(const store::Reader&, machine::Scope,
                                                       const machine::ListQuery&);
[[nodiscard]] machine::Listed<pb::Charge> list_charges(const store::Reader&, machine::Scope,
                                                       const machine::ListQuery&, machine::Bound&);
// Audit records that belong to one intent (found by its index), oldest first.
[[nodiscard]] std::vector<std::shared_ptr<const pb::AuditRecord>> audit_records_of_intent(
    const store::Reader&, machine::Scope, std::uint64_t intent_no, std::uint64_t after_no = 0,
    std::size_t limit = machine::kRelatedMax);

// How a payment ends whose payer failed or did not come; connectors say the same code.
inline constexpr std::string_view kAuthenticationFailure = "payment_intent_authentication_failure";
[[nodiscard]] pb::PaymentError authentication_failure();

// "succeeded": an intent's status as the API, the reports and messages say it.
[[nodiscard]] std::string_view status_name(pb::IntentStatus status);
extern const fields::Shape kIntentShape, kChargeShape;
[[nodiscard]] std::string intent_json(const pb::PaymentIntent&, const machine::Expansion& = {});
[[nodiscard]] std::string charge_json(const pb::Charge&, const machine::Expansion& = {});
// Where an expandable field leads.
[[nodiscard]] fields::Pointer intent_reference(const pb::PaymentIntent&, std::string_view field);
[[nodiscard]] fields::Pointer charge_reference(const pb::Charge&, std::string_view field);
// previous_attributes of a charge that was captured: there is one capture, and nothing before it.
[[nodiscard]] std::string captured_before();
// The same of a charge of which something is, or was, given back.
[[nodiscard]] std::string refunded_before(const pb::Charge& charge);

}  // namespace kontor::payments
