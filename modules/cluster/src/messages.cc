#include "messages.h"

#include "kontor/cluster/cluster.h"
#include "kontor/crypto/public_id.h"
#include "kontor/json/error_object.h"

namespace kontor::cluster {

// What a node that is behind may say although the leader would not: it does not know a key or an object yet,
// or it is not ready. What is wrong with the request itself is wrong everywhere.
bool may_be_ignorance(int status) {
    return status == 400 || status == 401 || status == 403 || status == 404 || status == 409 ||
           status == 410 || status == 412 || status == 500 || status == 503;
}

http::Response problem(int status, std::string_view message, bool may_retry) {
    http::Response response;
    response.status = status;
    response.headers = {{"Content-Type", "application/json"}, {"Cache-Control", "no-store"}};
    if (status == 503 || status == 429) {
        response.headers.push_back({"Retry-After", "1"});
        response.headers.push_back({"Stripe-Should-Retry", may_retry ? "true" : "false"});
    }
    response.body = error_json(status, message);
    return response;
}

std::optional<std::uint64_t> min_index_of(const http::Request& request) {
    const std::string_view token = request.header(kMinIndexHeader);
    if (token.empty()) return 0;
    const auto position = parse_position(token);
    if (!position || position->group != kFirstGroup) return std::nullopt;
    return position->index;
}

http::Response bad_position() {
    http::Response response = problem(400, {});
    response.body = error_json({.type = "invalid_request_error",
                                .message = "Kontor-Min-Index is no position of this log: send back what an "
                                           "answer's Kontor-Log-Index was, as it was.",
                                .param = kMinIndexHeader});
    return response;
}

std::optional<http::Response> refused_position(const http::Request& request) {
    return min_index_of(request) ? std::nullopt : std::optional(bad_position());
}

std::uint64_t log_index_of(const http::Response& response) {
    for (const http::Header& header : response.headers) {
        if (header.name != kLogIndexHeader) continue;
        const auto position = parse_position(header.value);
        return position && position->group == kFirstGroup ? position->index : 0;
    }
    return 0;
}

}  // namespace kontor::cluster
