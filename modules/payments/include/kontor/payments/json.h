#pragma once
// The Stripe-shaped JSON of objects: one place, used for API answers, webhook bodies and the admin UI.
// Pure: the same records give the same bytes.
//
// Errors: none. Limits: the records' own.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/payments/queries.h"

namespace kontor::pb {
class Result;
class Expanded;
}  // namespace kontor::pb

namespace kontor::payments {

// Ids of objects: prefixes are part of the API.
namespace prefix {
inline constexpr std::string_view customer = "cus", intent = "pi", charge = "ch", refund = "re",
                                  balance_transaction = "txn", event = "evt", webhook_endpoint = "we",
                                  merchant = "acct", api_key = "key", attempt = "att", delivery = "wd",
                                  operator_ = "op", request = "req", session = "ses";
}

// The paths asked for ("latest_charge", "data.customer"); objects found in `expanded`. Absent: the id is
// rendered.
struct Expansion {
    const pb::Expanded* objects = nullptr;
    std::vector<std::string> paths;
};

inline constexpr std::string_view kApiVersion = "2026-10-28.endive";

// "succeeded": an intent's status as the API, the reports and messages say it.
[[nodiscard]] std::string_view status_name(pb::IntentStatus status);

[[nodiscard]] std::string customer_json(const pb::Customer&, const Expansion& = {});
[[nodiscard]] std::string intent_json(const pb::PaymentIntent&, const Expansion& = {});
[[nodiscard]] std::string charge_json(const pb::Charge&, const Expansion& = {});
[[nodiscard]] std::string refund_json(const pb::Refund&, const Expansion& = {});
[[nodiscard]] std::string balance_transaction_json(const pb::BalanceTransaction&, const Expansion& = {});
// `secret`: only in the answer of its creation.
[[nodiscard]] std::string webhook_endpoint_json(const pb::WebhookEndpoint&, std::string_view secret = {});
// An event as webhook body and as API object: the same bytes.
[[nodiscard]] std::string event_json(const pb::Journal&, const pb::Event&);

// Finds the objects that `paths` name, starting from the objects in `result` (POST: inside apply(), so that
// an idempotent replay gives the same body) or in a read. Unknown paths are ignored here: api validates them.
void resolve_expansion(const store::Reader&, Scope, const std::vector<std::string>& paths,
                       pb::Result& result);
// True when `path` may be expanded on an object of this kind ("payment_intent", "charge", "refund", …), at
// most limits::kExpandDepth levels, without the list prefix "data.".
[[nodiscard]] bool is_expandable(std::string_view object_kind, std::string_view path);

}  // namespace kontor::payments
