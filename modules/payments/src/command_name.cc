#include "context.h"

namespace kontor::payments {

std::string_view command_name(const pb::Command& command) {
    switch (command.body_case()) {
        case pb::Command::kCreateCustomer:
            return "create_customer";
        case pb::Command::kUpdateCustomer:
            return "update_customer";
        case pb::Command::kDeleteCustomer:
            return "delete_customer";
        case pb::Command::kTopUpWallet:
            return "top_up_wallet";
        case pb::Command::kCreatePaymentIntent:
            return "create_payment_intent";
        case pb::Command::kUpdatePaymentIntent:
            return "update_payment_intent";
        case pb::Command::kConfirmPaymentIntent:
            return "confirm_payment_intent";
        case pb::Command::kCapturePaymentIntent:
            return "capture_payment_intent";
        case pb::Command::kCancelPaymentIntent:
            return "cancel_payment_intent";
        case pb::Command::kCreateRefund:
            return "create_refund";
        case pb::Command::kUpdateRefund:
            return "update_refund";
        case pb::Command::kCreateWebhookEndpoint:
            return "create_webhook_endpoint";
        case pb::Command::kUpdateWebhookEndpoint:
            return "update_webhook_endpoint";
        case pb::Command::kDeleteWebhookEndpoint:
            return "delete_webhook_endpoint";
        case pb::Command::kCreateLedgerAccounts:
            return "create_ledger_accounts";
        case pb::Command::kCreateLedgerTransfers:
            return "create_ledger_transfers";
        case pb::Command::kSetLedgerAccountFrozen:
            return "set_ledger_account_frozen";
        case pb::Command::kCloseLedgerAccount:
            return "close_ledger_account";
        case pb::Command::kWebhookAttempted:
            return "webhook_attempted";
        case pb::Command::kChannelAnswered:
            return "channel_answered";
        case pb::Command::kCreateMerchant:
            return "create_merchant";
        case pb::Command::kCreateApiKey:
            return "create_api_key";
        case pb::Command::kRevokeApiKey:
            return "revoke_api_key";
        case pb::Command::kCreateSetupToken:
            return "create_setup_token";
        case pb::Command::kSetUpOperator:
            return "set_up_operator";
        case pb::Command::kOpenSession:
            return "open_session";
        case pb::Command::kCloseSession:
            return "close_session";
        case pb::Command::kLoginFailed:
            return "login_failed";
        case pb::Command::kInitInstance:
            return "init_instance";
        case pb::Command::kTick:
            return "tick";
        case pb::Command::kInitCluster:
            return "init_cluster";
        case pb::Command::kCreateJoinToken:
            return "create_join_token";
        case pb::Command::kAdmitNode:
            return "admit_node";
        case pb::Command::kUpdateClusterNode:
            return "update_cluster_node";
        case pb::Command::kRotateClusterAuthority:
            return "rotate_cluster_authority";
        case pb::Command::kActivateFeatures:
            return "activate_features";
        case pb::Command::BODY_NOT_SET:
            break;
    }
    return "";
}

}  // namespace kontor::payments
