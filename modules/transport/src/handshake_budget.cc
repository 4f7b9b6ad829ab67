#include "kontor/transport/handshake_budget.h"

#include <openssl/obj_mac.h>

namespace kontor::transport {
namespace {

std::unique_ptr<TokenBuckets> buckets(std::size_t per_s, std::size_t max_keys) {
    if (per_s == 0) return nullptr;
    return std::make_unique<TokenBuckets>(
        BucketOptions{.tokens = per_s, .per_ms = 1'000, .burst = per_s, .max_keys = max_keys});
}

}  // namespace

HandshakeBudget::HandshakeBudget(std::size_t per_s, std::size_t per_s_per_address)
    : all_(buckets(per_s, 1)), each_(buckets(per_s_per_address, 16'384)) {}

bool HandshakeBudget::may_begin(const std::string& share, bool bound, std::uint64_t now_ms) {
    // The address first: one that is over its share takes nothing from the rest.
    if (each_ && bound && !each_->look(share, now_ms).allowed) return false;
    if (all_ && !all_->take({}, now_ms).allowed) return false;
    return !each_ || !bound || each_->take(share, now_ms).allowed;
}

bool HandshakeBudget::pay_group(SSL& ssl, const std::string& share, bool bound, std::uint64_t now_ms) {
    // OpenSSL 3.0 looks into the session without asking whether a greeting that failed made one.
    if (SSL_get_session(&ssl) == nullptr) return false;
    const auto group = SSL_get_negotiated_group(&ssl);
    if (group == NID_undef) return false;
    if (group != NID_secp384r1) return true;
    if (all_) all_->spend({}, now_ms, kSlowGroupCost - 1);
    if (each_ && bound) each_->spend(share, now_ms, kSlowGroupCost - 1);
    return true;
}

}  // namespace kontor::transport
