// Refunds, balance and balance transactions.
#include "command_parts.h"
#include "handlers.h"
#include "lists.h"
#include "render.h"

namespace kontor::api::handlers {

namespace {

namespace prefix = payments::prefix;

std::string render_refund(const Call& call, const pb::Result& result) {
    return payments::refund_json(result.refund(), call.expansion(result));
}

}  // namespace

void create_refund(const CallPtr& call) {
    const Node& params = call->params;
    pb::Command command = call->command();
    pb::CreateRefund& wanted = *command.mutable_create_refund();
    wanted.set_charge_no(call->number_of("charge", prefix::charge));
    wanted.set_intent_no(call->number_of("payment_intent", prefix::intent));
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
        *call, prefix::refund, payments::find_refund,
        [](pb::Result& found) { return found.mutable_refund(); }, payments::refund_json);
}

void update_refund(const CallPtr& call) {
    const auto no = call->path_no(prefix::refund);
    if (!no) return;
    pb::Command command = call->command();
    pb::UpdateRefund& wanted = *command.mutable_update_refund();
    wanted.set_no(*no);
    fill_metadata(call->params, wanted.mutable_metadata(), false);
    wanted.set_clear_metadata(clears_metadata(call->params));
    call->submit(std::move(command), render_refund);
}

void list_refunds(const CallPtr& call) {
    list<pb::Refund>(
        *call, prefix::refund, payments::bounded::list_refunds,
        [](pb::Result& found) { return found.mutable_refund(); }, payments::refund_json);
}

void retrieve_balance(const CallPtr& call) {
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const payments::Scope scope = call->caller.scope;
        const auto lines = payments::merchant_balance(rows, scope);
        std::string default_currency = "usd";
        if (lines.empty()) {
            const auto merchant = payments::find_merchant(rows, scope.merchant_no);
            if (merchant && !merchant->default_currency().empty())
                default_currency = merchant->default_currency();
        }
        call->reply(balance_json(lines, default_currency, scope.livemode), log_index);
    });
}

void retrieve_balance_transaction(const CallPtr& call) {
    retrieve(
        *call, prefix::balance_transaction, payments::find_balance_transaction,
        [](pb::Result& found) { return found.mutable_balance_transaction(); },
        payments::balance_transaction_json);
}

void list_balance_transactions(const CallPtr& call) {
    list<pb::BalanceTransaction>(
        *call, prefix::balance_transaction, payments::bounded::list_balance_transactions,
        [](pb::Result& found) { return found.mutable_balance_transaction(); },
        payments::balance_transaction_json);
}

}  // namespace kontor::api::handlers
