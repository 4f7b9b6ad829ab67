#include "shares.h"

#include <algorithm>

#include "kontor/base/assert.h"

namespace kontor::outbox {

bool Shares::is_leashed(std::uint64_t endpoint_no) const {
    const auto known = endpoints_.find(endpoint_no);
    return known != endpoints_.end() && known->second.strikes != 0;
}

bool Shares::may_begin(std::uint64_t merchant_no, std::uint64_t endpoint_no, std::uint64_t now_ms) const {
    if (used_ >= limits_.places) return false;
    const auto merchant = merchants_.find(merchant_no);
    const Merchant has = merchant == merchants_.end() ? Merchant() : merchant->second;
    if (has.used >= limits_.places - used_) return false;
    const auto known = endpoints_.find(endpoint_no);
    if (known == endpoints_.end()) return limits_.per_endpoint != 0;
    const Endpoint& endpoint = known->second;
    if (endpoint.strikes == 0)
        return endpoint.used < (endpoint.is_quick ? limits_.per_quick_endpoint : limits_.per_endpoint);
    const std::size_t pool = std::max<std::size_t>(1, limits_.places / kLeashedShare);
    if (leashed_ >= pool || has.leashed >= pool - leashed_) return false;
    return endpoint.used == 0 && now_ms >= endpoint.pause_until_ms;
}

Shares::Place Shares::begin(std::uint64_t merchant_no, std::uint64_t endpoint_no) {
    Endpoint& endpoint = endpoints_[endpoint_no];
    Merchant& merchant = merchants_[merchant_no];
    ++endpoint.used;
    ++merchant.used;
    ++used_;
    const Place place{merchant_no, endpoint_no, endpoint.strikes != 0};
    if (place.is_leashed) {
        ++merchant.leashed;
        ++leashed_;
    }
    return place;
}

void Shares::end(const Place& place, bool answered, std::uint64_t took_ms, std::uint64_t now_ms) {
    const auto merchant = merchants_.find(place.merchant_no);
    const auto known = endpoints_.find(place.endpoint_no);
    KONTOR_ASSERT(merchant != merchants_.end() && known != endpoints_.end(), "a place that ends was begun");
    Endpoint& endpoint = known->second;
    --endpoint.used;
    --used_;
    if (place.is_leashed) {
        --merchant->second.leashed;
        --leashed_;
    }
    if (--merchant->second.used == 0) merchants_.erase(merchant);
    const bool had_strikes = endpoint.strikes != 0;
    if (answered) {
        endpoint.strikes = 0;
        endpoint.is_quick = took_ms <= kQuickMs;
    } else if (took_ms >= kSlowFailureMs) {
        endpoint.is_quick = false;
        // Tries that were under way together are one reason, not many.
        if (now_ms >= endpoint.pause_until_ms) {
            endpoint.strikes = std::min(endpoint.strikes + 1, 16U);
            endpoint.pause_until_ms = now_ms + std::min(kFirstPauseMs << (endpoint.strikes - 1), kMaxPauseMs);
        }
    }
    if (had_strikes != (endpoint.strikes != 0)) had_strikes ? --striking_ : ++striking_;
    if (endpoint.used == 0 && endpoint.strikes == 0 && !endpoint.is_quick) endpoints_.erase(known);
    if (endpoints_.size() > kEndpointsKnown) forget_some();
}

std::uint64_t Shares::timeout_ms(std::uint64_t endpoint_no, std::uint64_t usual_ms) const {
    const auto known = endpoints_.find(endpoint_no);
    const bool is_short = known != endpoints_.end() && known->second.strikes % 2 == 1;
    return is_short ? std::min(usual_ms, kShortTimeoutMs) : usual_ms;
}

// A receiver that is forgotten begins like a new one.
void Shares::forget_some() {
    for (auto at = endpoints_.begin(); at != endpoints_.end() && endpoints_.size() > kEndpointsKnown / 2;)
        if (at->second.used == 0) {
            striking_ -= at->second.strikes != 0 ? 1 : 0;
            at = endpoints_.erase(at);
        } else {
            ++at;
        }
}

}  // namespace kontor::outbox
