#pragma once
// A node in a temporary folder, its reports, and the admin surface in front of them; requests in a few words.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "kontor/admin/admin.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/node/node.h"
#include "kontor/reporting/reports.h"
#include "support/eventually.h"
#include "support/test_clock.h"

namespace kontor::admin::testing {

using Json = nlohmann::json;
using Headers = std::vector<http::Header>;

inline constexpr std::int64_t kDay = 86'400'000;
inline constexpr const char* kPassword = "correct horse battery";

struct Answer {
    int status = 0;
    std::string text;
    Json json;
    http::Response response;
    [[nodiscard]] std::string header(std::string_view name) const;
    [[nodiscard]] std::string code() const;  // of the error
    [[nodiscard]] std::string param() const;
};

// What a browser keeps.
struct Session {
    std::string cookie;   // "kontor_session=…"
    std::string browser;  // "kontor_browser_…=…"
    std::string csrf;
};

struct Person {
    std::string name, password = kPassword, totp_secret;  // the secret's bytes
};

using kontor_test::eventually;

class Office : public ::testing::Test {
 protected:
    Office();
    ~Office() override;

    // --- requests ---
    // Calls the surface; the answer may come from any thread.
    Answer send(std::string method, const std::string& target, std::string body = {}, Headers headers = {});
    void send_async(std::string method, const std::string& target, std::string body, Headers headers,
                    http::Responder respond);
    // A target that names no mode is one of test mode.
    Answer get(const std::string& target);  // with session_
    Answer post(const std::string& target, const Json& body);
    Answer open_post(const std::string& target, const Json& body);  // without
    [[nodiscard]] Headers credentials() const;

    // --- people ---
    std::string make_token(std::int64_t lifetime_ms = kDay, const std::string& operator_name = {});
    std::string code(const Person& person);  // now
    void next_code() { clock_.step(30'000); }
    // Takes the whole way of the one-time link; the session is kept in session_.
    Person set_up(const std::string& name = "ada");
    Answer login(const Person& person, const std::string& code, const std::string& cookie = "");
    void keep(const Answer& answer);  // its session

    // --- shops ---
    pb::Result run(pb::Command command);
    std::uint64_t merchant(const std::string& name);
    pb::Command of_shop() const;
    std::uint64_t customer(const std::string& name, std::int64_t wallet);
    pb::Result pay(std::uint64_t customer_no, std::int64_t amount, const std::string& description,
                   bool manual_capture = false);
    [[nodiscard]] bool reports_are_current();

    std::atomic<bool> knows_now_{true};
    std::function<const machine::Role*(std::string_view)> role_ = domains::role;
    kontor_test::TestClock clock_{1'800'003'600'000};  // 2027-01-15 09:00 UTC
    // What the surface waits by stands still once a test says so, so that a slow machine changes nothing.
    kontor_test::StoppableClock surface_clock_{clock_};
    telemetry::Registry metrics_;
    crypto::Sealer sealer_;
    std::string folder_;
    std::unique_ptr<node::Node> node_;
    std::unique_ptr<reporting::Reports> reports_;
    std::unique_ptr<Admin> admin_;
    Session session_;
    std::string peer_ = "192.0.2.7";  // where requests come from
    std::uint64_t shop_no_ = 0;       // of merchant()
};

}  // namespace kontor::admin::testing
