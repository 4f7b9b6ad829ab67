#include "limiter.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "impl.h"
#include "kontor/base/address_key.h"
#include "kontor/base/clock.h"

namespace kontor::api {
namespace {

constexpr std::uint64_t kBurstSeconds = 2;  // what a quiet caller may ask at once
constexpr std::uint64_t kMsPerSecond = 1'000;
constexpr std::uint64_t kUsPerMs = 1'000;  // expensive reads are counted in the one and told in the other

// A caller, or one with a route, as bytes.
class Key {
 public:
    Key& add(std::uint64_t number) {
        std::memcpy(&bytes_[size_], &number, sizeof number);
        size_ += sizeof number;
        return *this;
    }
    [[nodiscard]] std::string_view view() const { return {bytes_.data(), size_}; }

 private:
    std::array<char, 3 * sizeof(std::uint64_t)> bytes_{};
    std::size_t size_ = 0;
};

std::uint64_t merchant_and_mode(const surface::Caller& caller) {
    return caller.scope.merchant_no << 1U | (caller.scope.livemode ? 1U : 0U);
}

}  // namespace

Limiter::Limit Limiter::make(std::uint64_t per_second, const char* name, telemetry::Registry& metrics,
                             std::uint64_t unit) {
    Limit limit;
    if (per_second == 0) return limit;
    BucketOptions options;
    options.tokens = per_second * unit;
    options.per_ms = kMsPerSecond;
    options.burst = options.tokens * kBurstSeconds;
    limit.unit = unit;
    limit.buckets = std::make_unique<TokenBuckets>(options);
    limit.refused = &metrics.counter("kontor_api_limited_total", "Requests refused because of a rate limit",
                                     telemetry::label("limit", name));
    return limit;
}

Limiter::Limiter(const ApiLimits& limits, telemetry::Registry& metrics)
    : address_(make(limits.per_address, "address", metrics)),
      wrong_key_(make(limits.wrong_keys, "wrong_key", metrics)),
      key_(make(limits.per_key, "key", metrics)),
      merchant_(make(limits.per_merchant, "merchant", metrics)),
      route_(make(limits.per_route, "route", metrics)),
      expensive_(make(limits.expensive_ms, "expensive_ms", metrics, kUsPerMs)) {}

bool Limiter::ask(const Limit& limit, Call& call, std::string_view key, Ask how) {
    if (!limit.buckets) return true;
    const std::uint64_t now_ms = call.host->clock->monotonic_ms();
    const BucketVerdict verdict =
        how == Ask::take ? limit.buckets->take(key, now_ms) : limit.buckets->look(key, now_ms);
    const BucketOptions& options = limit.buckets->options();
    Call::Rate& rate = call.rate;
    // Several limits may look at a request: the one that will stop it first is told.
    if (rate.limit == 0 || verdict.remaining / limit.unit < rate.remaining || !verdict.allowed) {
        rate.limit = options.burst / limit.unit;
        rate.remaining = verdict.remaining / limit.unit;
        // Until the bucket is full again, and until one more is there.
        rate.reset_s = (options.burst - verdict.remaining + options.tokens - 1) / options.tokens;
        rate.retry_s = (verdict.retry_after_ms + kMsPerSecond - 1) / kMsPerSecond;
    }
    if (!verdict.allowed) limit.refused->add();
    return verdict.allowed;
}

bool Limiter::ask_address(Call& call, Ask how) const {
    return !address_.buckets || ask(address_, call, address_key(call.request.peer_ip), how);
}

bool Limiter::ask_caller(Call& call, Ask how) const {
    const std::uint64_t merchant = merchant_and_mode(call.caller);
    if (!ask(key_, call, Key().add(call.caller.key_no).view(), how)) return false;
    if (!ask(merchant_, call, Key().add(call.caller.scope.merchant_no).view(), how)) return false;
    if (expensive_.buckets && call.route->is_expensive(call.request) &&
        !ask(expensive_, call, Key().add(merchant).view(), Ask::look))  // its cost is known afterwards
        return false;
    const auto route_no = static_cast<std::uint64_t>(call.host->catalogue->index_of(call.route));
    return ask(route_, call, Key().add(merchant).add(route_no).view(), how);
}

bool Limiter::admits_address(Call& call) const {
    return ask_address(call, Ask::take);
}

bool Limiter::admits_wrong_key(Call& call) const {
    return !wrong_key_.buckets || ask(wrong_key_, call, address_key(call.request.peer_ip), Ask::take);
}

bool Limiter::admits_caller(Call& call) const {
    return ask_caller(call, Ask::take);
}

bool Limiter::would_admit(Call& call) const {
    return ask_address(call, Ask::look) && ask_caller(call, Ask::look);
}

void Limiter::spent(const Call& call, std::uint64_t us) const {
    if (!expensive_.buckets) return;
    expensive_.buckets->spend(Key().add(merchant_and_mode(call.caller)).view(),
                              call.host->clock->monotonic_ms(), us);
}

ApiError Limiter::error() {
    ApiError error;
    error.status = 429;
    error.type = "rate_limit_error";
    error.code = "rate_limit";
    error.message = "Too many requests. Please ask again in the seconds that Retry-After names.";
    error.retry = true;
    return error;
}

}  // namespace kontor::api
