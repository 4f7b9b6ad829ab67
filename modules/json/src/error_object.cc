#include "kontor/json/error_object.h"

#include <array>

#include "kontor/json/field_types.h"

namespace kontor {

namespace {

using fields::Absent;

constexpr std::array<std::string_view, 5> kTypes = {"api_error", "card_error", "idempotency_error",
                                                    "invalid_request_error", "rate_limit_error"};
using Row = fields::Field<ErrorObject>;
// The back office has no types of errors.
constexpr std::array kUntyped = {
    Row{"charge", fields::any_text<&ErrorObject::charge>(), Absent::left_out, "The charge that failed."},
    Row{"code", fields::any_text<&ErrorObject::code>(), Absent::left_out, "For programs."},
    Row{"decline_code", fields::any_text<&ErrorObject::decline_code>(), Absent::left_out,
        "Why the card's bank declined, as far as it says."},
    Row{"message", fields::any_text<&ErrorObject::message>(), Absent::never, "For people."},
    Row{"param", fields::any_text<&ErrorObject::param>(), Absent::left_out,
        "The parameter that is to blame, with its path."},
    Row{"payment_intent", fields::object<&ErrorObject::payment_intent_json>("payment_intent"),
        Absent::left_out, "The payment as it is now."},
};
constexpr std::array kType = {Row{"type", fields::any_text<&ErrorObject::type>(kTypes), Absent::never}};
constexpr auto kTyped = fields::joined(kUntyped, kType);
constexpr std::array kError = {Row{"error", fields::hash<kTyped>(), Absent::never}};
constexpr std::array kUntypedError = {Row{"error", fields::hash<kUntyped>(), Absent::never}};

}  // namespace

constinit const fields::Shape kErrorShape = fields::shape<kError>("error");

std::string error_json(const ErrorObject& error) {
    std::string out;
    out.reserve(256 + error.message.size() + error.payment_intent_json.size());
    JsonWriter json(out);
    if (error.type.empty()) {
        fields::write_object<kUntypedError>(json, error);
    } else {
        fields::write_object<kError>(json, error);
    }
    return out;
}

std::string error_json(int status, std::string_view message) {
    ErrorObject error;
    error.message = message;
    error.type = status >= 500 ? "api_error" : "invalid_request_error";
    if (status == 429) error.type = "rate_limit_error", error.code = "rate_limit";
    return error_json(error);
}

}  // namespace kontor
