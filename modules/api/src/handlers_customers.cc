// Customers and their wallets.
#include "command_parts.h"
#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "handlers.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "lists.h"
#include "render.h"

namespace kontor::api::handlers {

namespace {

std::string render_customer(const Call& call, const pb::Result& result) {
    return customers::customer_json(object_in(result, pb::customer), call.expansion(result));
}

// All of it comes from the Result and the parameters, so that an idempotent replay gives the same body.
std::string render_funding(const Call& call, const pb::Result& result) {
    return funding_json({.no = result.command_no(),
                         .created_ms = result.time_ms(),
                         .amount = call.params.integer_of("amount").value_or(0),
                         .currency = currency_of(call.params),
                         .ending_balance = result.wallet_balance(),
                         .reference = call.params.text_of("reference").value_or(""),
                         .customer = object_in(result, pb::customer),
                         .expand_customer = !call.expand.empty()});
}

}  // namespace

void create_customer(const CallPtr& call) {
    pb::Command command = call->command();
    pb::CreateCustomer& wanted = *mutable_body(command, pb::create_customer);
    wanted.set_name(call->params.text_of("name").value_or(""));
    wanted.set_email(call->params.text_of("email").value_or(""));
    wanted.set_phone(call->params.text_of("phone").value_or(""));
    wanted.set_description(call->params.text_of("description").value_or(""));
    fill_metadata(call->params, wanted.mutable_metadata(), true);
    call->submit(std::move(command), render_customer);
}

void retrieve_customer(const CallPtr& call) {
    retrieve(
        *call, customers::prefix::customer, customers::find_customer,
        [](pb::Result& found) { return mutable_object(found, pb::customer); }, customers::customer_json);
}

void update_customer(const CallPtr& call) {
    const auto no = call->path_no(customers::prefix::customer);
    if (!no) return;
    pb::Command command = call->command();
    pb::UpdateCustomer& wanted = *mutable_body(command, pb::update_customer);
    wanted.set_no(*no);
    if_given(call->params, "name", [&](const std::string& text) { wanted.set_name(text); });
    if_given(call->params, "email", [&](const std::string& text) { wanted.set_email(text); });
    if_given(call->params, "phone", [&](const std::string& text) { wanted.set_phone(text); });
    if_given(call->params, "description", [&](const std::string& text) { wanted.set_description(text); });
    fill_metadata(call->params, wanted.mutable_metadata(), false);
    wanted.set_clear_metadata(clears_metadata(call->params));
    call->submit(std::move(command), render_customer);
}

void delete_customer(const CallPtr& call) {
    const auto no = call->path_no(customers::prefix::customer);
    if (!no) return;
    pb::Command command = call->command();
    mutable_body(command, pb::delete_customer)->set_no(*no);
    call->submit(std::move(command), render_customer);
}

void list_customers(const CallPtr& call) {
    list<pb::Customer>(
        *call, customers::prefix::customer, customers::list_customers,
        [](pb::Result& found) { return mutable_object(found, pb::customer); }, customers::customer_json);
}

void retrieve_cash_balance(const CallPtr& call) {
    const auto no = call->path_no(customers::prefix::customer);
    if (!no) return;
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto customer = customers::find_customer(rows, call->caller.scope, *no);
        if (!customer || customer->deleted())
            return call->refuse(call->not_found(customers::prefix::customer));
        const auto lines = customers::wallet_balance(rows, call->caller.scope, *no);
        call->reply(cash_balance_json(*no, lines, call->caller.scope.livemode), log_index);
    });
}

void top_up(const CallPtr& call) {
    const auto no = call->path_no(customers::prefix::customer);
    if (!no) return;
    pb::Command command = call->command();
    pb::TopUpWallet& wanted = *mutable_body(command, pb::top_up_wallet);
    wanted.set_customer_no(*no);
    wanted.set_amount(call->params.integer_of("amount").value_or(0));
    wanted.set_currency(currency_of(call->params));
    wanted.set_reference(call->params.text_of("reference").value_or(""));
    call->submit(std::move(command), render_funding);
}

void fund_cash_balance(const CallPtr& call) {
    if (call->caller.scope.livemode) {
        return call->refuse(invalid("Test helpers work with a test mode key only.", {}, "testmode_only"));
    }
    top_up(call);
}

}  // namespace kontor::api::handlers
