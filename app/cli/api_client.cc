#include "api_client.h"

namespace kontor::app {
namespace {

void append_escaped(std::string& out, std::string_view text) {
    static constexpr char digits[] = "0123456789ABCDEF";
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                           c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) {
            out.push_back(c);
        } else {
            out.push_back('%');
            out.push_back(digits[static_cast<unsigned char>(c) >> 4]);
            out.push_back(digits[static_cast<unsigned char>(c) & 15]);
        }
    }
}

}  // namespace

std::string form_encode(const FormPairs& form) {
    std::string out;
    for (const auto& [name, value] : form) {
        if (!out.empty()) out.push_back('&');
        append_escaped(out, name);
        out.push_back('=');
        append_escaped(out, value);
    }
    return out;
}

Result<nlohmann::json> ApiClient::post(const std::string& path, const FormPairs& form) const {
    http::ClientRequest request;
    request.method = "POST";
    request.url = base_url_ + path;
    request.headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
    request.body = form_encode(form);
    return send(std::move(request));
}

Result<nlohmann::json> ApiClient::get(const std::string& path) const {
    http::ClientRequest request;
    request.url = base_url_ + path;
    return send(std::move(request));
}

Result<nlohmann::json> ApiClient::send(http::ClientRequest request) const {
    const std::string what = request.method + " " + request.url;
    request.headers.push_back({"Authorization", "Bearer " + key_});
    KONTOR_TRY(const auto response, client_.fetch(std::move(request)));
    auto json = nlohmann::json::parse(response.body, nullptr, false);
    if (!json.is_object()) return fail(ErrorCode::internal, what + " answered no JSON object");
    if (response.status >= 400) {
        const std::string message = json.contains("error") ? json["error"].value("message", "") : "";
        const ErrorCode code = response.status == 401   ? ErrorCode::unauthenticated
                               : response.status == 404 ? ErrorCode::not_found
                                                        : ErrorCode::invalid_argument;
        return fail(code, what + " answered " + std::to_string(response.status) + ": " + message);
    }
    return json;
}

}  // namespace kontor::app
