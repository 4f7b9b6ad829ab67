// Customers and their wallets.
#include "domains/customers/api.h"

#include "domains/customers/cash_balance.h"
#include "domains/customers/customers.h"
#include "domains/customers/ids.h"
#include "domains/customers/limits.h"
#include "domains/customers/permissions.h"
#include "domains/payments/limits.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/surface/command_parts.h"
#include "kontor/surface/lists.h"
#include "kontor/surface/param_parts.h"

namespace kontor::customers {

namespace {

using namespace surface;  // the routes' words

std::string render_customer(const Call& call, const pb::Result& result) {
    return customer_json(object_in(result, pb::customer), call.expansion(result));
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
        *call, prefix::customer, find_customer,
        [](pb::Result& found) { return mutable_object(found, pb::customer); }, customer_json);
}

void update_customer(const CallPtr& call) {
    const auto no = call->path_no(prefix::customer);
    if (!no) return;
    pb::Command command = call->command();
    pb::UpdateCustomer& wanted = *mutable_body(command, pb::update_customer);
    wanted.set_no(*no);
    if_given(call->params, "name", [&](const std::string& text) { wanted.set_name(text); });
    if_given(call->params, "email", [&](const std::string& text) { wanted.set_email(text); });
    if_given(call->params, "phone", [&](const std::string& text) { wanted.set_phone(text); });
    if_given(call->params, "description", [&](const std::string& text) { wanted.set_description(text); });
    change_metadata(call->params, wanted);
    call->submit(std::move(command), render_customer);
}

void delete_customer(const CallPtr& call) {
    submit_about_path(*call, prefix::customer, pb::delete_customer, render_customer);
}

void list_customers(const CallPtr& call) {
    list<pb::Customer>(
        *call, prefix::customer, customers::list_customers,
        [](pb::Result& found) { return mutable_object(found, pb::customer); }, customer_json);
}

void retrieve_cash_balance(const CallPtr& call) {
    const auto no = call->path_no(prefix::customer);
    if (!no) return;
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto customer = find_customer(rows, call->caller.scope, *no);
        if (!customer || customer->deleted()) return call->refuse(call->not_found(prefix::customer));
        const auto lines = wallet_balance(rows, call->caller.scope, *no);
        call->reply(cash_balance_json({*no, lines, call->caller.scope.livemode}), log_index);
    });
}

void top_up(const CallPtr& call) {
    const auto no = call->path_no(prefix::customer);
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

constexpr std::array kCustomer = {
    text("description", machine::limits::kDescriptionBytes, "For your own use.", true),
    email("email", limits::kEmailBytes, "The customer's email address."),
    metadata(),
    text("name", machine::limits::kNameBytes, "The customer's full name.", true),
    Param{.name = "phone",
          .kind = Kind::phone,
          .about = "The customer's phone number.",
          .can_unset = true,
          .max = limits::kPhoneBytes},
};
constexpr std::array kTopUp = {
    amount("amount", "Amount in the currency's smallest unit.", true),
    currency("Three-letter ISO 4217 code.", true),
    text("reference", payments::limits::kStatementDescriptorBytes * 5,
         "What the transfer said, for your own use."),
};
constexpr std::array kListCustomers = {kCreated, Param{.name = "email",
                                                       .kind = Kind::email,
                                                       .about = "Exactly this email address.",
                                                       .max = limits::kEmailBytes}};

// clang-format off
constexpr std::array kRoutes = {
    Route{"POST", "/v1/customers", "create_customer", &permission::write, Work::write, Shape::object, "customer", kCustomer, create_customer, "Create a customer"},
    Route{"GET", "/v1/customers", "list_customers", &permission::read, Work::read_many, Shape::list, "customer", kListCustomers, list_customers, "List customers"},
    Route{"GET", "/v1/customers/{id}", "retrieve_customer", &permission::read, Work::read, Shape::object, "customer", kNone, retrieve_customer, "Retrieve a customer", &kMayBeDeleted},
    Route{"POST", "/v1/customers/{id}", "update_customer", &permission::write, Work::write, Shape::object, "customer", kCustomer, update_customer, "Update a customer"},
    Route{"DELETE", "/v1/customers/{id}", "delete_customer", &permission::write, Work::write, Shape::object, "customer", kNone, delete_customer, "Delete a customer"},
    Route{"GET", "/v1/customers/{id}/cash_balance", "retrieve_cash_balance", &permission::read_wallet, Work::read, Shape::object, "cash_balance", kNone, retrieve_cash_balance, "Retrieve a customer's wallet"},
    Route{"POST", "/v1/customers/{id}/top_ups", "top_up", &permission::write_wallet, Work::write, Shape::object, "customer_cash_balance_transaction", kTopUp, top_up, "Credit a customer's wallet with money that reached the platform"},
    Route{"POST", "/v1/test_helpers/customers/{id}/fund_cash_balance", "fund_cash_balance", &permission::write_wallet, Work::write, Shape::object, "customer_cash_balance_transaction", kTopUp, fund_cash_balance, "Credit a customer's wallet; test mode only"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kNames = {ObjectName{prefix::customer, "customer"}};
constexpr std::array<const fields::Shape*, 3> kObjects = {&kCustomerShape, &kCashBalanceShape,
                                                          &kFundingShape};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::customers
