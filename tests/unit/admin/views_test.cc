// What the pages show of a few payments.

#include <set>

#include "domains/accounts/ids.h"
#include "domains/customers/ids.h"
#include "domains/payments/admin.h"
#include "domains/payments/ids.h"
#include "domains/payments/outcomes.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/admin/limits.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine/outcome.h"
#include "kontor/payments.pb.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "office.h"

namespace kontor::admin {
namespace {

using testing::Answer;
using testing::eventually;
using testing::Json;

constexpr std::int64_t kHourMs = 3'600'000;

class Pages : public testing::Office {
 protected:
    Pages() {
        ada_ = set_up("ada");
        merchant("Teehaus 茶館");
    }
    testing::Person ada_;
    static std::string id_of(const pb::Result& result) {
        return format_id(payments::prefix::intent, object_in(result, pb::payment_intent).no());
    }
    pb::Result refund(std::uint64_t intent_no, std::int64_t amount) {
        pb::Command command = of_shop();
        mutable_body(command, pb::create_refund)->set_intent_no(intent_no);
        mutable_body(command, pb::create_refund)->set_amount(amount);
        return run(command);
    }
    pb::Result capture(std::uint64_t intent_no, std::int64_t amount) {
        pb::Command command = of_shop();
        mutable_body(command, pb::capture_payment_intent)->set_no(intent_no);
        mutable_body(command, pb::capture_payment_intent)->set_amount_to_capture(amount);
        return run(command);
    }
    Json home(const std::string& mode = "test") {
        const Answer answer = get(mode + "/home");
        EXPECT_EQ(answer.status, 200) << answer.text;
        return answer.json;
    }
    std::vector<std::string> listed(const std::string& query) {
        const Answer answer = get("payments?" + query);
        EXPECT_EQ(answer.status, 200) << answer.text;
        std::vector<std::string> ids;
        for (const auto& row : answer.json.at("data")) ids.push_back(row.at("id"));
        return ids;
    }
    // What the posted legs move into (or out of) accounts of a kind.
    static std::int64_t moved(const Json& page, const std::string& kind) {
        std::int64_t sum = 0;
        for (const auto& leg : page.at("legs")) {
            if (leg.at("state") != "posted") continue;
            if (leg.at("credit").at("kind") == kind) sum += leg.at("amount").get<std::int64_t>();
            if (leg.at("debit").at("kind") == kind) sum -= leg.at("amount").get<std::int64_t>();
        }
        return sum;
    }
};

TEST_F(Pages, HomeCountsToday) {
    EXPECT_TRUE(home().at("totals").empty());
    const auto li = customer("李小龍", 10'000);
    for (int i = 0; i < 3; ++i) ASSERT_EQ(pay(li, 1'000, "tea").outcome(), machine::outcome::ok);
    ASSERT_EQ(pay(li, 99'999, "too much").outcome(), payments::outcome::insufficient_funds);
    ASSERT_TRUE(reports_are_current());
    const Json json = home();
    ASSERT_EQ(json.at("totals").size(), 1U) << json;
    EXPECT_EQ(json.at("totals")[0], (Json{{"currency", "eur"},
                                          {"volume", 3'000},
                                          {"payments", 4},
                                          {"succeeded", 3},
                                          {"failed", 1},
                                          {"success_rate_bp", 7'500}}));
    const std::int64_t now = clock_.wall_ms();
    ASSERT_EQ(json.at("hours").size(), 1U);
    EXPECT_EQ(json.at("hours")[0], (Json{{"start_ms", now - now % kHourMs},
                                         {"currency", "eur"},
                                         {"volume", 3'000},
                                         {"succeeded", 3},
                                         {"failed", 1}}));
    ASSERT_EQ(json.at("days").size(), 1U);
    EXPECT_EQ(json.at("days")[0].at("start_ms"), now - now % testing::kDay);
    EXPECT_EQ(json.at("as_of_ms"), now);
    EXPECT_EQ(json.at("webhooks"), (Json{{"pending", 0}, {"failed", 0}}));
    const Json& node = json.at("node");
    EXPECT_EQ(node.at("role"), "leader");
    EXPECT_GT(node.at("log_index"), 0);
    EXPECT_GT(node.at("memtable_bytes"), 0);
    EXPECT_EQ(node.at("cache").at("limit_bytes"), 1U << 20U);
    EXPECT_TRUE(home("live").at("totals").empty()) << "live mode is apart";
    // Tomorrow: nothing today, yesterday's day still there; a month later nothing.
    clock_.step(testing::kDay);
    keep(login(ada_, code(ada_)));
    EXPECT_TRUE(home().at("totals").empty());
    EXPECT_TRUE(home().at("hours").empty());
    EXPECT_EQ(home().at("days").size(), 1U);
    clock_.step(29 * testing::kDay);
    keep(login(ada_, code(ada_)));
    EXPECT_TRUE(home().at("days").empty());
}

TEST_F(Pages, TheListFiltersSearchesAndPages) {
    const auto li = customer("李小龍", 1'000'000), ada = customer("Ada", 1'000'000);
    std::vector<std::string> ids;
    for (int i = 0; i < 30; ++i) {
        clock_.step(1'000);
        ids.push_back(id_of(pay(i % 2 == 0 ? li : ada, 100 + i, "order " + std::to_string(i) + "!")));
    }
    pay(ada, 9'999'999, "declined");
    ASSERT_TRUE(reports_are_current());
    const Answer first = get("payments");
    ASSERT_EQ(first.status, 200) << first.text;
    ASSERT_EQ(first.json.at("data").size(), 25U);
    const Json& failed = first.json.at("data")[0];
    EXPECT_EQ(failed.at("status"), "requires_payment_method");
    EXPECT_EQ(failed.at("failure_code"), "insufficient_funds");
    const Json& newest = first.json.at("data")[1];
    EXPECT_EQ(newest.at("id"), ids.back());
    EXPECT_EQ(newest.at("status"), "succeeded");
    EXPECT_EQ(newest.at("amount"), 129);
    EXPECT_EQ(newest.at("currency"), "eur");
    EXPECT_EQ(newest.at("method"), "wallet");
    EXPECT_EQ(newest.at("customer_name"), "Ada");
    EXPECT_EQ(newest.at("merchant_name"), "Teehaus 茶館");
    EXPECT_EQ(newest.at("merchant"), format_id(accounts::prefix::merchant, shop_no_));
    std::set<std::string> all;
    std::string cursor;
    for (int page = 0; page < 10; ++page) {
        const Answer answer = get("payments?limit=7&cursor=" + cursor);
        for (const auto& row : answer.json.at("data")) EXPECT_TRUE(all.insert(row.at("id")).second);
        if (answer.json.at("next_cursor").is_null()) break;
        cursor = answer.json.at("next_cursor");
    }
    EXPECT_EQ(all.size(), 31U);
    EXPECT_EQ(listed("status=succeeded&limit=100").size(), 30U);
    EXPECT_EQ(listed("status=canceled,requires_payment_method").size(), 1U);
    EXPECT_EQ(listed("amount_gte=110&amount_lte=114&limit=100").size(), 5U);
    EXPECT_EQ(listed("currency=eur&limit=100").size(), 31U);
    EXPECT_TRUE(listed("currency=usd").empty());
    EXPECT_TRUE(get("live/payments").json.at("data").empty());
    EXPECT_EQ(listed("customer=" + format_id(customers::prefix::customer, li) + "&limit=100").size(), 15U);
    EXPECT_EQ(listed("q=%E6%9D%8E&limit=100").size(), 15U) << "one Chinese character";
    EXPECT_EQ(listed("q=order+7!").size(), 1U);
    EXPECT_EQ(listed("q=" + ids[3]), (std::vector<std::string>{ids[3]}));
    EXPECT_TRUE(listed("q=nowhere").empty());
    EXPECT_EQ(listed("q='%20OR%201=1%20--").size(), 0U);
    EXPECT_EQ(listed("created_gte=" + std::to_string(clock_.wall_ms()) + "&status=succeeded").size(), 1U);
}

TEST_F(Pages, AFilterThatCannotBeIsNamed) {
    for (const auto& [query, param] :
         std::vector<std::pair<std::string, std::string>>{{"limit=0", "limit"},
                                                          {"limit=101", "limit"},
                                                          {"limit=-1", "limit"},
                                                          {"limit=ten", "limit"},
                                                          {"amount_gte=1.5", "amount_gte"},
                                                          {"amount_lte=99999999999999999999", "amount_lte"},
                                                          {"created_gte=today", "created_gte"},
                                                          {"created_lt=%20", "created_lt"},
                                                          {"currency=euro", "currency"},
                                                          {"merchant=pi_00000000001", "merchant"},
                                                          {"customer=1", "customer"},
                                                          {"mode=live", "mode"}}) {
        const Answer answer = get("payments?" + query);
        EXPECT_EQ(answer.status, 400) << query;
        EXPECT_EQ(answer.param(), param) << query;
    }
    std::string many = "status=a";
    for (int i = 0; i < 16; ++i) many += ",a";
    for (const std::string& query :
         std::vector<std::string>{"cursor=nonsense", "q=" + std::string(201, 'x'), "q=a%00b", many}) {
        const Answer answer = get("payments?" + query);
        EXPECT_EQ(answer.status, 400) << query;
        EXPECT_EQ(answer.code(), "invalid") << query;
    }
    EXPECT_EQ(get("payments?limit=100").status, 200);
    EXPECT_EQ(get("payments?limit=1").status, 200);
    EXPECT_EQ(get("payments?q=%FF%FE%FD").status, 200) << "not UTF-8: found nowhere, but no harm";
}

TEST_F(Pages, OnePaymentWithLegsEventsAndRefunds) {
    const auto ada = customer("Ada", 10'000);
    const auto paid = pay(ada, 2'500, "Coffee");
    ASSERT_EQ(paid.outcome(), machine::outcome::ok);
    ASSERT_EQ(refund(object_in(paid, pb::payment_intent).no(), 400).outcome(), machine::outcome::ok);
    ASSERT_TRUE(reports_are_current());
    const Answer answer = get("payments/" + id_of(paid));
    ASSERT_EQ(answer.status, 200) << answer.text;
    const Json& page = answer.json;
    EXPECT_EQ(page.at("payment").at("id"), id_of(paid));
    EXPECT_EQ(page.at("payment").at("object"), "payment_intent");
    EXPECT_EQ(page.at("payment").at("amount_received"), 2'500);
    EXPECT_EQ(page.at("row").at("amount_refunded"), 400);
    ASSERT_EQ(page.at("charges").size(), 1U);
    EXPECT_EQ(page.at("charges")[0].at("amount"), 2'500);
    ASSERT_EQ(page.at("refunds").size(), 1U);
    EXPECT_EQ(page.at("refunds")[0].at("amount"), 400);
    EXPECT_EQ(moved(page, "customer_wallet"), -2'500 + 400);
    EXPECT_EQ(
        moved(page, "merchant_pending") + moved(page, "merchant_available") + moved(page, "platform_fees"),
        2'500 - 400);
    std::set<std::string> types;
    for (const auto& event : page.at("events")) {
        types.insert(event.at("type"));
        EXPECT_TRUE(event.at("id").get<std::string>().starts_with("evt_"));
    }
    EXPECT_TRUE(types.contains("payment_intent.succeeded"));
    EXPECT_TRUE(types.contains("charge.refunded"));
    EXPECT_EQ(page.at("events")[0].at("request_id"), "req_test");
    EXPECT_TRUE(page.at("webhooks").empty());
    EXPECT_TRUE(page.at("attempts").empty());
}

TEST_F(Pages, AReservationsLegsAddUpToWhatMoved) {
    const auto ada = customer("Ada", 10'000);
    const auto held = pay(ada, 1'000, "Hotel", true);
    ASSERT_EQ(object_in(held, pb::payment_intent).status(), pb::REQUIRES_CAPTURE);
    ASSERT_TRUE(reports_are_current());
    Json page = get("payments/" + id_of(held)).json;
    EXPECT_EQ(moved(page, "customer_wallet"), 0);
    ASSERT_EQ(page.at("legs").size(), 1U);
    EXPECT_EQ(page.at("legs")[0].at("state"), "pending");
    ASSERT_EQ(capture(object_in(held, pb::payment_intent).no(), 600).outcome(), machine::outcome::ok);
    ASSERT_TRUE(reports_are_current());
    page = get("payments/" + id_of(held)).json;
    EXPECT_EQ(moved(page, "customer_wallet"), -600);
}

TEST_F(Pages, WebhooksOfAPaymentWithTheirAttempts) {
    pb::Command endpoint = of_shop();
    mutable_body(endpoint, pb::create_webhook_endpoint)->set_url("https://shop.example/hooks");
    mutable_body(endpoint, pb::create_webhook_endpoint)->add_enabled_events("payment_intent.succeeded");
    mutable_body(endpoint, pb::create_webhook_endpoint)
        ->set_sealed_secret(sealer_.seal("whsec", "webhook-secret"));
    run(endpoint);
    const auto paid = pay(customer("Ada", 10'000), 2'500, "Coffee");
    ASSERT_TRUE(reports_are_current());
    EXPECT_EQ(home().at("webhooks"), (Json{{"pending", 1}, {"failed", 0}}));
    Json page = get("payments/" + id_of(paid)).json;
    ASSERT_EQ(page.at("webhooks").size(), 1U);
    EXPECT_EQ(page.at("webhooks")[0].at("state"), "pending");
    EXPECT_EQ(page.at("webhooks")[0].at("url"), "https://shop.example/hooks");
    EXPECT_EQ(page.at("webhooks")[0].at("event_type"), "payment_intent.succeeded");
    EXPECT_EQ(page.dump().find("whsec"), std::string::npos);
    pb::Command attempted;
    node_->read([&](const store::Reader& rows, std::uint64_t) {
        mutable_body(attempted, pb::webhook_attempted)
            ->set_delivery_no(webhooks::due_deliveries(rows, INT64_MAX, 1).at(0).no);
    });
    mutable_body(attempted, pb::webhook_attempted)->mutable_attempt()->set_http_status(500);
    mutable_body(attempted, pb::webhook_attempted)->mutable_attempt()->set_duration_ms(12);
    mutable_body(attempted, pb::webhook_attempted)->mutable_attempt()->set_time_ms(clock_.wall_ms());
    run(attempted);
    page = get("payments/" + id_of(paid)).json;
    const Json& webhook = page.at("webhooks")[0];
    EXPECT_EQ(webhook.at("tries"), 1);
    EXPECT_GT(webhook.at("next_try_ms"), clock_.wall_ms());
    ASSERT_EQ(webhook.at("attempts").size(), 1U);
    EXPECT_EQ(
        webhook.at("attempts")[0],
        (Json{{"time_ms", clock_.wall_ms()}, {"http_status", 500}, {"error", ""}, {"duration_ms", 12}}));
    EXPECT_EQ(home().at("webhooks"), (Json{{"pending", 1}, {"failed", 1}}));
    EXPECT_EQ(home("live").at("webhooks"), (Json{{"pending", 0}, {"failed", 0}}));
}

TEST_F(Pages, APaymentThatCollectedVeryMuchIsShownInParts) {
    pb::Command create = of_shop();
    mutable_body(create, pb::create_payment_intent)->set_amount(1'000);
    mutable_body(create, pb::create_payment_intent)->set_currency(978);
    mutable_body(create, pb::create_payment_intent)->add_payment_method_types("wallet");
    mutable_body(create, pb::create_payment_intent)->set_client_secret_suffix("x");
    const pb::Result made = run(create);
    pb::Command update = of_shop();
    mutable_body(update, pb::update_payment_intent)->set_no(object_in(made, pb::payment_intent).no());
    const std::size_t updates = payments::kAuditRecordsListed + 30;
    for (std::size_t i = 0; i < updates; ++i) {
        mutable_body(update, pb::update_payment_intent)->set_description("text " + std::to_string(i));
        ASSERT_EQ(run(update).outcome(), machine::outcome::ok);
    }
    ASSERT_TRUE(reports_are_current());
    const std::string address = "payments/" + id_of(made);
    std::size_t parts = 0;
    std::string after;
    do {
        const Answer answer = get(address + (after.empty() ? "" : "?after_audit_record=" + after));
        ASSERT_EQ(answer.status, 200) << answer.text;
        EXPECT_EQ(answer.json.at("row").at("id"), id_of(made));
        EXPECT_LE(answer.json.at("events").size(), payments::kAuditRecordsListed);
        const auto& next = answer.json.at("next_audit_record");
        after = next.is_null() ? "" : next.get<std::string>();
        ++parts;
    } while (!after.empty() && parts < 10);
    EXPECT_EQ(parts, 2U);
    EXPECT_EQ(get(address + "?after_audit_record=x").param(), "after_audit_record");
}

TEST_F(Pages, AnObjectOfTheOtherModeIsAbsent) {
    const std::string test_id = id_of(pay(customer("Ada", 5'000), 1'000, "of test mode"));
    pb::Command command = of_shop();
    command.set_livemode(true);
    auto& create = *mutable_body(command, pb::create_payment_intent);
    create.set_amount(2'000);
    create.set_currency(978);
    create.set_description("of live mode");
    create.add_payment_method_types("wallet");
    create.set_client_secret_suffix("x");
    const std::string live_id = id_of(run(command));
    ASSERT_TRUE(reports_are_current());
    EXPECT_EQ(get("test/payments/" + test_id).json.at("row").at("id"), test_id);
    EXPECT_EQ(get("live/payments/" + live_id).json.at("row").at("id"), live_id);
    const std::string missing = get("live/payments/pi_00000000000").text;
    EXPECT_EQ(get("live/payments/" + test_id).text, missing);
    EXPECT_EQ(get("test/payments/" + live_id).text, missing);
    EXPECT_EQ(get("live/payments/" + test_id).status, 404);
    EXPECT_TRUE(get("live/payments?q=" + test_id).json.at("data").empty());
    EXPECT_TRUE(get("test/payments?q=" + live_id).json.at("data").empty());
    EXPECT_EQ(get("live/payments").json.at("data").size(), 1U);
}

TEST_F(Pages, APaymentNobodyMadeIsNotFound) {
    for (const char* id : {"pi_00000000001", "pi_00000000000", "ch_00000000001", "x", "pi_zzzzzzzzzzz"}) {
        const Answer answer = get(std::string("payments/") + id);
        EXPECT_EQ(answer.status, 404) << id;
        EXPECT_EQ(answer.code(), "not_found") << id;
    }
}

}  // namespace
}  // namespace kontor::admin
