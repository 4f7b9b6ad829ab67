// Customers and their wallets.
#include "domains/customers/commands.h"

#include <algorithm>

#include "domains/balances/postings.h"
#include "domains/customers/customers.h"
#include "domains/customers/email_index.h"
#include "domains/customers/ids.h"
#include "domains/customers/limits.h"
#include "domains/customers/tables.h"
#include "kontor/bodies.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/refuse.h"
#include "kontor/money/money.h"

namespace kontor::customers {

using namespace machine;  // the frame's words

namespace {

void put(Context& context, const pb::Customer& row) {
    context.put(table::customers, object_key(context.scope, row.no()), row);
}
void event(Context& context, std::string_view type, const pb::Customer& row, std::string previous = {}) {
    context.event(type, pb::customer, row, std::move(previous));
}

pb::Result with_customer(const pb::Customer& customer) {
    pb::Result result;
    *mutable_object(result, pb::customer) = customer;
    return result;
}

std::optional<pb::Customer> living(Context& context, std::uint64_t no) {
    auto customer = find_customer(context.rows, context.scope, no);
    if (customer && customer->deleted()) customer.reset();
    return customer;
}

void index_email(Context& context, const pb::Customer& customer) {
    if (customer.email().empty()) return;
    context.put_index(table::customer_emails, email_key(context.scope, customer.email()).be64(customer.no()));
}
void forget_email(Context& context, const pb::Customer& customer) {
    if (customer.email().empty()) return;
    context.rows.erase(table::customer_emails,
                       email_key(context.scope, customer.email()).be64(customer.no()).view());
}

void remember_wallet_currency(Context& context, std::uint32_t currency) {
    const auto& known = context.head(context.scope).GetExtension(pb::wallet_head).currencies();
    if (std::binary_search(known.begin(), known.end(), currency)) return;
    auto* currencies =
        context.change_head(context.scope).MutableExtension(pb::wallet_head)->mutable_currencies();
    currencies->Add(currency);
    std::sort(currencies->begin(), currencies->end());
}

}  // namespace

pb::Result create_customer(Context& context, const pb::CreateCustomer& wanted) {
    pb::Customer customer;
    if (!merge_metadata(customer.mutable_metadata(), wanted.metadata())) return metadata_too_long();
    customer.set_no(context.next_no());
    customer.set_merchant_no(context.scope.merchant_no);
    customer.set_livemode(context.scope.livemode);
    customer.set_name(wanted.name());
    customer.set_email(wanted.email());
    customer.set_phone(wanted.phone());
    customer.set_description(wanted.description());
    customer.set_created_ms(context.now.utc_ms);
    put(context, customer);
    index_email(context, customer);
    event(context, "customer.created", customer);
    return with_customer(customer);
}

pb::Result update_customer(Context& context, const pb::UpdateCustomer& wanted) {
    auto customer = living(context, wanted.no());
    if (!customer) return no_such("customer", prefix::customer, wanted.no(), "id");
    const pb::Customer before = *customer;
    if (!merge_metadata(customer->mutable_metadata(), wanted.metadata(), wanted.clear_metadata()))
        return metadata_too_long();
    if (wanted.has_name()) customer->set_name(wanted.name());
    if (wanted.has_email()) customer->set_email(wanted.email());
    if (wanted.has_phone()) customer->set_phone(wanted.phone());
    if (wanted.has_description()) customer->set_description(wanted.description());
    std::string previous = customer_changes(before, *customer);
    if (previous.empty()) return with_customer(*customer);
    put(context, *customer);
    if (before.email() != customer->email()) {
        forget_email(context, before);
        index_email(context, *customer);
    }
    event(context, "customer.updated", *customer, std::move(previous));
    return with_customer(*customer);
}

// What is in the wallet stays in the ledger, where verify and the admin see it; refunds still reach it.
pb::Result delete_customer(Context& context, const pb::DeleteCustomer& wanted) {
    auto customer = living(context, wanted.no());
    if (!customer) return no_such("customer", prefix::customer, wanted.no(), "id");
    customer->set_deleted(true);
    put(context, *customer);
    forget_email(context, *customer);
    event(context, "customer.deleted", *customer);
    return with_customer(*customer);
}

std::optional<Amount> amount_of_top_up(const Context& context) {
    const auto& wanted = body(context.command, pb::top_up_wallet);
    return Amount{wanted.currency(), wanted.amount()};
}

pb::Result top_up_wallet(Context& context, const pb::TopUpWallet& wanted) {
    const auto customer = living(context, wanted.customer_no());
    if (!customer) return no_such("customer", prefix::customer, wanted.customer_no(), "customer");
    if (context.scope.livemode && context.command.actor().kind() == pb::Actor::API_KEY) {
        // In live mode somebody must have seen the money at the bank.
        return refuse(machine::outcome::testmode_only, "An API key tops up wallets in test mode only.");
    }
    if (wanted.amount() <= 0 || wanted.amount() > money::kMaxAmountMinor) {
        return refuse(machine::outcome::invalid_parameter,
                      "The amount must be between 1 and " + std::to_string(money::kMaxAmountMinor) + ".",
                      "amount");
    }
    if (wanted.currency() > UINT16_MAX ||
        !money::Currency::from_numeric(static_cast<std::uint16_t>(wanted.currency())))
        return refuse(machine::outcome::invalid_parameter, "Invalid currency.", "currency");
    const balances::AccountRef wallet{ledger::AccountKind::customer_wallet, customer->no()};
    const std::int64_t before = balances::available(context.rows, context.scope, wanted.currency(), wallet);
    if (before > limits::kWalletMaxMinor - wanted.amount()) {
        return refuse(machine::outcome::limit_reached,
                      "A wallet holds at most " + std::to_string(limits::kWalletMaxMinor) + ".", "amount");
    }
    balances::Chain chain(context, context.scope, wanted.currency(), customer->no());
    chain.move(balances::TransferCode::top_up, balances::of_platform(ledger::AccountKind::bank), wallet,
               wanted.amount());
    if (const ledger::Status status = chain.run(); status != ledger::Status::ok) {
        return refuse(machine::outcome::ledger_refused,
                      "The ledger refused this top-up: " + std::string(ledger::to_string(status)) + ".");
    }
    remember_wallet_currency(context, wanted.currency());
    pb::Result result = with_customer(*customer);
    result.set_wallet_balance(before + wanted.amount());
    return result;
}

}  // namespace kontor::customers
