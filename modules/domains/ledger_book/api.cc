// /v1/ledger: the double-entry ledger itself, a book for each merchant and mode (docs/ledger-api.md).
#include "domains/ledger_book/api.h"

#include <array>

#include "domains/ledger_book/api_handlers.h"
#include "domains/ledger_book/api_json.h"
#include "domains/ledger_book/api_limits.h"
#include "domains/ledger_book/api_openapi.h"
#include "domains/ledger_book/permissions.h"
#include "kontor/surface/param_parts.h"

namespace kontor::ledger_book {

namespace {

using namespace surface;  // the routes' words

// Numbers of 64 bits come as text.
constexpr std::array<std::string_view, 2> kDirections = {"credit", "debit"};
constexpr std::array kLedgerAccounts = {
    text("code", 5, "Only accounts of this code."),
    text("from", 32, "The page that starts here: `next` of the page before."),
    text("ledger", 10, "Only accounts of this ledger."),
    Param{.name = "limit",
          .kind = Kind::integer,
          .about = "Accounts a page; default 100.",
          .low = 1,
          .high = static_cast<std::int64_t>(ledger_limits::kPageMax)},
    text("timestamp_max", 20, "Only accounts not opened after this, in nanoseconds of Unix time."),
    text("timestamp_min", 20, "Only accounts not opened before this."),
    text("user_data_128", 32, "Only accounts with these user data, hexadecimal."),
    text("user_data_32", 10, "Only accounts with these user data."),
    text("user_data_64", 20, "Only accounts with these user data."),
};
constexpr std::array kLedgerHistory = {
    text("code", 5, "Only transfers of this code."),
    Param{.name = "direction",
          .kind = Kind::choice,
          .about = "Only transfers that debit, or credit, the account.",
          .choices = kDirections},
    text("from", 32, "The page that starts here: `next` of the page before."),
    Param{.name = "limit",
          .kind = Kind::integer,
          .about = "Transfers a page; default 100.",
          .low = 1,
          .high = static_cast<std::int64_t>(ledger_limits::kPageMax)},
    text("timestamp_max", 20, "Only transfers not after this, in nanoseconds of Unix time."),
    text("timestamp_min", 20, "Only transfers not before this."),
    text("user_data_128", 32, "Only transfers with these user data, hexadecimal."),
    text("user_data_32", 10, "Only transfers with these user data."),
    text("user_data_64", 20, "Only transfers with these user data."),
};

// clang-format off
constexpr std::array kRoutes = {
    Route{"POST", "/v1/ledger/accounts", "create_ledger_accounts", &permission::write, Work::write, Shape::own, "ledger.account", kNone, create_ledger_accounts, "Open accounts in your book: one, or a batch of up to 8,192", &kCreates},
    Route{"GET", "/v1/ledger/accounts", "list_ledger_accounts", &permission::read, Work::read_many, Shape::own, "ledger.account", kLedgerAccounts, list_ledger_accounts, "The accounts of your book, newest first", &kLists},
    Route{"POST", "/v1/ledger/accounts/lookup", "look_up_ledger_accounts", &permission::read, Work::look_up, Shape::own, "ledger.account", kNone, look_up_ledger_accounts, "Up to 8,192 accounts by id", &kLooksUp},
    Route{"GET", "/v1/ledger/accounts/{id}", "retrieve_ledger_account", &permission::read, Work::read, Shape::own, "ledger.account", kNone, retrieve_ledger_account, "An account with its balances", &kOne},
    Route{"GET", "/v1/ledger/accounts/{id}/balance", "retrieve_ledger_balance", &permission::read, Work::read, Shape::own, "ledger.balance", kNone, retrieve_ledger_balance, "An account's balances", &kOne},
    Route{"GET", "/v1/ledger/accounts/{id}/transfers", "list_ledger_history", &permission::read, Work::read_many, Shape::own, "ledger.transfer", kLedgerHistory, list_ledger_history, "An account's transfers, newest first", &kLists},
    Route{"POST", "/v1/ledger/accounts/{id}/freeze", "freeze_ledger_account", &permission::write, Work::write, Shape::own, "ledger.account", kNone, freeze_ledger_account, "Freeze an account: it takes part in nothing but voids and time-outs", &kOne},
    Route{"POST", "/v1/ledger/accounts/{id}/unfreeze", "unfreeze_ledger_account", &permission::write, Work::write, Shape::own, "ledger.account", kNone, unfreeze_ledger_account, "Unfreeze an account", &kOne},
    Route{"POST", "/v1/ledger/accounts/{id}/close", "close_ledger_account", &permission::write, Work::write, Shape::own, "ledger.account", kNone, close_ledger_account, "Close a settled account for good", &kOne},
    Route{"POST", "/v1/ledger/transfers", "create_ledger_transfers", &permission::write, Work::write, Shape::own, "ledger.transfer", kNone, create_ledger_transfers, "Move money between accounts of your book: one transfer, or a batch of up to 8,192", &kCreates},
    Route{"POST", "/v1/ledger/transfers/lookup", "look_up_ledger_transfers", &permission::read, Work::look_up, Shape::own, "ledger.transfer", kNone, look_up_ledger_transfers, "Up to 8,192 transfers by id", &kLooksUp},
    Route{"GET", "/v1/ledger/transfers/{id}", "retrieve_ledger_transfer", &permission::read, Work::read, Shape::own, "ledger.transfer", kNone, retrieve_ledger_transfer, "A transfer", &kOne},
    Route{"GET", "/v1/ledger.proto", "ledger_proto", &machine::kAnybody, Work::read, Shape::document, "proto", kNone, ledger_proto, "The protobuf messages of the ledger API", &kProtoText},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array<const fields::Shape*, 8> kObjects = {
    &kAccountShape, &kAccountsShape, &kBalanceShape,  &kAccountListShape,
    &kHistoryShape, &kResultsShape,  &kTransferShape, &kTransfersShape,
};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNone,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = request_schemas,
};

}  // namespace kontor::ledger_book
