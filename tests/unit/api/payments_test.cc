// The merchant's day through the API: pay, decline, capture, refund, expand.
#include "kontor/channels_bodies.pb.h"
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

TEST(Intents, APayerMayHaveToAct) {
    Shop shop;
    const Json intent =
        shop.made("/v1/payment_intents", {{"amount", "1000"},
                                          {"currency", "eur"},
                                          {"confirm", "true"},
                                          {"payment_method", "pm_card_threeDSecure2Required"},
                                          {"return_url", "https://example.com/done?order=7#top"}});
    EXPECT_EQ(intent.at("status"), "requires_action");
    EXPECT_EQ(intent.at("latest_charge"), nullptr);
    const Json& action = intent.at("next_action");
    EXPECT_EQ(action.at("type"), "redirect_to_url");
    EXPECT_EQ(action.at("redirect_to_url").at("return_url"), "https://example.com/done?order=7#top");
    EXPECT_TRUE(action.at("redirect_to_url")
                    .at("url")
                    .get<std::string>()
                    .starts_with("https://pay.example/channels/sandbox/1/authenticate/"));
    const std::string target = "/v1/payment_intents/" + id_of(intent);
    EXPECT_EQ(shop.made(target + "/confirm", {{"payment_method", "pm_card_visa"}}).at("status"), "succeeded")
        << "another method, and the first one is closed";
    EXPECT_EQ(shop.get(target).json.at("next_action"), nullptr);

    for (const char* name : {"error_on_requires_action", "off_session"}) {
        const Answer refused =
            shop.post("/v1/payment_intents", {{"amount", "1000"},
                                              {"currency", "eur"},
                                              {"confirm", "true"},
                                              {"payment_method", "pm_card_authenticationRequired"},
                                              {name, "true"}});
        EXPECT_EQ(refused.status, 402) << name;
        EXPECT_EQ(refused.error().at("code"), "authentication_required");
        EXPECT_EQ(refused.error().at("payment_intent").at("status"), "requires_payment_method");
    }
}

TEST(Intents, WithoutAChannelNobodyPays) {
    Shop shop;
    pb::Command none;
    mutable_body(none, pb::set_channel_routes);
    shop.service.run(none);
    const Answer refused = shop.post(
        "/v1/payment_intents",
        {{"amount", "1000"}, {"currency", "eur"}, {"confirm", "true"}, {"payment_method", "pm_card_visa"}});
    EXPECT_EQ(refused.status, 400);
    EXPECT_EQ(refused.error().at("type"), "invalid_request_error");
    EXPECT_EQ(refused.error().at("code"), "payment_method_not_available");
    EXPECT_EQ(refused.error().at("param"), "payment_method");
    EXPECT_TRUE(refused.error().at("message").get<std::string>().starts_with(
        "There is no channel for card payments in EUR in test mode."));
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

TEST(Intents, OfACustomerWhoIsGone) {
    Shop shop;
    const std::string customer = shop.customer_with("5000");
    const Json intent =
        shop.made("/v1/payment_intents", {{"amount", "1000"}, {"currency", "eur"}, {"customer", customer}});
    shop.del("/v1/customers/" + customer);
    const Answer answer =
        shop.post("/v1/payment_intents/" + id_of(intent) + "/confirm", {{"payment_method", "pm_wallet"}});
    EXPECT_EQ(answer.status, 400) << "the intent of the path is there";
    EXPECT_EQ(answer.error().at("param"), "customer") << answer.text;
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

}  // namespace
}  // namespace kontor::api::testing
