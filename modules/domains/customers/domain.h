#pragma once
// Customers and wallets: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "domains/customers/cash_balance.h"
#include "domains/customers/commands.h"
#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "domains/customers/invariants.h"
#include "domains/customers/permissions.h"
#include "domains/customers/tables.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::customers {

// clang-format off
// What is shown of a command that needs approval.
inline constexpr std::array kDeleteCustomerFields = {
    machine::CommandField{.number = pb::DeleteCustomer::kNoFieldNumber, .name = "customer", .shown = machine::Shown::id, .prefix = prefix::customer},
};
inline constexpr std::array kTopUpWalletFields = {
    machine::CommandField{.number = pb::TopUpWallet::kCustomerNoFieldNumber, .name = "customer", .shown = machine::Shown::id, .prefix = prefix::customer},
    machine::CommandField{.number = pb::TopUpWallet::kAmountFieldNumber, .name = "amount", .shown = machine::Shown::integer},
    machine::CommandField{.number = pb::TopUpWallet::kCurrencyFieldNumber, .name = "currency", .shown = machine::Shown::currency},
    machine::CommandField{.number = pb::TopUpWallet::kReferenceFieldNumber, .name = "reference", .shown = machine::Shown::personal},
};

inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateCustomerFieldNumber,
        .name = "create_customer",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::create_customer, &create_customer>,
    },
    machine::Command{
        .number = pb::kUpdateCustomerFieldNumber,
        .name = "update_customer",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::update_customer, &update_customer>,
    },
    machine::Command{
        .number = pb::kDeleteCustomerFieldNumber,
        .name = "delete_customer",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::by_policy(kDeleteCustomerFields, machine::kNoAmount),
        .repeatable = machine::Repeatable::yes,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::delete_customer, &delete_customer>,
    },
    machine::Command{
        .number = pb::kTopUpWalletFieldNumber,
        .name = "top_up_wallet",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write_wallet,
        .approval = machine::Approval::by_policy(kTopUpWalletFields, &amount_of_top_up),
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(),
        .run = &machine::run_body<pb::top_up_wallet, &top_up_wallet>,
    },
};
// clang-format on

// clang-format off
inline constexpr std::array kObjects = {
machine::ObjectKind{
    .number = pb::kCustomerFieldNumber,
    .name = "customer",
    .prefix = prefix::customer,
    .shape = &kCustomerShape,
    .follow = nullptr,
    .find = &machine::find_object<pb::customer, &find_customer>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::customer).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion& expansion) {
        return customer_json(object.GetExtension(pb::customer), expansion);
    },
    .event_json = +[](const pb::Object& object) {
        // customer.deleted carries the customer as it was, as Stripe's does.
        pb::Customer as_it_was = object.GetExtension(pb::customer);
        as_it_was.set_deleted(false);
        return customer_json(as_it_was);
    },
},
machine::ObjectKind{
    .number = kCashBalanceTransaction,
    .name = "customer_cash_balance_transaction",
    .prefix = prefix::cash_balance_transaction,
    .shape = &kFundingShape,
    .follow = nullptr,
    .find = nullptr,
    .number_of = +[](const pb::Object&) { return std::uint64_t{0}; },
    .json = +[](const pb::Object&, const machine::Expansion&) { return std::string("{}"); },
    .event_json = +[](const pb::Object&) { return std::string("{}"); },
},
};
// clang-format on

inline constexpr std::array<std::string_view, 3> kEvents = {
    "customer.created",
    "customer.deleted",
    "customer.updated",
};

inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "customers are found by their e-mail addresses", .check = &check_emails},
};

inline constexpr machine::Domain kDomain = {
    .name = "customers",
    .commands = kCommands,
    .objects = kObjects,
    .events = kEvents,
    .tables = kTables,
    .invariants = kInvariants,
};

}  // namespace kontor::customers
