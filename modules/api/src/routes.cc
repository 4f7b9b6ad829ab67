// The one place to look for what this API answers.
#include "handlers.h"
#include "kontor/machine/limits.h"
#include "param_tables.h"
#include "route.h"

namespace kontor::api {

namespace {

using namespace handlers;  // NOLINT: the table below is unreadable otherwise
using namespace tables;    // NOLINT
constexpr Shape kObject = Shape::object;
constexpr Shape kList = Shape::list;

// clang-format off
constexpr std::array kRoutes = {
    Route{"POST",   "/v1/customers", "create_customer", "customer", kObject, create_customer, kCustomer, "Create a customer"},
    Route{"GET",    "/v1/customers", "list_customers", "customer", kList, list_customers, kListCustomers, "List customers"},
    Route{"GET",    "/v1/customers/{id}", "retrieve_customer", "customer", kObject, retrieve_customer, {}, "Retrieve a customer"},
    Route{"POST",   "/v1/customers/{id}", "update_customer", "customer", kObject, update_customer, kCustomer, "Update a customer"},
    Route{"DELETE", "/v1/customers/{id}", "delete_customer", "customer", kObject, delete_customer, {}, "Delete a customer"},
    Route{"GET",    "/v1/customers/{id}/cash_balance", "retrieve_cash_balance", "cash_balance", kObject, retrieve_cash_balance, {}, "Retrieve a customer's wallet"},
    Route{"POST",   "/v1/customers/{id}/top_ups", "top_up", "customer_cash_balance_transaction", kObject, top_up, kTopUp, "Credit a customer's wallet with money that reached the platform"},
    Route{"POST",   "/v1/test_helpers/customers/{id}/fund_cash_balance", "fund_cash_balance", "customer_cash_balance_transaction", kObject, fund_cash_balance, kTopUp, "Credit a customer's wallet; test mode only"},

    Route{"POST",   "/v1/payment_intents", "create_payment_intent", "payment_intent", kObject, create_intent, kCreateIntent, "Create a payment intent, and confirm it if asked to"},
    Route{"GET",    "/v1/payment_intents", "list_payment_intents", "payment_intent", kList, list_intents, kListIntents, "List payment intents"},
    Route{"GET",    "/v1/payment_intents/{intent}", "retrieve_payment_intent", "payment_intent", kObject, retrieve_intent, kRetrieveIntent, "Retrieve a payment intent"},
    Route{"POST",   "/v1/payment_intents/{intent}", "update_payment_intent", "payment_intent", kObject, update_intent, kUpdateIntent, "Update a payment intent"},
    Route{"POST",   "/v1/payment_intents/{intent}/confirm", "confirm_payment_intent", "payment_intent", kObject, confirm_intent, kConfirmIntent, "Confirm a payment intent"},
    Route{"POST",   "/v1/payment_intents/{intent}/capture", "capture_payment_intent", "payment_intent", kObject, capture_intent, kCaptureIntent, "Capture an authorised payment intent"},
    Route{"POST",   "/v1/payment_intents/{intent}/cancel", "cancel_payment_intent", "payment_intent", kObject, cancel_intent, kCancelIntent, "Cancel a payment intent"},

    Route{"GET",    "/v1/charges", "list_charges", "charge", kList, list_charges, kListCharges, "List charges"},
    Route{"GET",    "/v1/charges/{id}", "retrieve_charge", "charge", kObject, retrieve_charge, {}, "Retrieve a charge"},

    Route{"POST",   "/v1/refunds", "create_refund", "refund", kObject, create_refund, kCreateRefund, "Refund a charge, in part or in full"},
    Route{"GET",    "/v1/refunds", "list_refunds", "refund", kList, list_refunds, kListRefunds, "List refunds"},
    Route{"GET",    "/v1/refunds/{id}", "retrieve_refund", "refund", kObject, retrieve_refund, {}, "Retrieve a refund"},
    Route{"POST",   "/v1/refunds/{id}", "update_refund", "refund", kObject, update_refund, kUpdateRefund, "Update a refund"},

    Route{"GET",    "/v1/balance", "retrieve_balance", "balance", kObject, retrieve_balance, {}, "Retrieve your balance"},
    Route{"GET",    "/v1/balance_transactions", "list_balance_transactions", "balance_transaction", kList, list_balance_transactions, kListBalanceTransactions, "List balance transactions"},
    Route{"GET",    "/v1/balance_transactions/{id}", "retrieve_balance_transaction", "balance_transaction", kObject, retrieve_balance_transaction, {}, "Retrieve a balance transaction"},

    Route{"GET",    "/v1/events", "list_events", "event", kList, list_events, kListEvents, "List events"},
    Route{"GET",    "/v1/events/{id}", "retrieve_event", "event", kObject, retrieve_event, {}, "Retrieve an event"},

    Route{"POST",   "/v1/webhook_endpoints", "create_webhook_endpoint", "webhook_endpoint", kObject, create_webhook_endpoint, kCreateWebhookEndpoint, "Create a webhook endpoint; its secret is shown only here"},
    Route{"GET",    "/v1/webhook_endpoints", "list_webhook_endpoints", "webhook_endpoint", kList, list_webhook_endpoints, {}, "List webhook endpoints"},
    Route{"GET",    "/v1/webhook_endpoints/{id}", "retrieve_webhook_endpoint", "webhook_endpoint", kObject, retrieve_webhook_endpoint, {}, "Retrieve a webhook endpoint"},
    Route{"POST",   "/v1/webhook_endpoints/{id}", "update_webhook_endpoint", "webhook_endpoint", kObject, update_webhook_endpoint, kUpdateWebhookEndpoint, "Update a webhook endpoint"},
    Route{"DELETE", "/v1/webhook_endpoints/{id}", "delete_webhook_endpoint", "webhook_endpoint", kObject, delete_webhook_endpoint, {}, "Delete a webhook endpoint"},

    Route{"POST",   "/v1/ledger/accounts", "create_ledger_accounts", "ledger.account", Shape::ledger_create, create_ledger_accounts, {}, "Open accounts in your book: one, or a batch of up to 8,192"},
    Route{"GET",    "/v1/ledger/accounts", "list_ledger_accounts", "ledger.account", Shape::ledger_list, list_ledger_accounts, kLedgerAccounts, "The accounts of your book, newest first"},
    Route{"POST",   "/v1/ledger/accounts/lookup", "look_up_ledger_accounts", "ledger.account", Shape::ledger_look_up, look_up_ledger_accounts, {}, "Up to 8,192 accounts by id"},
    Route{"GET",    "/v1/ledger/accounts/{id}", "retrieve_ledger_account", "ledger.account", Shape::ledger, retrieve_ledger_account, {}, "An account with its balances"},
    Route{"GET",    "/v1/ledger/accounts/{id}/balance", "retrieve_ledger_balance", "ledger.balance", Shape::ledger, retrieve_ledger_balance, {}, "An account's balances"},
    Route{"GET",    "/v1/ledger/accounts/{id}/transfers", "list_ledger_history", "ledger.transfer", Shape::ledger_list, list_ledger_history, kLedgerHistory, "An account's transfers, newest first"},
    Route{"POST",   "/v1/ledger/accounts/{id}/freeze", "freeze_ledger_account", "ledger.account", Shape::ledger, freeze_ledger_account, {}, "Freeze an account: it takes part in nothing but voids and time-outs"},
    Route{"POST",   "/v1/ledger/accounts/{id}/unfreeze", "unfreeze_ledger_account", "ledger.account", Shape::ledger, unfreeze_ledger_account, {}, "Unfreeze an account"},
    Route{"POST",   "/v1/ledger/accounts/{id}/close", "close_ledger_account", "ledger.account", Shape::ledger, close_ledger_account, {}, "Close a settled account for good"},
    Route{"POST",   "/v1/ledger/transfers", "create_ledger_transfers", "ledger.transfer", Shape::ledger_create, create_ledger_transfers, {}, "Move money between accounts of your book: one transfer, or a batch of up to 8,192"},
    Route{"POST",   "/v1/ledger/transfers/lookup", "look_up_ledger_transfers", "ledger.transfer", Shape::ledger_look_up, look_up_ledger_transfers, {}, "Up to 8,192 transfers by id"},
    Route{"GET",    "/v1/ledger/transfers/{id}", "retrieve_ledger_transfer", "ledger.transfer", Shape::ledger, retrieve_ledger_transfer, {}, "A transfer"},
    Route{"GET",    "/v1/ledger.proto", "ledger_proto", "proto", Shape::document, ledger_proto, {}, "The protobuf messages of the ledger API"},

    Route{"GET",    "/v1/account", "retrieve_account", "account", kObject, retrieve_account, {}, "Retrieve your own account"},
    Route{"GET",    "/v1/openapi.json", "openapi", "openapi", Shape::document, openapi, {}, "This description"},
};
// clang-format on

constexpr Param kExpand = {.name = "expand",
                           .kind = Kind::text_list,
                           .about = "References to answer as whole objects.",
                           .max = 200,
                           .high = static_cast<std::int64_t>(machine::limits::kExpandPaths)};
constexpr std::array kObjectParams = {kExpand};
constexpr std::array kListParams = {
    text("ending_before", 64, "The page before this object's id."),
    kExpand,
    Param{.name = "limit",
          .kind = Kind::integer,
          .about = "Objects a page; default 10.",
          .low = 1,
          .high = static_cast<std::int64_t>(machine::limits::kListLimitMax)},
    text("starting_after", 64, "The page after this object's id."),
};

bool is_param(std::string_view segment) {
    return segment.starts_with('{');
}

// The next segment of `path` without its slash; `path` moves on.
std::string_view next_segment(std::string_view& path) {
    path.remove_prefix(1);
    const auto slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
    return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string_view>& params) {
    params.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view want = next_segment(pattern);
        const std::string_view have = next_segment(path);
        if (is_param(want)) {
            if (have.empty()) return false;
            params.push_back(have);
        } else if (want != have) {
            return false;
        }
    }
    return pattern.empty() && path.empty();
}

}  // namespace

