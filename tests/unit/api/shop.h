#pragma once
// A merchant with keys of both modes and the API in front of it; requests in a few words.

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "direct_service.h"
#include "kontor/accounts.pb.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/api/api.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/keys.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/outcome.h"
#include "support/test_clock.h"

namespace kontor::api::testing {

using Json = nlohmann::json;
using Headers = std::vector<http::Header>;
using Form = std::vector<std::pair<std::string, std::string>>;

struct Answer {
    int status = 0;
    std::string text;
    Json json;
    Headers headers;

    [[nodiscard]] std::string header(std::string_view name) const {
        for (const auto& header : headers) {
            if (header.name == name) return header.value;
        }
        return {};
    }
    [[nodiscard]] std::string id() const { return json.value("id", ""); }
    [[nodiscard]] Json error() const { return json.value("error", Json::object()); }
};

inline constexpr std::string_view kTestKey = "sk_test_abcdefghijklmnop";
inline constexpr std::string_view kLiveKey = "sk_live_abcdefghijklmnop";
inline constexpr std::string_view kOtherKey = "sk_test_somebodyelse";

inline std::string encode(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '_' || c == '.' || c == '-' || c == '[' || c == ']') {
            out += c;
        } else {
            out += '%';
            out += kHex[byte >> 4U];
            out += kHex[byte & 0xFU];
        }
    }
    return out;
}
inline std::string encode(const Form& form) {
    std::string out;
    for (const auto& [name, value] : form) {
        if (!out.empty()) out += '&';
        out += encode(name) + "=" + encode(value);
    }
    return out;
}

class Shop {
 public:
    explicit Shop(std::uint32_t fee_bps = 0, const ApiLimits& limits = {},
                  const machine::Role* key_role = domains::role(domains::kSecretKey),
                  bool delivers_to_private = true)
        : sealer(crypto::Secret(std::string(32, 'k'))) {
        merchant_no = make_merchant("Shop", fee_bps);
        add_key(merchant_no, kTestKey, false);
        add_key(merchant_no, kLiveKey, true);
        add_key(make_merchant("Somebody else", 0), kOtherKey, false);
        ApiOptions options;
        options.service = &service;
        options.sealer = &sealer;
        options.metrics = &metrics;
        options.clock = &clock;
        options.limits = limits;
        options.delivers_to_http = delivers_to_private;
        options.delivers_to_private_addresses = delivers_to_private;
        options.key_role = key_role;
        options.ready = [this] { return ready; };
        options.random_token = [this](std::size_t n) {
            const std::string number = std::to_string(++randoms);
            return number.size() >= n ? number.substr(0, n) : std::string(n - number.size(), 'r') + number;
        };
        api = std::make_unique<Api>(std::move(options));
    }

    // `target` may carry a query. Answers must come at once: the service is direct.
    Answer send(std::string method, std::string_view target, std::string body = {}, Headers headers = {},
                std::string_view key = kTestKey) {
        http::Request request;
        request.method = std::move(method);
        request.path = std::string(target.substr(0, target.find('?')));
        if (target.find('?') != std::string_view::npos)
            request.query = std::string(target.substr(target.find('?') + 1));
        request.body = std::move(body);
        request.headers = std::move(headers);
        if (!key.empty()) request.headers.push_back({"Authorization", "Bearer " + std::string(key)});
        request.peer_ip = peer;
        Answer answer;
        int answers = 0;
        api->handle(std::move(request), [&](http::Response response) {
            ++answers;
            answer.status = response.status;
            answer.text = response.body;
            answer.headers = response.headers;
        });
        EXPECT_EQ(answers, 1) << target;
        answer.json = Json::parse(answer.text, nullptr, false);
        EXPECT_FALSE(answer.json.is_discarded()) << answer.text;
        return answer;
    }
    Answer get(std::string_view target, std::string_view key = kTestKey) {
        return send("GET", target, {}, {}, key);
    }
    Answer del(std::string_view target) { return send("DELETE", target); }
    Answer post(std::string_view target, const Form& form = {}, Headers headers = {},
                std::string_view key = kTestKey) {
        headers.push_back({"Content-Type", "application/x-www-form-urlencoded"});
        return send("POST", target, encode(form), std::move(headers), key);
    }
    Answer post_json(std::string_view target, const Json& body) {
        return send("POST", target, body.dump(), {{"Content-Type", "application/json"}});
    }
    // As `post`, but it has to work.
    Json made(std::string_view target, const Form& form = {}, Headers headers = {}) {
        const Answer answer = post(target, form, std::move(headers));
        EXPECT_EQ(answer.status, 200) << answer.text;
        return answer.json;
    }
    Json read(std::string_view target) {
        const Answer answer = get(target);
        EXPECT_EQ(answer.status, 200) << answer.text;
        return answer.json;
    }
    std::string customer_with(const std::string& amount) {
        const std::string id = made("/v1/customers", {{"name", "Ada"}}).at("id");
        made("/v1/test_helpers/customers/" + id + "/fund_cash_balance",
             {{"amount", amount}, {"currency", "eur"}});
        return id;
    }
    Json paid(const std::string& amount, Form more = {}) {
        Form form = {
            {"amount", amount}, {"currency", "eur"}, {"payment_method", "pm_card_visa"}, {"confirm", "true"}};
        form.insert(form.end(), more.begin(), more.end());
        return made("/v1/payment_intents", form);
    }

    DirectService service;
    crypto::Sealer sealer;
    telemetry::Registry metrics;
    kontor_test::HandClock clock;
    bool ready = true;
    std::string peer = "127.0.0.1";
    std::uint64_t randoms = 0;
    std::uint64_t merchant_no = 0;
    std::unique_ptr<Api> api;

    void add_key(std::uint64_t merchant, std::string_view key, bool livemode) {
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        pb::CreateApiKey& wanted = *mutable_body(command, pb::create_api_key);
        wanted.set_merchant_no(merchant);
        wanted.set_livemode(livemode);
        wanted.set_key_sha256(crypto::sha256(key));
        const pb::Result result = service.run(command);
        EXPECT_EQ(result.outcome(), machine::outcome::ok) << result.error().message();
    }
    void revoke_key(std::string_view key) {
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        mutable_body(command, pb::revoke_api_key)->set_key_sha256(crypto::sha256(key));
        EXPECT_EQ(service.run(command).outcome(), machine::outcome::ok);
    }

 private:
    std::uint64_t make_merchant(const std::string& name, std::uint32_t fee_bps) {
        pb::Command command;
        command.set_version(machine::kCommandVersion);
        pb::CreateMerchant& wanted = *mutable_body(command, pb::create_merchant);
        wanted.set_name(name);
        wanted.set_fee_bps(fee_bps);
        wanted.set_default_currency("eur");
        const pb::Result result = service.run(command);
        EXPECT_EQ(result.outcome(), machine::outcome::ok) << result.error().message();
        return object_in(result, pb::merchant).no();
    }
};

}  // namespace kontor::api::testing
