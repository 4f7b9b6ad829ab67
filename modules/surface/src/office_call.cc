#include "kontor/surface/office_call.h"

#include <algorithm>

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

std::string Call::text(const char* name) const {
    const auto found = body.find(name);
    return found != body.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string dump(const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

http::Response json_response(int status, const Json& json, std::vector<http::Header> headers) {
    return json_response(status, dump(json), std::move(headers));
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

void Call::answer(int status, const Json& json, std::vector<http::Header> headers) const {
    respond(json_response(status, json, std::move(headers)));
}

void Call::refuse_with(int status, const ErrorObject& error, std::vector<http::Header> headers) const {
    ErrorObject ours = error;
    ours.type = {};  // a type is what merchants' libraries look at
    respond(json_response(status, kontor::error_json(ours), std::move(headers)));
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

void submit(const CallPtr& call, pb::Command command, Render render, Json shown_once) {
    const auto done = [call, render = std::move(render),
                       shown_once = std::move(shown_once)](const Result<machine::Answer>& answer) {
        if (!answer) return call->refuse(answer.error());
        const pb::Result& result = answer->result;
        if (result.outcome() == machine::outcome::awaiting_approval) {
            Json waiting{{"approval", format_id(machine::kApprovalPrefix, result.approval_no())},
                         {"status", machine::outcome::awaiting_approval.name}};
            waiting.update(shown_once);
            return call->answer(machine::outcome::awaiting_approval.http_status, waiting);
        }
        if (result.outcome() != machine::outcome::ok) return call->refuse(result);
        Json json = render(result);
        json.update(shown_once);
        call->answer(200, json);
    };
    call->host->service->submit(std::move(command), done);
}

bool holds_only(const nlohmann::json& object, std::span<const std::string_view> members) {
    if (!object.is_object()) return false;
    for (const auto& [name, value] : object.items())
        if (std::ranges::find(members, name) == members.end()) return false;
    return true;
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
