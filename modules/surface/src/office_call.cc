#include "kontor/surface/office_call.h"

#include "kontor/base/log.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/approval.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/money/money.h"

namespace kontor::surface::office {

std::string_view Call::parameter(std::string_view name) const {
    for (const auto& [key, value] : query)
        if (key == name) return value;
    return {};
}

std::string Call::text(std::string_view name) const {
    return std::string(body[name].text().value_or(""));
}

std::string object_json(const Members& members) {
    std::string text;
    JsonWriter json(text);
    json.begin_object();
    members(json);
    json.end_object();
    return text;
}

http::Response json_response(int status, std::string body, std::vector<http::Header> headers) {
    http::Response response;
    response.status = status;
    response.headers = std::move(headers);
    response.headers.push_back({"Content-Type", "application/json"});
    response.headers.push_back({"Cache-Control", "no-store"});
    add_security_headers(response);
    response.body = std::move(body);
    return response;
}

void add_security_headers(http::Response& response) {
    response.headers.push_back(
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
         "font-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
         "require-trusted-types-for 'script'"});
    response.headers.push_back({"X-Content-Type-Options", "nosniff"});
    response.headers.push_back({"Referrer-Policy", "no-referrer"});
    response.headers.push_back({"Cross-Origin-Opener-Policy", "same-origin"});
    response.headers.push_back({"Strict-Transport-Security", "max-age=31536000"});
}

void Call::answer(int status, const Members& members, std::vector<http::Header> headers) const {
    respond(json_response(status, object_json(members), std::move(headers)));
}

void Call::refuse_with(int status, const ErrorObject& error, std::vector<http::Header> headers) const {
    respond(json_response(status, kontor::error_json(error), std::move(headers)));
}

void Call::refuse(int status, std::string_view code, std::string_view message, std::string_view param) const {
    std::vector<http::Header> headers;
    if (status == 429 || status == 503) headers.push_back({"Retry-After", "1"});
    refuse_with(status, {.code = code, .message = message, .param = param}, std::move(headers));
}

void Call::refuse(const Error& error) const {
    switch (error.code) {
        case ErrorCode::invalid_argument:
            return refuse(400, "invalid", error.message);
        case ErrorCode::not_found:
            return refuse(404, "not_found", error.message);
        case ErrorCode::overloaded:
            return refuse(429, "overloaded", error.message);
        case ErrorCode::timeout:
            return refuse(503, "too_slow", error.message);
        case ErrorCode::no_space:
            return refuse(
                503, "unavailable",
                "There is no space left on the node's disk: nothing is written until there is, reads "
                "go on.");
        case ErrorCode::exhausted:
            return refuse(
                503, "exhausted",
                "This installation has used up its log's indexes: nothing is written any more, reads "
                "go on.");
        default:
            return refuse(503, "unavailable", "The node cannot answer now; try again shortly.");
    }
}

void Call::refuse(const pb::Result& result) const {
    const machine::Outcome* const record =
        host->registry == nullptr ? nullptr : host->registry->outcome(result.outcome());
    const bool has_own = record != nullptr && (record->http_status == 403 || record->http_status == 409);
    refuse(has_own ? record->http_status : 422, has_own ? record->code : "refused", result.error().message(),
           result.error().param());
}

void Call::guarded(const std::function<void()>& handle) const {
    try {
        handle();
    } catch (const std::exception& e) {  // the last net: a failing store stops the node by itself
        log::error("admin", e.what());
        refuse(503, "unavailable", "The node cannot answer now; try again shortly.");
    }
}

pb::Command operator_command(const Call& call) {
    pb::Command command = machine::new_command(pb::Actor::OPERATOR);
    command.mutable_actor()->set_no(call.caller->operator_no);
    command.mutable_actor()->set_ip(call.request.peer_ip);
    if (std::string reason = call.text("reason"); !reason.empty()) command.set_reason(std::move(reason));
    return command;
}

void submit(const CallPtr& call, pb::Command command, Render render, Members shown_once) {
    const auto done = [call, render = std::move(render),
                       shown_once = std::move(shown_once)](const Result<machine::Answer>& answer) {
        if (!answer) return call->refuse(answer.error());
        const pb::Result& result = answer->result;
        const bool waits = result.outcome() == machine::outcome::awaiting_approval;
        if (!waits && result.outcome() != machine::outcome::ok) return call->refuse(result);
        const auto members = [&](JsonWriter& json) {
            if (waits) {
                json.field("approval", format_id(machine::kApprovalPrefix, result.approval_no()));
                json.field("status", machine::outcome::awaiting_approval.name);
            } else {
                render(json, result);
            }
            if (shown_once) shown_once(json);
        };
        call->answer(waits ? machine::outcome::awaiting_approval.http_status : 200, members);
    };
    call->host->service->submit(std::move(command), done);
}

void put_id(JsonWriter& json, std::string_view name, std::string_view prefix, std::uint64_t no) {
    put_text(json, name, no == 0 ? std::string() : format_id(prefix, no));
}

void put_integer(JsonWriter& json, std::string_view name, std::optional<std::int64_t> value) {
    json.field_raw(name, value ? std::to_string(*value) : "null");
}

void put_text(JsonWriter& json, std::string_view name, std::string_view value) {
    json.key(name);
    if (value.empty())
        json.null();
    else
        json.string(value);
}

std::string currency_code(std::uint32_t numeric) {
    const auto currency = money::Currency::from_numeric(static_cast<std::uint16_t>(numeric));
    return currency ? std::string(currency->lower_code()) : std::to_string(numeric);
}

std::optional<bool> mode_of(std::string_view segment) {
    if (segment == "test") return false;
    if (segment == "live") return true;
    return std::nullopt;
}

}  // namespace kontor::surface::office
