#include "kontor/payments/machine.h"

#include "commands.h"
#include "idempotency.h"
#include "kontor/base/object_id.h"
#include "kontor/payments/json.h"
#include "times.h"

namespace kontor::payments {
namespace {

// Commands of the instance and of its workers say themselves whom they concern.
bool concerns_merchant(pb::Command::BodyCase body) {
    switch (body) {
        case pb::Command::kCreateCustomer:
        case pb::Command::kUpdateCustomer:
        case pb::Command::kDeleteCustomer:
        case pb::Command::kTopUpWallet:
        case pb::Command::kCreatePaymentIntent:
        case pb::Command::kUpdatePaymentIntent:
        case pb::Command::kConfirmPaymentIntent:
        case pb::Command::kCapturePaymentIntent:
        case pb::Command::kCancelPaymentIntent:
        case pb::Command::kCreateRefund:
        case pb::Command::kUpdateRefund:
        case pb::Command::kCreateWebhookEndpoint:
        case pb::Command::kUpdateWebhookEndpoint:
        case pb::Command::kCreateLedgerAccounts:
        case pb::Command::kCreateLedgerTransfers:
        case pb::Command::kSetLedgerAccountFrozen:
        case pb::Command::kCloseLedgerAccount:
        case pb::Command::kDeleteWebhookEndpoint:
            return true;
        default:
            return false;
    }
}

pb::Result execute(Context& context) {
    const pb::Command& command = context.command;
    switch (command.body_case()) {
        case pb::Command::kCreateCustomer:
            return create_customer(context, command.create_customer());
        case pb::Command::kUpdateCustomer:
            return update_customer(context, command.update_customer());
        case pb::Command::kDeleteCustomer:
            return delete_customer(context, command.delete_customer());
        case pb::Command::kTopUpWallet:
            return top_up_wallet(context, command.top_up_wallet());
        case pb::Command::kCreatePaymentIntent:
            return create_intent(context, command.create_payment_intent());
        case pb::Command::kUpdatePaymentIntent:
            return update_intent(context, command.update_payment_intent());
        case pb::Command::kConfirmPaymentIntent:
            return confirm_intent(context, command.confirm_payment_intent());
        case pb::Command::kCapturePaymentIntent:
            return capture_intent(context, command.capture_payment_intent());
        case pb::Command::kCancelPaymentIntent:
            return cancel_intent(context, command.cancel_payment_intent());
        case pb::Command::kCreateRefund:
            return create_refund(context, command.create_refund());
        case pb::Command::kUpdateRefund:
            return update_refund(context, command.update_refund());
        case pb::Command::kCreateWebhookEndpoint:
            return create_webhook_endpoint(context, command.create_webhook_endpoint());
        case pb::Command::kUpdateWebhookEndpoint:
            return update_webhook_endpoint(context, command.update_webhook_endpoint());
        case pb::Command::kDeleteWebhookEndpoint:
            return delete_webhook_endpoint(context, command.delete_webhook_endpoint());
        case pb::Command::kCreateLedgerAccounts:
            return create_ledger_accounts(context, command.create_ledger_accounts());
        case pb::Command::kCreateLedgerTransfers:
            return create_ledger_transfers(context, command.create_ledger_transfers());
        case pb::Command::kSetLedgerAccountFrozen:
            return set_ledger_account_frozen(context, command.set_ledger_account_frozen());
        case pb::Command::kCloseLedgerAccount:
            return close_ledger_account(context, command.close_ledger_account());
        case pb::Command::kWebhookAttempted:
            return webhook_attempted(context, command.webhook_attempted());
        case pb::Command::kChannelAnswered:
            return channel_answered(context, command.channel_answered());
        case pb::Command::kCreateMerchant:
            return create_merchant(context, command.create_merchant());
        case pb::Command::kCreateApiKey:
            return create_api_key(context, command.create_api_key());
        case pb::Command::kRevokeApiKey:
            return revoke_api_key(context, command.revoke_api_key());
        case pb::Command::kCreateSetupToken:
            return create_setup_token(context, command.create_setup_token());
        case pb::Command::kSetUpOperator:
            return set_up_operator(context, command.set_up_operator());
        case pb::Command::kOpenSession:
            return open_session(context, command.open_session());
        case pb::Command::kCloseSession:
            return close_session(context, command.close_session());
        case pb::Command::kLoginFailed:
            return login_failed(context, command.login_failed());
        case pb::Command::kInitInstance:
            return init_instance(context, command.init_instance());
        case pb::Command::kTick:
            return tick(context);
        case pb::Command::kInitCluster:
            return init_cluster(context, command.init_cluster());
        case pb::Command::kCreateJoinToken:
            return create_join_token(context, command.create_join_token());
        case pb::Command::kAdmitNode:
            return admit_node(context, command.admit_node());
        case pb::Command::kUpdateClusterNode:
            return update_cluster_node(context, command.update_cluster_node());
        case pb::Command::kRotateClusterAuthority:
            return rotate_cluster_authority(context, command.rotate_cluster_authority());
        case pb::Command::kActivateFeatures:
            return activate_features(context, command.activate_features());
        case pb::Command::BODY_NOT_SET:
            break;
    }
    // Not refused but stopped at: a newer binary on another machine does something here.
    KONTOR_UNREACHABLE("the log has a command that this binary does not know: use the newer one");
}

pb::Result run(Context& context) {
    const pb::Command& command = context.command;
    if (concerns_merchant(command.body_case())) {
        context.merchant = find_merchant(context.rows, context.scope.merchant_no);
        if (!context.merchant)
            return no_such("merchant", prefix::merchant, context.scope.merchant_no, "merchant");
    }
    const bool idempotent = !command.idempotency_key().empty();
    if (idempotent) {
        if (auto earlier = replay(context)) return *std::move(earlier);
    }
    pb::Result result = execute(context);
    result.set_time_ms(context.now.utc_ms);
    result.set_command_no(context.command_no());
    if (result.outcome() == pb::OUTCOME_OK) expand(context, command.expand(), result);
    if (idempotent) remember(context, result);
    if (context.ledger_timestamp != 0) result.set_ledger_timestamp(context.ledger_timestamp);
    context.finish();
    return result;
}

}  // namespace

Effects::Effects() = default;
Effects::~Effects() = default;
Effects::Effects(Effects&&) noexcept = default;
Effects& Effects::operator=(Effects&&) noexcept = default;

void Machine::apply(store::Writer& rows, std::uint64_t index, const pb::Batch& batch, Effects& effects) {
    KONTOR_ASSERT(batch.version() <= kCommandVersion, "the log was written by a newer version: use that one");
    KONTOR_ASSERT(index > 0 && index <= kMaxLogIndex, "object numbers derive from the log index");
    KONTOR_ASSERT(static_cast<std::uint64_t>(batch.commands_size()) <= kMaxCommandsPerBatch,
                  "a batch has too many commands");
    effects = Effects();
    effects.now = advance_times(rows, index, {batch.machine_ms(), batch.utc_ms()});
    effects.results.reserve(static_cast<std::size_t>(batch.commands_size()));
    std::string buffer;
    for (int i = 0; i < batch.commands_size(); ++i) {
        const pb::Command& command = batch.commands(i);
        KONTOR_ASSERT(command.version() <= kCommandVersion,
                      "the log was written by a newer version: use that one");
        Context context(rows, index, static_cast<std::size_t>(i), effects.now, command, effects, buffer);
        effects.results.push_back(run(context));
    }
}

}  // namespace kontor::payments
