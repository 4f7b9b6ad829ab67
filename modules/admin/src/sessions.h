#pragma once
// Set-up, login, sessions. The cookie is 32 random bytes; the state keeps its SHA-256. The CSRF token is
// derived from the cookie (HMAC-SHA256, key = cookie), so that GET session can tell it again without keeping
// it.
//
// A login that fails answers the same, whatever was wrong with it and whether the name exists: status, body,
// headers, work done. login_throttle.h says who has to wait, password_queue.h whose turn it is.
//
// Threading: anywhere; argon2id runs on a thread of its own.

#include <utility>

#include "kontor/base/rate_limit.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/service.h"
#include "kontor/operators.pb.h"
#include "login_throttle.h"
#include "password_queue.h"
#include "pending.h"
#include "words.h"

namespace kontor::admin {

class Sessions {
 public:
    explicit Sessions(const AdminOptions& options);
    ~Sessions() {
        passwords_.stop();
        pending_.wait();
    }

    // The caller of a request; nullopt: no session, or an old one.
    [[nodiscard]] std::optional<Caller> find(const http::Request& request) const;
    [[nodiscard]] std::optional<Caller> find(const std::string& cookie) const;
    [[nodiscard]] static bool csrf_matches(const http::Request& request, const Caller& caller);

    void setup_state(const std::shared_ptr<Call>& call) const;
    void setup_begin(const std::shared_ptr<Call>& call) const;
    void setup_finish(const std::shared_ptr<Call>& call);
    void login(const std::shared_ptr<Call>& call);
    void logout(const std::shared_ptr<Call>& call) const;
    void describe(const std::shared_ptr<Call>& call) const;

 private:
    // What a good token of a set-up link is for.
    struct Setup {
        std::size_t operators = 0;  // that there are
        std::optional<std::string>
            of_operator;  // whose password and authenticator it renews; else it makes one
    };
    // nullopt: the token was used, is too old, or was never made.
    [[nodiscard]] std::optional<Setup> setup_of(const std::string& token) const;
    // The same for a form; answers the call itself and returns false when token or name may not be used.
    [[nodiscard]] bool admits_form(const Call& call) const;
    // Answers the call itself and returns false when its address asked too often.
    [[nodiscard]] bool admits_setup(const Call& call) const;
    // Answers the call itself and returns false when name or password may not be used.
    [[nodiscard]] static bool check_new_operator(const Call& call);
    void make_operator(const std::shared_ptr<Call>& call, const std::string& totp_secret, std::uint64_t step);
    // One login under way. It ends once; left alone, without a verdict.
    class Try {
     public:
        Try(LoginThrottle& throttle, const Clock& clock, std::string visitor)
            : throttle_(throttle), clock_(clock), visitor_(std::move(visitor)) {}
        ~Try() { end(LoginThrottle::End::neither); }
        Try(const Try&) = delete;
        Try& operator=(const Try&) = delete;
        void end(LoginThrottle::End how) {
            if (!std::exchange(ended_, true)) throttle_.end(visitor_, how, clock_.monotonic_ms());
        }
        [[nodiscard]] std::uint64_t wait_ms() const {
            return throttle_.wait_ms(visitor_, clock_.monotonic_ms());
        }

     private:
        LoginThrottle& throttle_;
        const Clock& clock_;
        const std::string visitor_;
        bool ended_ = false;
    };
    void check_login(const std::shared_ptr<Call>& call, const std::optional<pb::Operator>& who,
                     const std::shared_ptr<Try>& attempt) const;
    void open_session(const std::shared_ptr<Call>& call, const pb::Operator& who, std::uint64_t totp_step,
                      const std::shared_ptr<Try>& attempt) const;
    static void refuse_login(const Call& call, std::uint64_t wait_ms);
    static void refuse_busy(const Call& call);
    void put_session(JsonWriter& json, const Caller& caller) const;
    // As node->submit(); we stay until `done` returned.
    void submit(pb::Command command, machine::Service::Done done) const;

    const AdminOptions& options_;
    const std::string decoy_hash_, decoy_secret_;  // for names that do not exist: the same work as for others
    LoginThrottle throttle_;
    mutable TokenBuckets setups_;
    telemetry::Counter &right_, &wrong_, &too_soon_, &no_place_;  // logins by how they ended
    mutable Pending pending_;
    PasswordQueue passwords_;  // last: its jobs use all of the above
};

}  // namespace kontor::admin
