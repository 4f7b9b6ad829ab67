// Logging in: the part of Sessions that strangers reach.

#include <algorithm>

#include "domains/operators/operators.h"
#include "kontor/base/address_key.h"
#include "kontor/crypto/crypto.h"
#include "kontor/operators.pb.h"
#include "sessions.h"
#include "visitor.h"

namespace kontor::admin {
namespace {

constexpr std::size_t kDecoySecretBytes = 20;

telemetry::Counter& counter(telemetry::Registry& registry, const char* result) {
    return registry.counter("kontor_admin_logins_total", "Logins to the back office by how they ended",
                            telemetry::label("result", result));
}

}  // namespace

Sessions::Sessions(const AdminOptions& options)
    : options_(options),
      decoy_hash_(crypto::password_decoy()),
      decoy_secret_(crypto::random_bytes(kDecoySecretBytes)),
      setups_({.tokens = limits::kSetupPerSecond, .per_ms = 1'000, .burst = limits::kSetupBurst}),
      right_(counter(*options.metrics, "right")),
      wrong_(counter(*options.metrics, "wrong")),
      too_soon_(counter(*options.metrics, "too_soon")),
      no_place_(counter(*options.metrics, "no_place")),
      passwords_(*options.clock) {}

// One answer for every login that does not succeed. Its wait depends on the visitor's own tries alone.
void Sessions::refuse_login(const Call& call, std::uint64_t wait_ms) {
    const std::uint64_t seconds = std::max<std::uint64_t>(1, (wait_ms + 999) / 1000);
    call.refuse_with(401,
                     {.code = "login_failed",
                      .message = "Name, password or code is wrong, or it is too soon for another try."},
                     {{"Retry-After", std::to_string(seconds)}});
}

void Sessions::refuse_busy(const Call& call) {
    call.refuse(429, "overloaded", "Too many logins at once; try again shortly.");
}

void Sessions::login(const std::shared_ptr<Call>& call) {
    std::optional<pb::Operator> who;
    options_.node->read([&](const store::Reader& rows, std::uint64_t) {
        who = operators::find_operator_by_name(rows, call->text("name"));
    });
    const std::string address = address_key(call->request.peer_ip);
    std::optional<std::string> own;  // what only this operator's browsers and sessions have
    if (who) {
        own = known_browser(*options_.sealer, call->request, who->no(), options_.node->machine_now_ms());
        if (!own) {
            const auto caller = find(call->request);
            if (caller && caller->operator_no == who->no()) own = crypto::sha256(caller->cookie);
        }
    }
    const std::string visitor = own ? "known " + *own : address + '\n' + crypto::sha256(call->text("name"));
    if (!throttle_.begin(visitor, options_.clock->monotonic_ms())) {
        too_soon_.add();
        return refuse_login(*call, throttle_.wait_ms(visitor, options_.clock->monotonic_ms()));
    }
    const auto attempt = std::make_shared<Try>(throttle_, *options_.clock, visitor);
    const auto run = [this, call, who, attempt] { call->guarded([&] { check_login(call, who, attempt); }); };
    const auto dropped = [this, call] {
        no_place_.add();
        refuse_busy(*call);
    };
    if (!passwords_.run(address, own.has_value(), {run, dropped})) dropped();
}

// Worker thread. Every way out takes one argon2id and one look at a code, and says nothing about what was
// wrong. Nothing is written: a stranger must not fill the log.
void Sessions::check_login(const std::shared_ptr<Call>& call, const std::optional<pb::Operator>& who,
                           const std::shared_ptr<Try>& attempt) const {
    const bool password_matches = crypto::password_verify(who ? who->password_hash() : decoy_hash_,
                                                          crypto::Secret(call->text("password")));
    const std::string sealed = who ? who->sealed_totp_secret() : options_.sealer->seal(decoy_secret_, "totp");
    const auto secret = options_.sealer->open(sealed, "totp");
    const std::int64_t utc_ms = options_.clock->wall_ms();  // house: wall: the phone's clock is a wall clock
    std::optional<std::uint64_t> step;
    if (secret) step = crypto::totp_verify(crypto::Secret(*secret), call->text("code"), utc_ms, 0);
    if (who && !who->disabled() && password_matches && step) {
        const std::uint64_t matched = step.value_or(0);
        if (matched > operators::last_code_step(*who, utc_ms))
            return open_session(call, *who, matched, attempt);
        attempt->end(LoginThrottle::End::neither);  // used before: sent twice, or read over a shoulder
    }
    attempt->end(LoginThrottle::End::wrong);
    wrong_.add();
    refuse_login(*call, attempt->wait_ms());
}

}  // namespace kontor::admin
