#include "kontor/base/bytes.h"
#include "kontor/outbox/worker.h"

namespace kontor::outbox {

std::string webhook_signature(std::string_view secret, std::int64_t unix_seconds, std::string_view body) {
    const std::string stamp = std::to_string(unix_seconds);
    std::string signed_text;
    signed_text.reserve(stamp.size() + 1 + body.size());
    signed_text.append(stamp).push_back('.');
    signed_text.append(body);
    return "t=" + stamp + ",v1=" + to_hex(crypto::hmac_sha256(secret, signed_text));
}

}  // namespace kontor::outbox
