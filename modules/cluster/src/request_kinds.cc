#include "request_kinds.h"

#include <charconv>

namespace kontor::cluster {

// A look-up has many ids in its body and changes nothing; as a write it would ignore Kontor-Min-Index on a
// leader that was replaced and does not know it yet.
bool is_read(const net::Request& request) {
    if (request.method == "GET" || request.method == "HEAD") return true;
    return request.method == "POST" && request.path.starts_with("/v1/ledger/") &&
           request.path.ends_with("/lookup");
}

// Sending it twice does no harm. Only the merchants' interface looks at the key.
bool is_repeatable(const net::Request& request) {
    const bool honours_keys = request.path.starts_with("/v1/");
    return is_read(request) || (honours_keys && !request.header("Idempotency-Key").empty());
}

// What a node that is behind may say although the leader would not: it does not know a key or an object yet,
// or it is not ready. What is wrong with the request itself is wrong everywhere.
bool may_be_ignorance(int status) {
    return status == 400 || status == 401 || status == 403 || status == 404 || status == 409 ||
           status == 410 || status == 412 || status == 500 || status == 503;
}

net::Response problem(int status, const std::string& message, bool may_retry) {
    net::Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    if (status == 503 || status == 429) {
        response.headers.push_back({"Retry-After", "1"});
        response.headers.push_back({"Stripe-Should-Retry", may_retry ? "true" : "false"});
    }
    const char* type = status >= 500   ? "api_error"
                       : status == 429 ? "rate_limit_error"
                                       : "invalid_request_error";
    response.body = "{\n  \"error\": {\n    \"type\": \"" + std::string(type) + "\",\n    \"message\": \"" +
                    message + "\"\n  }\n}\n";
    return response;
}

namespace {

std::optional<std::uint64_t> index_in(std::string_view text) {
    std::uint64_t index = 0;
    if (text.empty()) return index;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), index);
    if (ec != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return index;
}

}  // namespace

std::optional<std::uint64_t> min_index_of(const net::Request& request) {
    return index_in(request.header(kMinIndexHeader));
}

std::uint64_t log_index_of(const net::Response& response) {
    for (const net::Header& header : response.headers)
        if (header.name == kLogIndexHeader) return index_in(header.value).value_or(0);
    return 0;
}

}  // namespace kontor::cluster
