// Pages, filters, events and the endpoints they go to.
#include <algorithm>
#include <set>

#include "domains/webhooks/limits.h"
#include "impl.h"
#include "kontor/machine/events.h"
#include "shop.h"

namespace kontor::api::testing {
namespace {

std::string id_of(const Json& object) {
    return object.at("id");
}

// What the library's auto-paginator does: on with the last id while has_more; backwards with the first one.
std::vector<std::string> all_pages(Shop& shop, const std::string& target, bool backwards,
                                   const std::string& from = {}) {
    std::vector<std::string> seen;
    std::string cursor = from;
    for (int page = 0; page < 100; ++page) {
        const Json list = shop.read(
            target + (cursor.empty() ? "" : (backwards ? "&ending_before=" : "&starting_after=") + cursor));
        EXPECT_EQ(list.at("object"), "list");
        const Json& data = list.at("data");
        if (backwards) {
            for (auto at = data.rbegin(); at != data.rend(); ++at) seen.push_back(at->at("id"));
        } else {
            for (const Json& row : data) seen.push_back(row.at("id"));
        }
        if (!list.at("has_more").get<bool>()) return seen;
        if (data.empty()) break;
        cursor = seen.back();
    }
    ADD_FAILURE() << "the pages do not end";
    return seen;
}

TEST(Lists, PagesFindEverythingOnceInBothDirections) {
    Shop shop;
    std::vector<std::string> made;
    for (int i = 0; i < 23; ++i) {
        shop.service.now_ms += 1000;
        made.push_back(id_of(shop.paid(std::to_string(100 + i))));
    }
    std::vector<std::string> newest_first(made.rbegin(), made.rend());
    EXPECT_EQ(all_pages(shop, "/v1/payment_intents?limit=5", false), newest_first);
    EXPECT_EQ(all_pages(shop, "/v1/payment_intents?limit=23", false), newest_first);
    EXPECT_EQ(all_pages(shop, "/v1/payment_intents?limit=1", false), newest_first);
    EXPECT_EQ(all_pages(shop, "/v1/payment_intents?limit=5", true, made.front()),
              std::vector<std::string>(made.begin() + 1, made.end()));
    for (const std::string target : {"/v1/charges?limit=7", "/v1/balance_transactions?limit=7"}) {
        EXPECT_EQ(all_pages(shop, target, false).size(), made.size()) << target;
    }
    const auto events = all_pages(shop, "/v1/events?limit=7", false);
    EXPECT_EQ(std::set<std::string>(events.begin(), events.end()).size(), events.size());
    EXPECT_GT(events.size(), made.size());
    EXPECT_EQ(shop.read("/v1/payment_intents").at("data").size(), 10U);
    EXPECT_EQ(shop.read("/v1/payment_intents").at("url"), "/v1/payment_intents");
}

TEST(Lists, FilterByTimeInWholeSeconds) {
    Shop shop;
    std::vector<std::string> made;
    const std::int64_t start = shop.service.now_ms / 1000;
    for (int i = 0; i < 5; ++i) {
        shop.service.now_ms = (start + i) * 1000 + 999;
        made.push_back(id_of(shop.made("/v1/customers")));
    }
    const auto count = [&](const std::string& filter) {
        return shop.read("/v1/customers?" + filter).at("data").size();
    };
    const auto at = [&](int i) { return std::to_string(start + i); };
    EXPECT_EQ(count("created=" + at(2)), 1U);
    EXPECT_EQ(count("created[gte]=" + at(2)), 3U);
    EXPECT_EQ(count("created[gt]=" + at(2)), 2U);
    EXPECT_EQ(count("created[lte]=" + at(2)), 3U);
    EXPECT_EQ(count("created[lt]=" + at(2)), 2U);
    EXPECT_EQ(count("created[gt]=" + at(0) + "&created[lt]=" + at(4)), 3U);
    EXPECT_EQ(count("created[gte]=" + at(3) + "&created[lt]=" + at(3)), 0U);
    EXPECT_EQ(count("created[lt]=0"), 0U);
    EXPECT_EQ(count("created[gte]=0"), 5U);
    EXPECT_EQ(count("created=253402300799"), 0U);
    EXPECT_EQ(count("email=nobody@example.com"), 0U);
}

TEST(Events, AreListedFilteredAndTheSameEachTime) {
    Shop shop;
    const std::string customer = shop.customer_with("10000");
    const Json paid = shop.paid("1000", {{"customer", customer}});
    shop.made("/v1/refunds", {{"payment_intent", id_of(paid)}});
    shop.post("/v1/payment_intents", {{"amount", "5"},
                                      {"currency", "eur"},
                                      {"payment_method", "pm_card_chargeDeclined"},
                                      {"confirm", "true"}});
    shop.made("/v1/payment_intents/" + id_of(shop.paid("9", {{"capture_method", "manual"}})) + "/cancel");
    const Json all = shop.read("/v1/events?limit=100").at("data");
    for (const Json& event : all) {
        EXPECT_EQ(event.at("object"), "event");
        EXPECT_EQ(event.at("api_version"), machine::kApiVersion);
        EXPECT_EQ(event.at("livemode"), false);
        EXPECT_TRUE(event.at("request").contains("idempotency_key"));
        EXPECT_EQ(event.at("pending_webhooks"), 0);
        EXPECT_EQ(shop.read("/v1/events/" + id_of(event)), event);
    }
    const Json succeeded = shop.read("/v1/events?type=payment_intent.succeeded").at("data");
    ASSERT_EQ(succeeded.size(), 1U);
    EXPECT_EQ(succeeded.at(0).at("data").at("object").at("id"), id_of(paid));
    EXPECT_EQ(
        shop.read("/v1/events?types[]=payment_intent.succeeded&types[]=customer.created").at("data").size(),
        2U);
    const Answer none = shop.send("GET", "/v1/events?type=invoice.*");
    EXPECT_EQ(none.status, 400) << "no event begins like that";
    EXPECT_EQ(none.error().value("param", ""), "type");
    const Json events = shop.read("/v1/events?type=charge.*&limit=100").at("data");
    for (const Json& event : events) {
        EXPECT_TRUE(event.at("type").get<std::string>().starts_with("charge."));
    }
    // Whatever the state machine writes may be subscribed to by name.
    Form wanted = {{"url", "https://example.com/hook"}};
    for (const std::string& type : shop.service.event_types) wanted.emplace_back("enabled_events[]", type);
    shop.made("/v1/webhook_endpoints", wanted);
    EXPECT_GT(shop.service.event_types.size(), 7U);
}

// What a filter does not take, as a query, and the name that the error must have.
std::vector<std::pair<std::string, std::string>> wrong_values(const surface::Route& route,
                                                              const surface::Param& param) {
    using surface::Kind;
    const std::string name(param.name), is = name + "=";
    const std::string long_text = is + std::string(param.max + 1, 'x');
    switch (param.kind) {
        case Kind::text:
            // The ledger's are numbers of more bits than JSON has.
            if (route.shape.value == surface::Shape::own) return {{is + "%21", name}, {long_text, name}};
            return {{long_text, name}};
        case Kind::integer:
            return {{is + "x", name}, {is + std::to_string(param.high + 1), name}, {name + "[a]=1", name}};
        case Kind::choice:
        case Kind::email:
        case Kind::object_id:
            return {{is + "nothing", name}, {is, name}};
        case Kind::currency:
            return {{is + "xyz", name}};
        case Kind::timestamp_range:
            return {
                {is + "today", name}, {name + "[gte]=-1", name + "[gte]"}, {name + "[on]=1", name + "[on]"}};
        case Kind::text_list:
            return {{is + "x", name}, {name + "[]=" + std::string(param.max + 1, 'x'), name + "[0]"}};
        default:
            ADD_FAILURE() << "a filter of a kind that has no wrong value here: " << name;
            return {};
    }
}

TEST(Lists, EachFilterThatIsWrongIsNamed) {
    Shop shop;
    std::size_t filters = 0;
    for (const surface::Route& route : catalogue().routes()) {
        if (route.work.value != surface::Work::read_many) continue;
        std::string path(route.pattern.value);
        if (const auto open = path.find("{id}"); open != std::string::npos) path.replace(open, 4, "1");
        for (const auto& table :
             {std::span<const surface::Param>(route.params), surface::common_params(route.shape)}) {
            for (const surface::Param& param : table) {
                for (const auto& [query, named] : wrong_values(route, param)) {
                    const Answer answer = shop.get(path + "?" + query);
                    EXPECT_EQ(answer.status, 400) << path << "?" << query << ": " << answer.text;
                    EXPECT_EQ(answer.error().value("param", ""), named) << path << "?" << query;
                }
                ++filters;
            }
        }
    }
    EXPECT_GT(filters, 50U);
}

TEST(Lists, TakeTheirFormFromTheBodyToo) {
    Shop shop;
    const std::string customer = shop.made("/v1/customers", {{"email", "ada@example.org"}}).at("id");
    shop.made("/v1/customers", {{"email", "grace@example.org"}});
    const Headers form = {{"Content-Type", "application/x-www-form-urlencoded"}};
    const auto ask = [&](std::string_view target, const std::string& body, const Headers& headers) {
        return shop.send("GET", target, body, headers);
    };
    const Answer filtered = ask("/v1/customers", "email=ada%40example.org", form);
    ASSERT_EQ(filtered.status, 200) << filtered.text;
    ASSERT_EQ(filtered.json.at("data").size(), 1U);
    EXPECT_EQ(filtered.json.at("data").at(0).at("id"), customer);
    EXPECT_EQ(ask("/v1/customers", "limit=1", {}).json.at("data").size(), 1U);  // as a POST without a type
    EXPECT_EQ(ask("/v1/customers?limit=1", "email=grace%40example.org", form).json.at("data").size(), 1U);
    EXPECT_EQ(ask("/v1/ledger/accounts", "limit=1", form).status, 200);
    // What POST refuses: a name in both places, what is unknown, and what is too much.
    EXPECT_EQ(ask("/v1/customers?limit=1", "limit=2", form).error().value("param", ""), "limit");
    EXPECT_EQ(ask("/v1/customers", "colour=red", form).error().value("param", ""), "colour");
    EXPECT_EQ(ask("/v1/ledger/accounts", "limit=x", form).error().value("param", ""), "limit");
    std::string many;
    for (std::size_t i = 0; i <= surface::kMaxParams; ++i) many += "expand[]=data.x&";
    EXPECT_EQ(ask("/v1/customers", many, form).status, 400);
    EXPECT_EQ(ask("/v1/customers", "limit=1", {{"Content-Type", "text/plain"}}).status, 415);
    EXPECT_EQ(ask("/v1/customers", "{}", {{"Content-Type", "application/json"}}).status, 400);
}

TEST(WebhookEndpoints, ShowTheirSecretOnce) {
    Shop shop;
    const Form form = {{"url", "https://example.com/hook"},
                       {"enabled_events[0]", "payment_intent.succeeded"},
                       {"enabled_events[1]", "invoice.paid"},
                       {"enabled_events[2]", "charge.dispute.created"}};
    const Answer made = shop.post("/v1/webhook_endpoints", form, {{"Idempotency-Key", "w"}});
    ASSERT_EQ(made.status, 200) << made.text;
    const std::string secret = made.json.at("secret");
    EXPECT_TRUE(secret.starts_with("whsec_"));
    EXPECT_EQ(secret.size(), 6U + 32U);
    EXPECT_EQ(made.json.at("status"), "enabled");
    EXPECT_EQ(shop.service.last_command.SerializeAsString().find(secret), std::string::npos)
        << "the log has it sealed";
    // Replayed, the secret of the first creation comes again; a new endpoint has another.
    const Answer again = shop.post("/v1/webhook_endpoints", form, {{"Idempotency-Key", "w"}});
    EXPECT_EQ(again.text, made.text);
    EXPECT_NE(shop.made("/v1/webhook_endpoints", form).at("secret"), secret);

    const std::string target = "/v1/webhook_endpoints/" + made.id();
    EXPECT_FALSE(shop.read(target).contains("secret"));
    EXPECT_EQ(shop.read("/v1/webhook_endpoints").at("data").size(), 2U);
    EXPECT_EQ(shop.read("/v1/webhook_endpoints").dump().find("whsec_"), std::string::npos);
    const Json changed = shop.made(
        target, {{"url", "https://example.com/other"}, {"disabled", "true"}, {"enabled_events[]", "*"}});
    EXPECT_EQ(changed.at("status"), "disabled");
    EXPECT_EQ(changed.at("url"), "https://example.com/other");
    EXPECT_EQ(changed.at("enabled_events"), (Json{"*"}));
    EXPECT_FALSE(changed.contains("secret"));
    EXPECT_EQ(shop.del(target).json,
              (Json{{"id", made.id()}, {"object", "webhook_endpoint"}, {"deleted", true}}));
    EXPECT_EQ(shop.get(target).status, 404);
    EXPECT_EQ(shop.del(target).status, 404);
}

TEST(WebhookEndpoints, AreLimited) {
    Shop shop;
    const Form form = {{"url", "https://example.com"}, {"enabled_events[]", "*"}};
    for (std::size_t i = 0; i < webhooks::limits::kWebhookEndpointsPerMode; ++i)
        shop.made("/v1/webhook_endpoints", form);
    EXPECT_EQ(shop.post("/v1/webhook_endpoints", form).status, 400);
    EXPECT_EQ(shop.post("/v1/webhook_endpoints", form, {}, kLiveKey).status, 200);
}

}  // namespace
}  // namespace kontor::api::testing
