// Keys, headers, content types, and what happens when the node cannot.
#include "impl.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/events.h"
#include "shop.h"

namespace kontor::api::testing {
namespace {

const Form kCreate = {{"amount", "1000"}, {"currency", "eur"}};

TEST(Keys, AreNeededAndChecked) {
    Shop shop;
    for (const auto& [header, why] : std::vector<std::pair<std::string, std::string>>{
             {"", "You did not provide an API key"},
             {"Bearer", "You did not provide an API key"},
             {"Bearer ", "You did not provide an API key"},
             {"Bearer sk_test_wrong", "Invalid API Key provided"},
             {"Bearer " + std::string(5000, 'x'), "Invalid API Key provided"},
             {"Digest abc", "You did not provide an API key"},
             {"Basic !!!", "You did not provide an API key"},
             {"Bearer pk_test_x", "publishable"},
             {std::string(kTestKey), "You did not provide an API key"}}) {
        const Answer answer = shop.send("GET", "/v1/balance", {}, {{"Authorization", header}}, "");
        EXPECT_EQ(answer.status, 401) << header;
        EXPECT_EQ(answer.error().at("type"), "invalid_request_error");
        EXPECT_NE(answer.error().at("message").get<std::string>().find(why), std::string::npos)
            << answer.text;
        EXPECT_NE(answer.header("WWW-Authenticate"), "");
        EXPECT_EQ(answer.text.find("sk_test_"), std::string::npos) << "a key must not come back";
    }
}

TEST(Keys, BearerAndBasic) {
    Shop shop;
    const std::string key(kTestKey);
    for (const std::string& header :
         {"Bearer " + key, "bearer " + key, "BEARER  " + key, "Basic " + crypto::base64(key + ":"),
          "basic " + crypto::base64(key + ":ignored"), "Basic " + crypto::base64(key)}) {
        EXPECT_EQ(shop.send("GET", "/v1/balance", {}, {{"Authorization", header}}, "").status, 200) << header;
    }
}

TEST(Keys, RevokedIsExpired) {
    Shop shop;
    shop.revoke_key(kTestKey);
    const Answer answer = shop.get("/v1/balance");
    EXPECT_EQ(answer.status, 401);
    EXPECT_EQ(answer.error().at("code"), "api_key_expired");
}

TEST(Keys, AValidKeyIsRememberedUntilKeysChange) {
    // Versions are never the same twice in a process: no other test may use these.
    constexpr std::uint64_t kFirst = 1'000'001, kSecond = 1'000'002;
    Shop shop;
    const auto make = [&](std::string_view key) { return shop.post("/v1/customers", {}, {}, key); };
    shop.service.keys = kFirst;
    ASSERT_EQ(make(kTestKey).status, 200);
    EXPECT_EQ(make("sk_test_nobody").status, 401);
    shop.revoke_key(kTestKey);
    EXPECT_EQ(make(kTestKey).status, 200) << "it was not looked up again";
    EXPECT_EQ(make(kLiveKey).json.at("livemode"), true) << "each key is its own";
    shop.service.keys = kSecond;
    EXPECT_EQ(make(kTestKey).error().at("code"), "api_key_expired");
    shop.service.keys = 0;
    ASSERT_EQ(make(kLiveKey).status, 200);
    shop.revoke_key(kLiveKey);
    EXPECT_EQ(make(kLiveKey).status, 401) << "0: nothing is remembered";
}

TEST(Keys, ModeAndMerchantComeFromTheKey) {
    Shop shop;
    const Json customer = shop.made("/v1/customers", {{"name", "Ada"}});
    EXPECT_EQ(customer.at("livemode"), false);
    const std::string target = "/v1/customers/" + customer.at("id").get<std::string>();
    EXPECT_EQ(shop.get(target).status, 200);
    EXPECT_EQ(shop.get(target, kLiveKey).status, 404);
    EXPECT_EQ(shop.get(target, kOtherKey).status, 404);
    EXPECT_EQ(shop.post(target, {{"name", "Eve"}}, {}, kOtherKey).status, 404);
    EXPECT_EQ(shop.read(target).at("name"), "Ada");
    EXPECT_EQ(shop.get("/v1/customers", kOtherKey).json.at("data").size(), 0U);
    EXPECT_EQ(shop.get("/v1/account", kLiveKey).json.at("business_profile").at("name"), "Shop");
}

TEST(Keys, LiveModeHasNoTestCardsAndNoTestHelpers) {
    Shop shop;
    const Answer card =
        shop.post("/v1/payment_intents",
                  {{"amount", "1"}, {"currency", "eur"}, {"payment_method", "pm_card_visa"}}, {}, kLiveKey);
    EXPECT_EQ(card.error().at("code"), "resource_missing");
    EXPECT_NE(card.text.find("test mode"), std::string::npos);
    const Answer customer = shop.post("/v1/customers", {}, {}, kLiveKey);
    const Answer help = shop.post("/v1/test_helpers/customers/" + customer.id() + "/fund_cash_balance",
                                  kCreate, {}, kLiveKey);
    EXPECT_EQ(help.status, 400);
    const Answer plain_http = shop.post(
        "/v1/webhook_endpoints", {{"url", "http://example.com"}, {"enabled_events[]", "*"}}, {}, kLiveKey);
    EXPECT_EQ(plain_http.error().at("param"), "url");
}

// What no delivery could ever reach is refused when it is said, and not for three days afterwards.
TEST(Webhooks, AnEndpointThatNothingCouldReachIsRefused) {
    Shop allows, refuses(0, {}, domains::role(domains::kSecretKey), false);
    const Form public_url = {{"url", "https://shop.example/h"}, {"enabled_events[]", "*"}};
    const std::string known = refuses.post("/v1/webhook_endpoints", public_url).id();
    for (const char* url :
         {"http://shop.example/h", "http://127.0.0.1/h", "https://127.0.0.1/h", "https://10.1.2.3:8443/h",
          "https://[::1]/h", "https://[fd00::1]/", "https://169.254.169.254/latest", "HTTP://shop.example"}) {
        EXPECT_EQ(allows.post("/v1/webhook_endpoints", {{"url", url}, {"enabled_events[]", "*"}}).status, 200)
            << url;
        for (const Answer& answer :
             {refuses.post("/v1/webhook_endpoints", {{"url", url}, {"enabled_events[]", "*"}}),
              refuses.post("/v1/webhook_endpoints/" + known, {{"url", url}})}) {
            EXPECT_EQ(answer.status, 400) << url;
            EXPECT_EQ(answer.error().at("param"), "url") << url;
            EXPECT_NE(answer.text.find("webhooks.allow_"), std::string::npos) << answer.text;
        }
    }
    EXPECT_EQ(refuses.read("/v1/webhook_endpoints/" + known).at("url"), "https://shop.example/h");
    EXPECT_EQ(refuses.post("/v1/webhook_endpoints/" + known, {{"url", "https://8.8.8.8/h"}}).status, 200);
    // One of before the setting was taken back can still be changed, or switched off.
    EXPECT_EQ(refuses.post("/v1/webhook_endpoints/" + known, {{"disabled", "true"}}).status, 200);
}

TEST(Headers, AnswersCarryWhatClientsRead) {
    Shop shop;
    const Answer made =
        shop.post("/v1/customers", {}, {{"Stripe-Version", "2024-06-20"}, {"Idempotency-Key", "k1"}});
    EXPECT_EQ(made.header("Content-Type"), "application/json");
    EXPECT_EQ(made.header("Request-Id").size(), 4U + 14U);
    EXPECT_EQ(made.header("Stripe-Version"), "2024-06-20");
    EXPECT_EQ(made.header("Idempotency-Key"), "k1");
    EXPECT_EQ(made.header("Idempotent-Replayed"), "");
    EXPECT_EQ(parse_position(made.header("Kontor-Log-Index")),
              (LogPosition{kFirstGroup, shop.service.index}));
    EXPECT_EQ(shop.get("/v1/balance").header("Stripe-Version"), machine::kApiVersion);
    EXPECT_NE(shop.get("/v1/balance").header("Request-Id"), shop.get("/v1/balance").header("Request-Id"));
    EXPECT_EQ(shop.get("/v1/balance").header("Access-Control-Allow-Origin"), "");
    EXPECT_EQ(shop.send("PUT", "/v1/customers").header("Allow"), "") << "it is answered as an unknown URL";
}

TEST(Headers, VersionsAndForeignAccountsAreChecked) {
    Shop shop;
    for (const std::string version :
         {"latest", "2024-6-20", "2024-06-20;x", "2024-06-20.", "2024-06-20.ACACIA", "20240620"}) {
        EXPECT_EQ(shop.send("GET", "/v1/balance", {}, {{"Stripe-Version", version}}).status, 400) << version;
    }
    EXPECT_EQ(shop.send("GET", "/v1/balance", {}, {{"Stripe-Version", "2026-10-28.endive"}}).status, 200);
    const std::string own = shop.read("/v1/account").at("id");
    EXPECT_EQ(shop.send("GET", "/v1/balance", {}, {{"Stripe-Account", own}}).status, 200);
    const Answer foreign = shop.send("GET", "/v1/balance", {}, {{"Stripe-Account", "acct_00000000009"}});
    EXPECT_EQ(foreign.status, 403);
    EXPECT_EQ(foreign.error().at("code"), "account_invalid");
    EXPECT_EQ(shop.send("GET", "/v1/balance", {}, {{"Stripe-Context", "acct_00000000009"}}).status, 403);
}

TEST(Idempotency, TheFirstAnswerComesAgain) {
    Shop shop;
    const Headers key = {{"Idempotency-Key", "order-1"}};
    const Answer first = shop.post("/v1/payment_intents",
                                   {{"amount", "1000"},
                                    {"currency", "eur"},
                                    {"payment_method", "pm_card_visa"},
                                    {"confirm", "true"},
                                    {"expand[]", "latest_charge"}},
                                   key);
    ASSERT_EQ(first.status, 200) << first.text;
    // Other order, list with an index: the same request.
    const Answer again = shop.post("/v1/payment_intents",
                                   {{"expand[0]", "latest_charge"},
                                    {"confirm", "true"},
                                    {"currency", "eur"},
                                    {"amount", "1000"},
                                    {"payment_method", "pm_card_visa"}},
                                   key);
    EXPECT_EQ(again.status, 200);
    EXPECT_EQ(again.text, first.text);
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_NE(again.header("Request-Id"), first.header("Request-Id"));
    EXPECT_EQ(shop.read("/v1/balance").at("pending").at(0).at("amount").get<int>() +
                  shop.read("/v1/balance").at("available").at(0).at("amount").get<int>(),
              1000);
    // The key as structured-field string is the same key; JSON the same request.
    const Answer quoted =
        shop.send("POST", "/v1/payment_intents",
                  Json{{"amount", 1000},
                       {"currency", "eur"},
                       {"payment_method", "pm_card_visa"},
                       {"confirm", true},
                       {"expand", {"latest_charge"}}}
                      .dump(),
                  {{"Idempotency-Key", "\"order-1\""}, {"Content-Type", "application/json; charset=utf-8"}});
    EXPECT_EQ(quoted.text, first.text);
    // The key belongs to merchant and mode.
    EXPECT_EQ(shop.post("/v1/payment_intents", {{"amount", "7"}, {"currency", "eur"}}, key, kOtherKey).status,
              200);
    EXPECT_EQ(shop.post("/v1/payment_intents", {{"amount", "7"}, {"currency", "eur"}}, key, kLiveKey).status,
              200);
}

TEST(Idempotency, OtherParametersAreAnError) {
    Shop shop;
    const Headers key = {{"Idempotency-Key", "order-1"}};
    ASSERT_EQ(shop.post("/v1/payment_intents", kCreate, key).status, 200);
    for (const auto& [target, form] : std::vector<std::pair<std::string, Form>>{
             {"/v1/payment_intents", {{"amount", "1001"}, {"currency", "eur"}}},
             {"/v1/payment_intents", {{"amount", "1000"}, {"currency", "eur"}, {"expand[]", "customer"}}},
             {"/v1/customers", {}}}) {
        const Answer answer = shop.post(target, form, key);
        EXPECT_EQ(answer.status, 400) << answer.text;
        EXPECT_EQ(answer.error().at("type"), "idempotency_error");
        EXPECT_NE(answer.error().at("message").get<std::string>().find("order-1"), std::string::npos);
    }
}

TEST(Idempotency, DeclinesAreRememberedRefusedParametersAreNot) {
    Shop shop;
    const Form declined = {{"amount", "1000"},
                           {"currency", "eur"},
                           {"payment_method", "pm_card_chargeDeclined"},
                           {"confirm", "true"}};
    const Answer first = shop.post("/v1/payment_intents", declined, {{"Idempotency-Key", "d"}});
    EXPECT_EQ(first.status, 402) << first.text;
    const Answer again = shop.post("/v1/payment_intents", declined, {{"Idempotency-Key", "d"}});
    EXPECT_EQ(again.text, first.text);
    EXPECT_EQ(again.header("Idempotent-Replayed"), "true");
    EXPECT_EQ(
        shop.post("/v1/payment_intents", {{"amount", "x"}, {"currency", "eur"}}, {{"Idempotency-Key", "v"}})
            .status,
        400);
    EXPECT_EQ(shop.post("/v1/payment_intents", kCreate, {{"Idempotency-Key", "v"}}).status, 200);
}

TEST(Idempotency, WhileTheFirstIsUnderWay) {
    Shop shop;
    shop.service.ask_channel = false;
    const Form form = {
        {"amount", "1000"}, {"currency", "eur"}, {"payment_method", "pm_card_visa"}, {"confirm", "true"}};
    EXPECT_EQ(shop.post("/v1/payment_intents", form, {{"Idempotency-Key", "w"}}).json.at("status"),
              "processing");
    const Answer second = shop.post("/v1/payment_intents", form, {{"Idempotency-Key", "w"}});
    EXPECT_EQ(second.status, 409) << second.text;
    EXPECT_EQ(second.error().at("code"), "idempotency_key_in_use");
    EXPECT_EQ(second.header("Stripe-Should-Retry"), "true");
}

TEST(Idempotency, KeysHaveAForm) {
    Shop shop;
    const auto with = [&](const std::string& key) {
        return shop.post("/v1/customers", {}, {{"Idempotency-Key", key}}).status;
    };
    EXPECT_EQ(with(std::string(255, 'k')), 200);
    EXPECT_EQ(with(std::string(256, 'k')), 400);
    EXPECT_EQ(with(""), 400);
    EXPECT_EQ(with("a\xC3\xA4"), 400);
    EXPECT_EQ(with(R"("a\"b\\c")"), 200);
    EXPECT_EQ(with(R"("unfinished)"), 400);
    EXPECT_EQ(with(R"("a" b)"), 400);
    EXPECT_EQ(with(R"("a\n")"), 400);
    EXPECT_EQ(shop.service.last_command.idempotency_key(), "a\"b\\c");
    // On other methods it has no effect.
    EXPECT_EQ(shop.send("GET", "/v1/balance", {}, {{"Idempotency-Key", ""}}).status, 200);
}

TEST(Bodies, ContentTypes) {
    Shop shop;
    const auto send = [&](const std::string& type, const std::string& body) {
        Headers headers;
        if (!type.empty()) headers.push_back({"Content-Type", type});
        return shop.send("POST", "/v1/customers", body, headers).status;
    };
    EXPECT_EQ(send("application/x-www-form-urlencoded", "name=Ada"), 200);
    EXPECT_EQ(send("Application/JSON; charset=UTF-8", R"({"name":"Ada"})"), 200);
    EXPECT_EQ(send("", "name=Ada"), 200);
    EXPECT_EQ(send("text/plain", ""), 200) << "no body, no matter";
    EXPECT_EQ(send("multipart/form-data; boundary=x", "--x"), 415);
    EXPECT_EQ(send("text/plain", "name=Ada"), 415);
    EXPECT_EQ(send("application/json; charset=latin1", "{}"), 415);
    EXPECT_EQ(send("application/json", "name=Ada"), 400);
    EXPECT_EQ(send("application/json", "[]"), 400);
    EXPECT_EQ(
        shop.post("/v1/payment_intents", {{"amount", "1"}, {"currency", "eur"}, {"confirm", "False"}}).status,
        200);
    EXPECT_EQ(
        shop.post_json("/v1/payment_intents", {{"amount", 1}, {"currency", "eur"}, {"confirm", "False"}})
            .error()
            .value("param", ""),
        "confirm");
}

TEST(Bodies, JsonTypesAreStrict) {
    Shop shop;
    const auto param = [&](const Json& body) {
        return shop.post_json("/v1/payment_intents", body).error().value("param", "none");
    };
    EXPECT_EQ(param({{"amount", "1000"}, {"currency", "eur"}}), "none")
        << "digits in a string are what a form sends";
    EXPECT_EQ(param({{"amount", true}, {"currency", "eur"}}), "amount");
    EXPECT_EQ(param({{"amount", 10.5}, {"currency", "eur"}}), "amount");
    EXPECT_EQ(param({{"amount", {1}}, {"currency", "eur"}}), "amount");
    EXPECT_EQ(param({{"amount", 1000}, {"currency", 978}}), "currency");
    EXPECT_EQ(param({{"amount", 1000}, {"currency", "eur"}, {"confirm", 1}}), "confirm");
    EXPECT_EQ(param({{"amount", 1000}, {"currency", "eur"}, {"description", 5}}), "description");
    EXPECT_EQ(param({{"amount", 1000}, {"currency", "eur"}, {"metadata", {{"a[b]", "c"}}}}),
              "metadata[a[b]]");
    const Answer numbers =
        shop.post_json("/v1/payment_intents",
                       {{"amount", 1000}, {"currency", "eur"}, {"metadata", {{"n", 5}, {"gone", nullptr}}}});
    EXPECT_EQ(numbers.json.at("metadata"), (Json{{"n", "5"}})) << numbers.text;
}

TEST(Failures, OfTheNodeAreRetried) {
    Shop shop;
    const auto status_of = [&](ErrorCode code) {
        shop.service.refuse_with = Error{code, "inside"};
        const Answer answer =
            shop.post("/v1/customers", {{"name", "Ada"}}, {{"Idempotency-Key", "of-the-node"}});
        EXPECT_EQ(answer.text.find("inside"), std::string::npos) << "internals stay inside";
        const bool retry = answer.header("Stripe-Should-Retry") == "true";
        EXPECT_EQ(retry, !answer.header("Retry-After").empty());
        EXPECT_EQ(retry, answer.status >= 429);
        return answer.status;
    };
    EXPECT_EQ(status_of(ErrorCode::overloaded), 429);
    EXPECT_EQ(status_of(ErrorCode::unavailable), 503);
    EXPECT_EQ(status_of(ErrorCode::timeout), 503);
    EXPECT_EQ(status_of(ErrorCode::no_space), 503);
    EXPECT_EQ(status_of(ErrorCode::too_large), 413);
    EXPECT_EQ(status_of(ErrorCode::internal), 500);
}

// The end of the log's indexes is for ever.
TEST(Failures, WhatIsUsedUpIsSaidAndNotTriedAgain) {
    Shop shop;
    shop.service.refuse_with = Error{ErrorCode::exhausted, "inside"};
    const Answer answer = shop.post("/v1/customers", {{"name", "Ada"}});
    EXPECT_EQ(answer.status, 503);
    EXPECT_NE(answer.error().at("message").get<std::string>().find("used up"), std::string::npos);
    EXPECT_EQ(answer.header("Stripe-Should-Retry"), "false");
    EXPECT_EQ(answer.text.find("inside"), std::string::npos);
}

// Programs that repeat it by themselves would pay twice.
TEST(Failures, OfAPostWithoutAKeyThatMayBeDoneAreNotRetried) {
    Shop shop;
    const auto retried = [&](ErrorCode code) {
        shop.service.refuse_with = Error{code, "inside"};
        const Answer answer = shop.post("/v1/customers", {{"name", "Ada"}});
        const bool says_unknown = answer.text.find("not known") != std::string::npos;
        EXPECT_EQ(says_unknown, answer.header("Stripe-Should-Retry") == "false") << answer.text;
        EXPECT_EQ(answer.text.find("inside"), std::string::npos) << "internals stay inside";
        EXPECT_EQ(answer.header("Retry-After").empty(), answer.status == 500);
        return answer.header("Stripe-Should-Retry");
    };
    EXPECT_EQ(retried(ErrorCode::timeout), "false");
    EXPECT_EQ(retried(ErrorCode::internal), "false");
    EXPECT_EQ(retried(ErrorCode::unavailable), "true") << "nothing was done";
    EXPECT_EQ(retried(ErrorCode::overloaded), "true");
}

TEST(Failures, OfTheStoreAndOfStarting) {
    Shop shop;
    shop.service.broken = true;
    const Answer broken = shop.get("/v1/balance");
    EXPECT_EQ(broken.status, 503);
    EXPECT_EQ(broken.error().at("type"), "api_error");
    EXPECT_EQ(broken.text.find("page of the store"), std::string::npos);
    shop.service.broken = false;
    shop.ready = false;
    EXPECT_EQ(shop.get("/v1/balance").status, 503);
    EXPECT_EQ(shop.get("/v1/openapi.json").status, 200);
}

TEST(Metrics, CountByOperationAndStatus) {
    Shop shop;
    shop.get("/v1/balance");
    shop.get("/v1/balance", "sk_test_wrong");
    shop.get("/v1/nothing");
    const std::string text = shop.metrics.text();
    for (const std::string_view line :
         {R"(kontor_api_requests_total{operation="retrieve_balance",status="200"} 1)",
          R"(kontor_api_requests_total{operation="retrieve_balance",status="401"} 1)",
          R"(kontor_api_requests_total{operation="unknown",status="404"} 1)"}) {
        EXPECT_NE(text.find(line), std::string::npos) << text;
    }
}

TEST(Api, OwnsItsPaths) {
    EXPECT_TRUE(Api::owns("/v1/customers"));
    EXPECT_FALSE(Api::owns("/v1"));
    EXPECT_FALSE(Api::owns("/admin/api/session"));
}

http::RequestKind kind_of(const std::string& method, const std::string& path, std::size_t body_bytes = 0,
                          const std::string& key = "") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.body.assign(body_bytes, 'b');
    if (!key.empty()) request.headers.push_back({"Idempotency-Key", key});
    return Api::kind_of(request);
}

using surface::Route;
using surface::Work;

TEST(Routes, NothingIsThereTwice) {
    EXPECT_EQ(catalogue().problems(), "");
}

TEST(Kinds, EveryRouteSaysWhetherItReads) {
    for (const Route& route : catalogue().routes()) {
        std::string path(route.pattern.value);
        for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
            path.replace(open, path.find('}') - open + 1, "some_ids");  // ends in s, and is no list for that
        const auto kind = kind_of(std::string(route.method.value), path, 1'000'000);
        SCOPED_TRACE(std::string(route.method.value) + " " + path);
        EXPECT_EQ(catalogue().route_of(route.method, path), &route);
        const bool looks_up = route.work.value == Work::look_up;
        EXPECT_EQ(kind.is_read, route.method.value == "GET" || looks_up);
        EXPECT_EQ(kind.is_repeatable, kind.is_read);
        EXPECT_EQ(kind.is_costly, route.work.value == Work::read_many || looks_up);
        EXPECT_TRUE(kind_of(std::string(route.method.value), path, 0, "key").is_repeatable);
    }
}

TEST(Kinds, CostIsOfTheRouteAndNotOfItsSpelling) {
    for (const char* path : {"/v1/charges", "/v1/balance_transactions", "/v1/ledger/accounts",
                             "/v1/ledger/accounts/7/transfers"})
        EXPECT_TRUE(kind_of("GET", path).is_costly) << path;
    for (const char* path : {"/v1/charges/ch_s", "/v1/balance", "/v1/account", "/v1/ledger/accounts/7",
                             "/v1/openapi.json", "/v1/nothings", "/v1/", "/v1", ""}) {
        EXPECT_TRUE(kind_of("GET", path).is_read) << path;
        EXPECT_FALSE(kind_of("GET", path).is_costly) << path;
    }
    EXPECT_FALSE(kind_of("POST", "/v1/charges", 100'000).is_read);
    EXPECT_FALSE(kind_of("POST", "/v1/ledger/accounts/lookup", 4'096).is_costly);
    EXPECT_TRUE(kind_of("POST", "/v1/ledger/accounts/lookup", 4'097).is_costly);
    EXPECT_FALSE(kind_of("POST", "/v1/nothing/lookup").is_read);
    EXPECT_FALSE(kind_of("POST", "/v1/ledger/transfers", 100'000).is_read);
}

}  // namespace
}  // namespace kontor::api::testing