// 32 hexadecimal digits, quotes and a comma: some 100 ids.
constexpr std::size_t kCheapLookupBytes = 4'096;

bool Route::is_expensive(const net::Request& request) const {
    if (shape == Shape::list || shape == Shape::ledger_list) return true;
    return shape == Shape::ledger_look_up && request.body.size() > kCheapLookupBytes;
}

std::span<const Route> routes() {
    return kRoutes;
}

std::span<const Param> common_params(Shape shape) {
    if (shape == Shape::list) return kListParams;
    if (shape == Shape::object) return kObjectParams;
    return {};
}

Match match(std::string_view method, std::string_view path) {
    Match found;
    if (!path.starts_with('/')) return found;
    std::vector<std::string_view> params;
    for (const Route& route : kRoutes) {
        if (!matches(route.pattern, path, params)) continue;
        if (route.method == method) {
            found.route = &route;
            found.path_params = std::move(params);
            found.allow.clear();
            return found;
        }
        if (!found.allow.empty()) found.allow += ", ";
        found.allow += route.method == "GET" ? "GET, HEAD" : route.method;
    }
    return found;
}

const Route* route_of(std::string_view method, std::string_view path) {
    if (!path.starts_with('/')) return nullptr;
    std::vector<std::string_view> params;
    for (const Route& route : kRoutes) {
        // Most differ before their first parameter, which costs no more than a comparison.
        const std::string_view fixed = route.pattern.substr(0, route.pattern.find('{'));
        if (route.method == method && path.starts_with(fixed) && matches(route.pattern, path, params))
            return &route;
    }
    return nullptr;
}

}  // namespace kontor::api
