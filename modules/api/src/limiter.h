#pragma once
// Who may ask how much: rates by address, key, merchant and route, and a quota for reads that look at many
// rows, counted by the time they took: a page of ten costs what it costs, and who asks for one page after the
// other never spends more than the time that passes. docs/security.md says which of them are on and why.
//
// Threading: check functions from any thread, without a lock; a limit that is off costs nothing, one that is
// on some tens of nanoseconds. Errors: none. Limits: kontor/base/rate_limit.h for the keys remembered.

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "kontor/api/api.h"
#include "kontor/base/rate_limit.h"
#include "kontor/surface/call.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::api {

using surface::ApiError;
using surface::Call;

class Limiter {
 public:
    Limiter(const ApiLimits& limits, telemetry::Registry& metrics);

    // Each notes in call.rate what it looked at, and says whether the request may go on.
    [[nodiscard]] bool admits_address(Call& call) const;
    [[nodiscard]] bool admits_wrong_key(Call& call) const;  // after a key that is none
    [[nodiscard]] bool admits_caller(Call& call) const;     // key, merchant, route, expensive reads

    // Takes nothing: whether a call whose caller is known will be admitted once its body is there.
    [[nodiscard]] bool would_admit(Call& call) const;

    // What an expensive read took, whoever did it.
    void spent(const Call& call, std::uint64_t us) const;

    // The answer to a request that has to wait.
    [[nodiscard]] static ApiError error();

 private:
    struct Limit {
        std::unique_ptr<TokenBuckets> buckets;  // null: off
        std::uint64_t unit = 1;                 // tokens in one of what callers are told
        telemetry::Counter* refused = nullptr;
    };
    static Limit make(std::uint64_t per_second, const char* name, telemetry::Registry& metrics,
                      std::uint64_t unit = 1);
    enum class Ask { take, look };
    static bool ask(const Limit& limit, Call& call, std::string_view key, Ask how);
    bool ask_address(Call& call, Ask how) const;
    bool ask_caller(Call& call, Ask how) const;

    Limit address_, wrong_key_, key_, merchant_, route_, expensive_;
};

}  // namespace kontor::api
