// Headers, query and body of a request into what handlers work with.
#include <algorithm>

#include "domains/accounts/ids.h"
#include "impl.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/events.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/limits.h"

namespace kontor::api {

using namespace surface;  // parameters and errors

namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// "2026-10-28" or "2026-10-28.endive".
bool is_version(std::string_view text) {
    if (text.size() < 10 || text.size() > 40) return false;
    for (std::size_t i = 0; i < 10; ++i) {
        const bool dash = i == 4 || i == 7;
        if (dash ? text[i] != '-' : !is_digit(text[i])) return false;
    }
    if (text.size() == 10) return true;
    return text[10] == '.' && text.size() > 11 && std::all_of(text.begin() + 11, text.end(), [](char c) {
               return is_digit(c) || (c >= 'a' && c <= 'z') || c == '_';
           });
}

// A key as it is, or as a structured-field string ("…" with \" and \\ inside). nullopt: malformed.
std::optional<std::string> unquote_key(std::string_view text) {
    if (!std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c < 0x7F; }))
        return std::nullopt;
    if (text.empty() || text.front() != '"') return std::string(text);
    std::string out;
    for (std::size_t i = 1; i < text.size(); ++i) {
        if (text[i] == '"') return i + 1 == text.size() ? std::optional(out) : std::nullopt;
        if (text[i] == '\\') {
            if (++i == text.size() || (text[i] != '"' && text[i] != '\\')) return std::nullopt;
        }
        out += text[i];
    }
    return std::nullopt;
}

bool has_header(const http::Request& request, std::string_view name) {
    return std::any_of(request.headers.begin(), request.headers.end(), [name](const http::Header& header) {
        return header.name.size() == name.size() &&
               std::equal(name.begin(), name.end(), header.name.begin(), [](char a, char b) {
                   const auto lower = [](char c) {
                       return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
                   };
                   return lower(a) == lower(b);
               });
    });
}

std::optional<ApiError> read_idempotency_key(Call& call) {
    // Elsewhere the key has no effect: reads and deletes are idempotent by themselves.
    if (call.request.method != "POST" || !has_header(call.request, "Idempotency-Key")) return std::nullopt;
    const auto key = unquote_key(call.request.header("Idempotency-Key"));
    if (!key || key->empty()) {
        return invalid("Invalid Idempotency-Key: it must be 1 to " +
                       std::to_string(machine::limits::kIdempotencyKeyBytes) +
                       " printable ASCII characters.");
    }
    if (key->size() > machine::limits::kIdempotencyKeyBytes) {
        return invalid("Idempotency-Key is too long: at most " +
                       std::to_string(machine::limits::kIdempotencyKeyBytes) + " characters.");
    }
    call.idempotency_key = *key;
    return std::nullopt;
}

// The media type without its parameters, lower case; `charset` is what the parameters say.
std::string media_type(std::string_view header, std::string& charset) {
    const auto lower = [](std::string_view text) {
        std::string out;
        for (const char c : text) {
            if (c != ' ' && c != '\t' && c != '"')
                out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
        }
        return out;
    };
    const auto semicolon = header.find(';');
    std::string rest = semicolon == std::string_view::npos ? std::string() : lower(header.substr(semicolon));
    const auto at = rest.find("charset=");
    if (at != std::string::npos) charset = rest.substr(at + 8, rest.find(';', at) - (at + 8));
    return lower(header.substr(0, semicolon));
}

std::optional<ApiError> read_body(Call& call) {
    if (call.request.body.empty()) return std::nullopt;
    std::string charset;
    const std::string type = media_type(call.request.header("Content-Type"), charset);
    const bool json = type == "application/json";
    const bool form = type == "application/x-www-form-urlencoded" || type.empty();
    if ((!json && !form) || !(charset.empty() || charset == "utf-8" || charset == "utf8")) {
        ApiError error = invalid(
            "Unsupported Content-Type: send application/x-www-form-urlencoded or application/json in UTF-8.");
        error.status = 415;
        return error;
    }
    // Older client libraries put the form of a GET into its body; none puts JSON there.
    if (json && call.request.method == "GET") {
        return invalid("GET requests take their parameters in the query string or as a form, not in JSON.");
    }
    return json ? parse_json(call.request.body, call.params) : parse_form(call.request.body, call.params);
}

// Takes `expand` out of the parameters: it is the API's, not the routes'.
std::optional<ApiError> read_expand(Call& call) {
    const Node* node = call.params.find("expand");
    if (node == nullptr) return std::nullopt;
    const bool list = call.route->shape.value == Shape::list;
    std::size_t i = 0;
    for (const std::string& path : call.params.list_of("expand")) {
        const std::string param = "expand[" + std::to_string(i++) + "]";
        const std::string quoted = printable(path);
        if (static_cast<std::size_t>(std::count(path.begin(), path.end(), '.')) + 1 >
            machine::limits::kExpandDepth) {
            return invalid("You cannot expand more than " + std::to_string(machine::limits::kExpandDepth) +
                               " levels of a property (" + quoted + ").",
                           param, "parameter_unknown");
        }
        std::string_view rest = path;
        if (list && rest.starts_with("data.")) {
            rest.remove_prefix(5);
        } else if (list) {
            std::string message = "This property cannot be expanded (" + quoted + ").";
            if (machine::is_expandable(call.host->catalogue->registry(), call.route->object, rest)) {
                message += " You may want to try expanding 'data." + quoted + "' instead.";
            }
            return invalid(std::move(message), param, "parameter_unknown");
        }
        if (!machine::is_expandable(call.host->catalogue->registry(), call.route->object, rest)) {
            return invalid("This property cannot be expanded (" + quoted + ").", param, "parameter_unknown");
        }
        call.expand.emplace_back(rest);
    }
    return std::nullopt;
}

}  // namespace

std::optional<ApiError> read_headers(Call& call) {
    const std::string_view version = call.request.header("Stripe-Version");
    if (!version.empty()) {
        if (!is_version(version)) {
            return invalid("Invalid Stripe-Version: " + printable(version) + ". It must look like " +
                           std::string(machine::kApiVersion) + ".");
        }
        call.api_version = version;
    }
    // Acting for another account would move that account's money: never ignored.
    for (const std::string_view name : {"Stripe-Account", "Stripe-Context"}) {
        const std::string_view account = call.request.header(name);
        if (account.empty()) continue;
        if (account == format_id(accounts::prefix::merchant, call.caller.scope.merchant_no)) continue;
        ApiError error = invalid("The provided key does not have access to account '" + printable(account) +
                                     "' (or that account does not exist).",
                                 {}, "account_invalid");
        error.status = 403;
        return error;
    }
    return read_idempotency_key(call);
}

std::optional<ApiError> read_params(Call& call) {
    if (auto error = parse_form(call.request.query, call.params)) return error;
    const auto names = call.host->catalogue->names();
    const bool has_own_body = call.route->shape.value == Shape::own;
    if (!has_own_body || call.request.method == "GET") {
        if (auto error = read_body(call)) return error;
    }
    if (has_own_body) return validate(call.params, call.route->params, {}, names);
    if (auto error = validate(call.params, call.route->params, common_params(call.route->shape), names))
        return error;
    unify(call.params, call.route->params);
    return read_expand(call);
}

}  // namespace kontor::api
