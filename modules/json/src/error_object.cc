#include "kontor/json/error_object.h"

#include "kontor/json/writer.h"

namespace kontor {

std::string error_json(const ErrorObject& error) {
    std::string out;
    out.reserve(256 + error.message.size() + error.payment_intent_json.size());
    JsonWriter json(out);
    const auto field = [&json](std::string_view name, std::string_view value) {
        if (!value.empty()) json.key(name).any_string(value);
    };
    json.begin_object().key("error").begin_object();
    field("charge", error.charge);
    field("code", error.code);
    field("decline_code", error.decline_code);
    json.key("message").any_string(error.message);
    field("param", error.param);
    if (!error.payment_intent_json.empty()) json.field_raw("payment_intent", error.payment_intent_json);
    field("type", error.type);
    json.end_object().end_object();
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
