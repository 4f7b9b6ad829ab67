// Which role may do what in the merchant API, written out; and that every other role is refused.
#include <set>

#include "domains/roles.h"
#include "impl.h"
#include "kontor/machine/domain.h"
#include "shop.h"
#include "support/permission_matrix.h"

namespace kontor::api::testing {
namespace {

using surface::Route;

struct Row {
    std::string_view operation, permission, roles;
};

// Every route and every role. An operator has no API key: that both have a permission opens nothing.
constexpr Row kMatrix[] = {
    {"create_customer", "customers.write", "secret_key"},
    {"list_customers", "customers.read", "secret_key"},
    {"retrieve_customer", "customers.read", "secret_key"},
    {"update_customer", "customers.write", "secret_key"},
    {"delete_customer", "customers.write", "secret_key"},
    {"retrieve_cash_balance", "wallets.read", "secret_key"},
    {"top_up", "wallets.write", "secret_key"},
    {"fund_cash_balance", "wallets.write", "secret_key"},
    {"create_payment_intent", "payments.write", "secret_key"},
    {"list_payment_intents", "payments.read", "owner secret_key"},
    {"retrieve_payment_intent", "payments.read", "owner secret_key"},
    {"update_payment_intent", "payments.write", "secret_key"},
    {"confirm_payment_intent", "payments.write", "secret_key"},
    {"capture_payment_intent", "payments.write", "secret_key"},
    {"cancel_payment_intent", "payments.write", "secret_key"},
    {"list_charges", "payments.read", "owner secret_key"},
    {"retrieve_charge", "payments.read", "owner secret_key"},
    {"create_refund", "refunds.write", "secret_key"},
    {"list_refunds", "refunds.read", "secret_key"},
    {"retrieve_refund", "refunds.read", "secret_key"},
    {"update_refund", "refunds.write", "secret_key"},
    {"retrieve_balance", "balances.read", "secret_key"},
    {"list_balance_transactions", "balances.read", "secret_key"},
    {"retrieve_balance_transaction", "balances.read", "secret_key"},
    {"list_events", "events.read", "secret_key"},
    {"retrieve_event", "events.read", "secret_key"},
    {"create_webhook_endpoint", "webhooks.write", "secret_key"},
    {"list_webhook_endpoints", "webhooks.read", "secret_key"},
    {"retrieve_webhook_endpoint", "webhooks.read", "secret_key"},
    {"update_webhook_endpoint", "webhooks.write", "secret_key"},
    {"delete_webhook_endpoint", "webhooks.write", "secret_key"},
    {"create_ledger_accounts", "ledger.write", "secret_key"},
    {"list_ledger_accounts", "ledger.read", "secret_key"},
    {"look_up_ledger_accounts", "ledger.read", "secret_key"},
    {"retrieve_ledger_account", "ledger.read", "secret_key"},
    {"retrieve_ledger_balance", "ledger.read", "secret_key"},
    {"list_ledger_history", "ledger.read", "secret_key"},
    {"freeze_ledger_account", "ledger.write", "secret_key"},
    {"unfreeze_ledger_account", "ledger.write", "secret_key"},
    {"close_ledger_account", "ledger.write", "secret_key"},
    {"create_ledger_transfers", "ledger.write", "secret_key"},
    {"look_up_ledger_transfers", "ledger.read", "secret_key"},
    {"retrieve_ledger_transfer", "ledger.read", "secret_key"},
    {"ledger_proto", "anybody", "owner secret_key"},
    {"retrieve_account", "account.read", "secret_key"},
    {"openapi", "anybody", "owner secret_key"},
};

TEST(Permissions, AreTheseForEachRouteAndRole) {
    std::set<std::string> wanted, found;
    for (const Row& row : kMatrix)
        wanted.insert(std::string(row.operation) + ": " + std::string(row.permission) + ": " +
                      std::string(row.roles));
    for (const Route& route : catalogue().routes()) {
        ASSERT_NE(route.permission.value, nullptr) << route.operation.value;
        found.insert(std::string(route.operation.value) + ": " + std::string(route.permission.value->name) +
                     ": " + kontor_test::roles_that_may(*route.permission.value));
    }
    EXPECT_EQ(found, wanted);
}

std::string a_path_of(const Route& route) {
    std::string path(route.pattern.value);
    for (auto open = path.find('{'); open != std::string::npos; open = path.find('{'))
        path.replace(open, path.find('}') - open + 1, "1");
    return path;
}

TEST(Permissions, WhoDoesNotHaveTheRoutesIsRefused) {
    const machine::Role& all = *domains::role(domains::kSecretKey);
    for (const Route& route : catalogue().routes()) {
        SCOPED_TRACE(route.operation.value);
        std::vector<const machine::Permission*> others;
        for (const machine::Permission* permission : all.permissions.value)
            if (permission != route.permission.value) others.push_back(permission);
        const std::vector<const machine::Permission*> own = {route.permission.value};
        const machine::Role without{"without", std::span<const machine::Permission* const>(others)};
        const machine::Role with{"with", std::span<const machine::Permission* const>(own)};
        const bool is_open = route.permission.value == &machine::kAnybody;
        const auto ask = [&](Shop& shop) {
            return shop.send(std::string(route.method.value), a_path_of(route), "{}",
                             {{"Content-Type", "application/json"}});
        };
        if (route.operation.value == "ledger_proto") continue;  // it answers no JSON
        Shop refusing(0, {}, &without), unknown(0, {}, nullptr), taking(0, {}, &with);
        for (Shop* const shop : {&refusing, &unknown}) {
            const std::uint64_t before = shop->service.index;
            const Answer answer = ask(*shop);
            EXPECT_EQ(shop->service.index, before) << "nothing was changed";
            EXPECT_EQ(answer.status == 403, !is_open) << answer.text;
            if (is_open) continue;
            EXPECT_NE(answer.text.find(route.permission.value->name), std::string::npos) << answer.text;
            EXPECT_EQ(answer.error().at("type"), "invalid_request_error");
        }
        EXPECT_NE(ask(taking).status, 403);
    }
}

// What a route asks for is what its command says: else one of the two is wrong.
TEST(Permissions, OfARouteAreThoseOfItsCommand) {
    Shop shop;
    std::size_t looked_at = 0;
    const auto expect_same = [&](std::string method, const std::string& path) {
        SCOPED_TRACE(path);
        const Route* const route = catalogue().route_of(method, path);
        const machine::Command* const command =
            catalogue().registry().command(shop.service.last_command.kind());
        ASSERT_NE(route, nullptr);
        ASSERT_NE(command, nullptr);
        EXPECT_EQ(route->permission.value, command->permission.value) << command->name.value;
        ++looked_at;
    };
    const auto post = [&](const std::string& path, const Form& form = {}) {
        const Json made = shop.made(path, form);
        expect_same("POST", path);
        return made.value("id", "");
    };
    const std::string customer = "/v1/customers/" + post("/v1/customers");
    post(customer, {{"name", "Ada"}});
    post(customer + "/top_ups", {{"amount", "10"}, {"currency", "eur"}});
    const Form intent = {{"amount", "10"}, {"currency", "eur"}};
    const std::string canceled = "/v1/payment_intents/" + post("/v1/payment_intents", intent);
    post(canceled, {{"description", "tea"}});
    post(canceled + "/cancel");
    const std::string id =
        post("/v1/payment_intents", {{"amount", "10"}, {"currency", "eur"}, {"capture_method", "manual"}});
    const std::string paid = "/v1/payment_intents/" + id;
    post(paid + "/confirm", {{"payment_method", "pm_card_visa"}});
    post(paid + "/capture");
    post("/v1/refunds/" + post("/v1/refunds", {{"payment_intent", id}}), {{"metadata[a]", "b"}});
    const std::string endpoint =
        "/v1/webhook_endpoints/" +
        post("/v1/webhook_endpoints", {{"url", "https://example.com"}, {"enabled_events[]", "*"}});
    post(endpoint, {{"disabled", "true"}});
    for (const std::string& gone : {endpoint, customer}) {
        EXPECT_EQ(shop.del(gone).status, 200);
        expect_same("DELETE", gone);
    }
    const auto row = [&](const std::string& path, const Json& body) {
        EXPECT_EQ(shop.post_json(path, body).status, 200);
        expect_same("POST", path);
    };
    row("/v1/ledger/accounts", {{"id", "1"}, {"ledger", 1}, {"code", 1}});
    row("/v1/ledger/accounts", {{"id", "2"}, {"ledger", 1}, {"code", 1}});
    row("/v1/ledger/transfers", {{"id", "1"},
                                 {"ledger", 1},
                                 {"code", 1},
                                 {"debit_account", "1"},
                                 {"credit_account", "2"},
                                 {"amount", 1}});
    for (const std::string what : {"freeze", "unfreeze"})
        row("/v1/ledger/accounts/1/" + what, Json::object());
    row("/v1/ledger/accounts", {{"id", "3"}, {"ledger", 1}, {"code", 1}});
    row("/v1/ledger/accounts/3/close", Json::object());  // settled, as the others are not
    EXPECT_EQ(looked_at, 22U);
}

}  // namespace
}  // namespace kontor::api::testing
