#pragma once
// How commands end: one record an outcome, with all that follows from it. A domain lists its own in its
// Domain record (domain.h); those that any command may have are here.
//
// The number is frozen: it stands in idempotency records and in answers between nodes. Status, type and code
// are what a client of the API reads. None of the columns has a default.

#include <cstdint>
#include <string_view>

namespace kontor::machine {

// Whether the answer is kept under the request's idempotency key and given again: yes where the command was
// executed, no where its input was refused or it lost a race.
enum class Kept : std::uint8_t { no, yes };
// Whether the client is told that the same request may succeed in a moment.
enum class AskAgain : std::uint8_t { no, yes };

struct Outcome {
    std::uint32_t number;
    std::string_view name;
    std::uint16_t http_status;
    std::string_view type, code, message;  // code and message: where the result itself says nothing
    Kept kept;
    AskAgain ask_again;

    constexpr Outcome(std::uint32_t number_, std::string_view name_, std::uint16_t http_status_,
                      std::string_view type_, std::string_view code_, std::string_view message_, Kept kept_,
                      AskAgain ask_again_)
        : number(number_),
          name(name_),
          http_status(http_status_),
          type(type_),
          code(code_),
          message(message_),
          kept(kept_),
          ask_again(ask_again_) {}
    // What a result holds.
    constexpr operator std::uint32_t() const { return number; }  // NOLINT: results compare with records
};

// The error types of the API.
namespace error_type {
inline constexpr std::string_view invalid_request = "invalid_request_error", card = "card_error",
                                  api = "api_error", idempotency = "idempotency_error",
                                  rate_limit = "rate_limit_error";
}

namespace outcome {
// No record, and in no result: an answer between a handler and the router that says that this node could not
// bring the command to an outcome (it does not lead any more, or what it proposed was lost).
inline constexpr std::uint32_t undecided = UINT32_MAX;

inline constexpr Outcome ok{0, "ok", 200, "", "", "", Kept::yes, AskAgain::no};
inline constexpr Outcome resource_missing{
    1,        "resource_missing", 400, error_type::invalid_request, "resource_missing", "No such object.",
    Kept::no, AskAgain::no};
inline constexpr Outcome idempotency_mismatch{
    10,
    "idempotency_mismatch",
    400,
    error_type::idempotency,
    "",
    "Keys for idempotent requests can only be used with the same parameters they were first used with.",
    Kept::no,
    AskAgain::no};
inline constexpr Outcome idempotency_in_use{
    11,
    "idempotency_in_use",
    409,
    error_type::idempotency,
    "idempotency_key_in_use",
    "There is currently another in-progress request using this Idempotency-Key. Please try again later.",
    Kept::no,
    AskAgain::yes};
inline constexpr Outcome invalid_parameter{13,
                                           "invalid_parameter",
                                           400,
                                           error_type::invalid_request,
                                           "payment_intent_invalid_parameter",
                                           "A parameter does not fit the object's state.",
                                           Kept::no,
                                           AskAgain::no};
inline constexpr Outcome unexpected_state{4,
                                          "unexpected_state",
                                          400,
                                          error_type::invalid_request,
                                          "payment_intent_unexpected_state",
                                          "This PaymentIntent's state does not allow that.",
                                          Kept::yes,
                                          AskAgain::no};
inline constexpr Outcome limit_reached{15,
                                       "limit_reached",
                                       400,
                                       error_type::invalid_request,
                                       "limit_reached",
                                       "A limit of your account is reached.",
                                       Kept::no,
                                       AskAgain::no};
inline constexpr Outcome already_exists{16,
                                        "already_exists",
                                        400,
                                        error_type::invalid_request,
                                        "resource_already_exists",
                                        "It exists already.",
                                        Kept::yes,
                                        AskAgain::no};
inline constexpr Outcome token_invalid{
    17,       "token_invalid", 401, error_type::invalid_request, "token_invalid", "The token is not valid.",
    Kept::no, AskAgain::no};
inline constexpr Outcome ledger_refused{21,
                                        "ledger_refused",
                                        400,
                                        error_type::invalid_request,
                                        "ledger_refused",
                                        "The ledger refused the posting; nothing was changed.",
                                        Kept::yes,
                                        AskAgain::no};
inline constexpr Outcome testmode_only{22,
                                       "testmode_only",
                                       400,
                                       error_type::invalid_request,
                                       "testmode_only",
                                       "This is available in test mode only.",
                                       Kept::no,
                                       AskAgain::no};
// Not kept: nothing was decided but who may decide, and that changes.
inline constexpr Outcome permission_denied{26,          "permission_denied",
                                           403,         error_type::invalid_request,
                                           "forbidden", "You do not have the permission that this needs.",
                                           Kept::no,    AskAgain::no};
// Not run but stored: somebody else has to approve it. Kept, so that the same command is the same request.
inline constexpr Outcome awaiting_approval{27,
                                           "awaiting_approval",
                                           202,
                                           error_type::invalid_request,
                                           "awaiting_approval",
                                           "This needs somebody else's approval, and waits for it.",
                                           Kept::yes,
                                           AskAgain::no};
}  // namespace outcome

}  // namespace kontor::machine
