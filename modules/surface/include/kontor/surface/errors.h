#pragma once
// Errors as merchants see them: the Stripe-shaped error object, and the one table from outcomes and operating
// failures to HTTP status, type and code.
//
// Threading: value types. Limits: messages quote at most 120 bytes of input.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/base/error.h"

namespace kontor::machine {
class Registry;
}
namespace kontor::pb {
class Result;
}

namespace kontor::surface {

struct ApiError {
    int status = 400;
    std::string_view type = "invalid_request_error";
    std::string code;  // "" : none
    std::string message;
    std::string param;  // "" : none
    std::string decline_code = {};
    std::string charge_id = {};
    std::string payment_intent_json = {};
    bool retry = false;         // Retry-After and Stripe-Should-Retry: true
    bool never_retry = false;   // Stripe-Should-Retry: false
    std::uint32_t outcome = 0;  // of the command; 0: it never became one
};

[[nodiscard]] std::string error_json(const ApiError& error);

// Errors of requests that never reach the state machine.
[[nodiscard]] ApiError invalid(std::string message, std::string param = {}, std::string code = {});
[[nodiscard]] ApiError unknown_parameter(std::string param);
[[nodiscard]] ApiError missing_parameter(std::string param);
[[nodiscard]] ApiError no_event_type(const std::string& param, std::string_view type);
[[nodiscard]] ApiError exclusive_parameters(std::string_view one, std::string_view other);
// 404 when the id stood in the path, 400 when a parameter named it.
[[nodiscard]] ApiError no_such(std::string_view object, std::string_view id, std::string param, bool in_path);
[[nodiscard]] ApiError unauthenticated(std::string message, std::string code = {});

// The outcome of a command that is not OUTCOME_OK, as its row says; what its resource has to add is not there
// yet (Catalogue::explain).
[[nodiscard]] ApiError from_outcome(const machine::Registry& registry, const pb::Result& result,
                                    std::string_view idempotency_key);
// An operating failure of the node. `is_repeatable`: sending the request again does no harm.
[[nodiscard]] ApiError from_failure(const Error& error, bool is_repeatable);

}  // namespace kontor::surface
