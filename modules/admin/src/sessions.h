#pragma once
// Set-up, login, sessions. The cookie is 32 random bytes; the state keeps its SHA-256. The CSRF token is
// derived from the cookie (HMAC-SHA256, key = cookie), so that GET session can tell it again without keeping
// it.
//
// Threading: anywhere; argon2id runs on a thread of its own.

#include "context.h"
#include "kontor/commands.pb.h"
#include "pending.h"
#include "workers.h"

namespace kontor::admin {

class Sessions {
 public:
    explicit Sessions(const AdminOptions& options) : options_(options) {}
    ~Sessions() {
        worker_.stop();
        pending_.wait();
    }

    // The caller of a request; nullopt: no session, or an old one.
    [[nodiscard]] std::optional<Caller> find(const net::Request& request) const;
    [[nodiscard]] std::optional<Caller> find(const std::string& cookie) const;
    [[nodiscard]] static bool csrf_matches(const net::Request& request, const Caller& caller);

    void setup_state(const std::shared_ptr<Call>& call) const;
    void setup_begin(const std::shared_ptr<Call>& call) const;
    void setup_finish(const std::shared_ptr<Call>& call);
    void login(const std::shared_ptr<Call>& call);
    void logout(const std::shared_ptr<Call>& call) const;
    void describe(const std::shared_ptr<Call>& call) const;

 private:
    [[nodiscard]] bool token_is_good(const std::string& token_sha256) const;
    // Answers the call itself and returns false when name or password may not be used.
    [[nodiscard]] static bool check_new_operator(const Call& call);
    void make_operator(const std::shared_ptr<Call>& call, const std::string& totp_secret, std::uint64_t step);
    void check_login(const std::shared_ptr<Call>& call);
    void open_session(const std::shared_ptr<Call>& call, const pb::Operator& who,
                      std::uint64_t totp_step) const;
    void login_failed(const std::shared_ptr<Call>& call, std::uint64_t operator_no) const;
    [[nodiscard]] Json session_json(const Caller& caller) const;
    // As node->submit(); we stay until `done` returned.
    void submit(pb::Command command, payments::Service::Done done) const;

    const AdminOptions& options_;
    mutable Pending pending_;
    Workers worker_{1, limits::kPasswordQueue};
};

}  // namespace kontor::admin
