// The merchant's day through the API: pay, decline, capture, refund, page, expand, listen.
#include <set>

#include "kontor/payments/json.h"
#include "param_tables.h"
#include "shop.h"

namespace kontor::api::testing {
namespace {

std::string id_of(const Json& object) {
    return object.at("id");
}

TEST(Customers, LiveTheirLife) {
    Shop shop;
    const Json made = shop.made("/v1/customers", {{"name", "Ada Löwe 京"},
                                                  {"email", "ada@example.com"},
                                                  {"metadata[vip]", "1"},
                                                  {"metadata[empty]", ""}});
    EXPECT_TRUE(id_of(made).starts_with("cus_"));
    EXPECT_EQ(made.at("object"), "customer");
    EXPECT_EQ(made.at("name"), "Ada Löwe 京");
    EXPECT_EQ(made.at("phone"), nullptr);
    EXPECT_EQ(made.at("metadata"), (Json{{"vip", "1"}}));
    EXPECT_EQ(made.at("created"), shop.service.now_ms / 1000);
    const std::string target = "/v1/customers/" + id_of(made);
    EXPECT_EQ(shop.read(target), made);

    const Json changed = shop.made(
        target, {{"name", ""}, {"description", "first"}, {"metadata[vip]", ""}, {"metadata[a]", "b"}});
    EXPECT_EQ(changed.at("name"), nullptr);
    EXPECT_EQ(changed.at("email"), "ada@example.com");
    EXPECT_EQ(changed.at("metadata"), (Json{{"a", "b"}}));
    EXPECT_EQ(shop.made(target, {{"metadata", ""}}).at("metadata"), Json::object());

    const Json gone = shop.del(target).json;
    EXPECT_EQ(gone, (Json{{"id", id_of(made)}, {"object", "customer"}, {"deleted", true}}));
    EXPECT_EQ(shop.read(target).at("deleted"), true);
    EXPECT_EQ(shop.post(target, {{"name", "x"}}).status, 404);
    EXPECT_EQ(shop.get(target + "/cash_balance").status, 404);
    EXPECT_EQ(shop.read("/v1/customers").at("data").size(), 0U);
    EXPECT_EQ(
        shop.post("/v1/payment_intents", {{"amount", "1"}, {"currency", "eur"}, {"customer", id_of(made)}})
            .error()
            .at("param"),
        "customer");
}

TEST(Wallet, IsFundedAndPays) {
    Shop shop;
    const std::string customer = id_of(shop.made("/v1/customers"));
    EXPECT_EQ(shop.read("/v1/customers/" + customer + "/cash_balance").at("available"), nullptr);
    const Answer funded = shop.post("/v1/test_helpers/customers/" + customer + "/fund_cash_balance",
                                    {{"amount", "5000"}, {"currency", "eur"}, {"reference", "RF1"}},
                                    {{"Idempotency-Key", "f"}});
    ASSERT_EQ(funded.status, 200) << funded.text;
    EXPECT_EQ(funded.json.at("object"), "customer_cash_balance_transaction");
    EXPECT_EQ(funded.json.at("net_amount"), 5000);
    EXPECT_EQ(funded.json.at("ending_balance"), 5000);
    EXPECT_EQ(funded.json.at("customer"), customer);
    EXPECT_EQ(funded.json.at("funded").at("bank_transfer").at("reference"), "RF1");
    EXPECT_EQ(
        shop.post("/v1/test_helpers/customers/" + customer + "/fund_cash_balance",
                  {{"amount", "5000"}, {"currency", "eur"}, {"reference", "RF1"}}, {{"Idempotency-Key", "f"}})
            .text,
        funded.text);
    const Json second = shop.made("/v1/customers/" + customer + "/top_ups",
                                  {{"amount", "1"}, {"currency", "EUR"}, {"expand[]", "customer"}});
    EXPECT_EQ(second.at("ending_balance"), 5001);
    EXPECT_EQ(second.at("customer").at("object"), "customer");
    EXPECT_NE(id_of(second), funded.id());

    // Only the wallet may pay and its owner is known: no method needs naming.
    const Json paid = shop.made("/v1/payment_intents", {{"amount", "3000"},
                                                        {"currency", "eur"},
                                                        {"customer", customer},
                                                        {"payment_method_types[]", "wallet"},
                                                        {"confirm", "true"}});
    EXPECT_EQ(paid.at("status"), "succeeded");
    EXPECT_EQ(paid.at("payment_method"), "pm_wallet");
    EXPECT_EQ(paid.at("payment_method_types"), (Json{"wallet"}));
    EXPECT_EQ(paid.at("automatic_payment_methods"), nullptr);
    EXPECT_EQ(shop.read("/v1/customers/" + customer + "/cash_balance").at("available"),
              (Json{{"eur", 2001}}));

    const Answer short_of = shop.post("/v1/payment_intents", {{"amount", "3000"},
                                                              {"currency", "eur"},
                                                              {"customer", customer},
                                                              {"payment_method_data[type]", "wallet"},
                                                              {"confirm", "true"}});
    EXPECT_EQ(short_of.status, 402) << short_of.text;
    EXPECT_EQ(short_of.error().at("type"), "card_error");
    EXPECT_EQ(short_of.error().at("decline_code"), "insufficient_funds");
    EXPECT_EQ(short_of.error().at("payment_intent").at("status"), "requires_payment_method");
    EXPECT_EQ(shop.read("/v1/customers/" + customer + "/cash_balance").at("available").at("eur"), 2001);
}

TEST(Intents, HaveTheShapeThatTypedLibrariesRead) {
    Shop shop;
    const Json intent = shop.made("/v1/payment_intents", {{"amount", "1000"}, {"currency", "EUR"}});
    const Json wanted = Json::parse(R"({"object":"payment_intent","amount":1000,"amount_capturable":0,
            "amount_received":0,"amount_details":{"tip":{}},"application":null,"application_fee_amount":null,
            "automatic_payment_methods":{"allow_redirects":"always","enabled":true},"canceled_at":null,
            "cancellation_reason":null,"capture_method":"automatic","confirmation_method":"automatic","currency":"eur",
            "customer":null,"description":null,"invoice":null,"last_payment_error":null,"latest_charge":null,
            "livemode":false,"metadata":{},"next_action":null,"on_behalf_of":null,"payment_method":null,
            "payment_method_options":{},"payment_method_types":["card","wallet"],"processing":null,
            "receipt_email":null,"review":null,"setup_future_usage":null,"shipping":null,"source":null,
            "statement_descriptor":null,"statement_descriptor_suffix":null,"status":"requires_payment_method",
            "transfer_data":null,"transfer_group":null})");
    for (const auto& [name, value] : wanted.items()) {
        EXPECT_EQ(intent.at(name), value) << name;
    }
    const std::string secret = intent.at("client_secret");
    EXPECT_TRUE(secret.starts_with(id_of(intent) + "_secret_"));
    EXPECT_EQ(secret.size(), id_of(intent).size() + 8 + 24);
    EXPECT_EQ(shop.get("/v1/payment_intents/" + id_of(intent) + "?client_secret=" + secret).status, 200);
    EXPECT_EQ(shop.get("/v1/payment_intents/" + id_of(intent) + "?client_secret=guess").status, 404);
}

TEST(Intents, AcceptWhatTheLibrarySends) {
    Shop shop;
    const Json intent = shop.paid("1000", {{"automatic_payment_methods[enabled]", "true"},
                                           {"automatic_payment_methods[allow_redirects]", "never"},
                                           {"return_url", "https://example.com/done"},
                                           {"off_session", "true"},
                                           {"use_stripe_sdk", "true"},
                                           {"error_on_requires_action", "true"},
                                           {"confirmation_method", "automatic"},
                                           {"capture_method", "automatic_async"},
                                           {"setup_future_usage", "off_session"},
                                           {"statement_descriptor", "SHOP 1"},
                                           {"receipt_email", "a@b.c"},
                                           {"description", "Cups"}});
    EXPECT_EQ(intent.at("status"), "succeeded");
    EXPECT_EQ(intent.at("setup_future_usage"), "off_session");
    EXPECT_EQ(intent.at("statement_descriptor"), "SHOP 1");
    EXPECT_EQ(intent.at("description"), "Cups");
    const Json by_token =
        shop.made("/v1/payment_intents", {{"amount", "5"},
                                          {"currency", "eur"},
                                          {"confirm", "true"},
                                          {"payment_method_data[type]", "card"},
                                          {"payment_method_data[card][token]", "tok_mastercard"}});
    EXPECT_EQ(by_token.at("payment_method"), "pm_card_mastercard");
}

TEST(Intents, ConfirmUpdateAndDecline) {
    Shop shop;
    const std::string target =
        "/v1/payment_intents/" +
        id_of(shop.made("/v1/payment_intents", {{"amount", "1000"}, {"currency", "eur"}}));
    EXPECT_EQ(shop.made(target, {{"amount", "1500"}, {"metadata[a]", "b"}}).at("amount"), 1500);
    const Answer declined = shop.post(target + "/confirm", {{"payment_method", "pm_card_chargeDeclined"}});
    EXPECT_EQ(declined.status, 402);
    const Json error = declined.error();
    EXPECT_EQ(error.at("type"), "card_error");
    EXPECT_EQ(error.at("code"), "card_declined");
    EXPECT_EQ(error.at("decline_code"), "generic_decline");
    EXPECT_TRUE(error.at("charge").get<std::string>().starts_with("ch_"));
    const Json& intent = error.at("payment_intent");
    EXPECT_EQ(intent.at("status"), "requires_payment_method");
    EXPECT_EQ(intent.at("last_payment_error").at("decline_code"), "generic_decline");
    EXPECT_EQ(intent.at("last_payment_error").at("payment_method").at("card").at("last4"), "0002");
    const Json charge = shop.read("/v1/charges/" + error.at("charge").get<std::string>());
    EXPECT_EQ(charge.at("status"), "failed");
    EXPECT_EQ(charge.at("failure_code"), "card_declined");
    EXPECT_EQ(charge.at("paid"), false);
    EXPECT_EQ(charge.at("outcome").at("type"), "issuer_declined");

    const Json paid =
        shop.made(target + "/confirm", {{"payment_method", "pm_card_visa"}, {"receipt_email", "a@b.c"}});
    EXPECT_EQ(paid.at("status"), "succeeded");
    EXPECT_EQ(paid.at("amount_received"), 1500);
    const Answer again = shop.post(target + "/confirm", {{"payment_method", "pm_card_visa"}});
    EXPECT_EQ(again.status, 400);
    EXPECT_EQ(again.error().at("code"), "payment_intent_unexpected_state");
    EXPECT_EQ(again.error().at("payment_intent").at("status"), "succeeded");
    EXPECT_EQ(shop.post(target + "/cancel").error().at("code"), "payment_intent_unexpected_state");
    EXPECT_EQ(shop.read("/v1/charges?payment_intent=" + id_of(paid)).at("data").size(), 2U);
}

TEST(Intents, CaptureLaterAndCancel) {
    Shop shop;
    const Json held = shop.paid("1000", {{"capture_method", "manual"}});
    EXPECT_EQ(held.at("status"), "requires_capture");
    EXPECT_EQ(held.at("amount_capturable"), 1000);
    const std::string target = "/v1/payment_intents/" + id_of(held);
    const Answer above = shop.post(target + "/capture", {{"amount_to_capture", "1001"}});
    EXPECT_EQ(above.error().at("code"), "amount_too_large");
    EXPECT_EQ(above.error().at("param"), "amount_to_capture");
    const Answer refund = shop.post("/v1/refunds", {{"payment_intent", id_of(held)}});
    EXPECT_EQ(refund.error().at("code"), "charge_not_refundable");
    const Json captured = shop.made(target + "/capture", {{"amount_to_capture", "400"}});
    EXPECT_EQ(captured.at("status"), "succeeded");
    EXPECT_EQ(captured.at("amount_received"), 400);
    EXPECT_EQ(shop.post(target + "/capture").error().at("code"), "payment_intent_unexpected_state");

    const std::string other =
        "/v1/payment_intents/" + id_of(shop.paid("700", {{"capture_method", "manual"}}));
    const Json canceled = shop.made(other + "/cancel", {{"cancellation_reason", "abandoned"}});
    EXPECT_EQ(canceled.at("status"), "canceled");
    EXPECT_EQ(canceled.at("cancellation_reason"), "abandoned");
    EXPECT_EQ(canceled.at("canceled_at"), shop.service.now_ms / 1000);
    for (const std::string action : {"/capture", "/cancel", "/confirm"}) {
        EXPECT_EQ(shop.post(other + action).error().at("code"), "payment_intent_unexpected_state") << action;
    }
}

TEST(Refunds, PartsAndTheRest) {
    Shop shop(100);
    const Json intent = shop.paid("1000", {{"expand[]", "latest_charge.balance_transaction"}});
    const Json& fee = intent.at("latest_charge").at("balance_transaction");
    EXPECT_EQ(fee.at("fee"), 10);
    EXPECT_EQ(fee.at("net"), 990);
    EXPECT_EQ(fee.at("fee_details").at(0).at("amount"), 10);
    shop.paid("1000");  // the fee is not given back: a refund in full needs other money
    const Json part = shop.made("/v1/refunds", {{"payment_intent", id_of(intent)},
                                                {"amount", "300"},
                                                {"reason", "duplicate"},
                                                {"metadata[a]", "b"}});
    EXPECT_EQ(part.at("object"), "refund");
    EXPECT_EQ(part.at("status"), "succeeded");
    EXPECT_EQ(part.at("reason"), "duplicate");
    EXPECT_EQ(part.at("payment_intent"), id_of(intent));
    EXPECT_EQ(shop.made("/v1/refunds/" + id_of(part), {{"metadata[a]", "c"}}).at("metadata").at("a"), "c");
    EXPECT_EQ(shop.read("/v1/refunds/" + id_of(part)).at("amount"), 300);
    const Answer above = shop.post("/v1/refunds", {{"payment_intent", id_of(intent)}, {"amount", "701"}});
    EXPECT_EQ(above.status, 400);
    EXPECT_EQ(above.error().at("param"), "amount");
    const Json rest = shop.made("/v1/refunds", {{"charge", id_of(intent.at("latest_charge"))},
                                                {"expand[]", "charge.payment_intent"}});
    EXPECT_EQ(rest.at("amount"), 700);
    EXPECT_EQ(rest.at("charge").at("refunded"), true);
    EXPECT_EQ(rest.at("charge").at("payment_intent").at("id"), id_of(intent));
    EXPECT_EQ(shop.post("/v1/refunds", {{"payment_intent", id_of(intent)}}).error().at("code"),
              "charge_already_refunded");
    EXPECT_EQ(shop.read("/v1/refunds?payment_intent=" + id_of(intent)).at("data").size(), 2U);
    EXPECT_EQ(shop.read("/v1/refunds?charge=" + id_of(intent.at("latest_charge"))).at("data").size(), 2U);
}

TEST(Balance, IsTheSumOfItsTransactions) {
    Shop shop(100);
    const Json empty = shop.read("/v1/balance");
    EXPECT_EQ(empty.at("available").at(0),
              (Json{{"amount", 0}, {"currency", "eur"}, {"source_types", {{"card", 0}}}}));
    const Json paid = shop.paid("1000");
    shop.paid("500");
    shop.made("/v1/refunds", {{"payment_intent", id_of(paid)}, {"amount", "200"}});
    const Json balance = shop.read("/v1/balance");
    int sum = 0;
    const Json rows = shop.read("/v1/balance_transactions").at("data");
    for (const Json& row : rows) {
        sum += row.at("net").get<int>();
        EXPECT_EQ(shop.read("/v1/balance_transactions/" + id_of(row)), row);
    }
    EXPECT_EQ(balance.at("available").at(0).at("amount").get<int>() +
                  balance.at("pending").at(0).at("amount").get<int>(),
              sum);
    EXPECT_EQ(sum, 990 + 495 - 200);
    EXPECT_EQ(shop.read("/v1/balance_transactions?type=refund").at("data").size(), 1U);
    EXPECT_EQ(shop.read("/v1/balance_transactions?currency=usd").at("data").size(), 0U);
    const Json of_charge = shop.read("/v1/balance_transactions?expand[]=data.source&source=" +
                                     paid.at("latest_charge").get<std::string>());
    ASSERT_EQ(of_charge.at("data").size(), 1U);
    EXPECT_EQ(of_charge.at("data").at(0).at("source").at("object"), "charge");
}

TEST(Expansion, GoesFourLevelsDeepAndIntoLists) {
    Shop shop;
    const std::string customer = shop.customer_with("10000");
    const Json paid =
        shop.made("/v1/payment_intents", {{"amount", "1000"},
                                          {"currency", "eur"},
                                          {"customer", customer},
                                          {"payment_method", "pm_wallet"},
                                          {"confirm", "true"},
                                          {"expand[0]", "customer"},
                                          {"expand[1]", "latest_charge.balance_transaction.source.customer"},
                                          {"expand[2]", "payment_method"}});
    EXPECT_EQ(paid.at("customer").at("id"), customer);
    EXPECT_EQ(paid.at("latest_charge").at("balance_transaction").at("source").at("customer").at("id"),
              customer);
    EXPECT_EQ(paid.at("payment_method").at("type"), "wallet");
    EXPECT_EQ(paid.at("latest_charge").at("customer"), customer) << "only what was asked for";
    const Json read = shop.read("/v1/payment_intents/" + id_of(paid) + "?expand[]=latest_charge");
    EXPECT_EQ(read.at("latest_charge").at("object"), "charge");
    EXPECT_EQ(read.at("customer"), customer);
    const Json list = shop.read(
        "/v1/payment_intents?expand[]=data.customer&expand[]=data.latest_charge.balance_transaction");
    EXPECT_EQ(list.at("data").at(0).at("customer").at("object"), "customer");
    EXPECT_EQ(list.at("data").at(0).at("latest_charge").at("balance_transaction").at("object"),
              "balance_transaction");
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
        EXPECT_EQ(event.at("api_version"), payments::kApiVersion);
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
    EXPECT_EQ(shop.read("/v1/events?type=invoice.*").at("data").size(), 0U);
    const Json events = shop.read("/v1/events?type=charge.*&limit=100").at("data");
    for (const Json& event : events) {
        EXPECT_TRUE(event.at("type").get<std::string>().starts_with("charge."));
    }
    // Whatever the state machine writes may be subscribed to by name.
    for (const std::string& type : shop.service.event_types) {
        EXPECT_NE(std::find(tables::kEventTypes.begin(), tables::kEventTypes.end(), type),
                  tables::kEventTypes.end())
            << type;
    }
    EXPECT_GT(shop.service.event_types.size(), 7U);
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
    for (std::size_t i = 0; i < payments::limits::kWebhookEndpointsPerMode; ++i)
        shop.made("/v1/webhook_endpoints", form);
    EXPECT_EQ(shop.post("/v1/webhook_endpoints", form).status, 400);
    EXPECT_EQ(shop.post("/v1/webhook_endpoints", form, {}, kLiveKey).status, 200);
}

}  // namespace
}  // namespace kontor::api::testing
