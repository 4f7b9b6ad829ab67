// Refunds, balance and balance transactions.
#include "command_parts.h"
#include "domains/accounts/accounts.h"
#include "domains/balances/balances.h"
#include "domains/balances/ids.h"
#include "domains/payments/ids.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/refunds.h"
#include "handlers.h"
#include "kontor/balances.pb.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/rows.h"
#include "kontor/refunds.pb.h"
#include "kontor/refunds_bodies.pb.h"
#include "lists.h"
#include "render.h"

namespace kontor::api::handlers {

namespace {

std::string render_refund(const Call& call, const pb::Result& result) {
    return refunds::refund_json(object_in(result, pb::refund), call.expansion(result));
}

}  // namespace

void create_refund(const CallPtr& call) {
    const Node& params = call->params;
    pb::Command command = call->command();
    pb::CreateRefund& wanted = *mutable_body(command, pb::create_refund);
    wanted.set_charge_no(call->number_of("charge", payments::prefix::charge));
    wanted.set_intent_no(call->number_of("payment_intent", payments::prefix::intent));
    if (wanted.charge_no() == 0 && wanted.intent_no() == 0) {
        return call->refuse(
            invalid("One of the following params should be provided for this request: payment_intent "
                    "or charge.",
                    "payment_intent", "parameter_missing"));
    }
    if (const auto amount = params.integer_of("amount")) wanted.set_amount(*amount);
    wanted.set_reason(params.text_of("reason").value_or(""));
    fill_metadata(params, wanted.mutable_metadata(), true);
    call->submit(std::move(command), render_refund);
}

void retrieve_refund(const CallPtr& call) {
    retrieve(
        *call, refunds::prefix::refund, refunds::find_refund,
        [](pb::Result& found) { return mutable_object(found, pb::refund); }, refunds::refund_json);
}

void update_refund(const CallPtr& call) {
    const auto no = call->path_no(refunds::prefix::refund);
    if (!no) return;
    pb::Command command = call->command();
    pb::UpdateRefund& wanted = *mutable_body(command, pb::update_refund);
    wanted.set_no(*no);
    fill_metadata(call->params, wanted.mutable_metadata(), false);
    wanted.set_clear_metadata(clears_metadata(call->params));
    call->submit(std::move(command), render_refund);
}

void list_refunds(const CallPtr& call) {
    list<pb::Refund>(
        *call, refunds::prefix::refund, refunds::list_refunds,
        [](pb::Result& found) { return mutable_object(found, pb::refund); }, refunds::refund_json);
}

void retrieve_balance(const CallPtr& call) {
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const machine::Scope scope = call->caller.scope;
        const auto lines = balances::merchant_balance(rows, scope);
        std::string default_currency = "usd";
        if (lines.empty()) {
            const auto merchant = accounts::find_merchant(rows, scope.merchant_no);
            if (merchant && !merchant->default_currency().empty())
                default_currency = merchant->default_currency();
        }
        call->reply(balance_json(lines, default_currency, scope.livemode), log_index);
    });
}

void retrieve_balance_transaction(const CallPtr& call) {
    retrieve(
        *call, balances::prefix::balance_transaction, balances::find_balance_transaction,
        [](pb::Result& found) { return mutable_object(found, pb::balance_transaction); },
        balances::balance_transaction_json);
}

void list_balance_transactions(const CallPtr& call) {
    list<pb::BalanceTransaction>(
        *call, balances::prefix::balance_transaction, balances::list_balance_transactions,
        [](pb::Result& found) { return mutable_object(found, pb::balance_transaction); },
        balances::balance_transaction_json);
}

}  // namespace kontor::api::handlers
