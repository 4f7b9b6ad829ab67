#pragma once
// The rules of each command. A handler checks first and writes then; what it refuses leaves no row behind.

#include <string>
#include <string_view>

#include "context.h"

namespace kontor::payments {

// How a command is refused. `param` in the words of the API.
[[nodiscard]] pb::Result refuse(pb::Outcome outcome, std::string message, std::string_view param = {});
[[nodiscard]] pb::Result no_such(std::string_view object, std::string_view id_prefix, std::uint64_t no,
                                 std::string_view param);

// Pairs of `changes` into `into`, which stays sorted by key; an empty value removes. False, and nothing
// changed: more than limits::kMetadataKeys.
using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;
[[nodiscard]] bool merge_metadata(Pairs* into, const Pairs& changes, bool clear = false);
[[nodiscard]] pb::Result metadata_too_long();

pb::Result create_customer(Context& context, const pb::CreateCustomer& wanted);
pb::Result update_customer(Context& context, const pb::UpdateCustomer& wanted);
pb::Result delete_customer(Context& context, const pb::DeleteCustomer& wanted);
pb::Result top_up_wallet(Context& context, const pb::TopUpWallet& wanted);

pb::Result create_intent(Context& context, const pb::CreatePaymentIntent& wanted);
pb::Result update_intent(Context& context, const pb::UpdatePaymentIntent& wanted);
pb::Result confirm_intent(Context& context, const pb::ConfirmPaymentIntent& wanted);
pb::Result capture_intent(Context& context, const pb::CapturePaymentIntent& wanted);
pb::Result cancel_intent(Context& context, const pb::CancelPaymentIntent& wanted);
pb::Result create_refund(Context& context, const pb::CreateRefund& wanted);
pb::Result update_refund(Context& context, const pb::UpdateRefund& wanted);

pb::Result create_webhook_endpoint(Context& context, const pb::CreateWebhookEndpoint& wanted);
pb::Result update_webhook_endpoint(Context& context, const pb::UpdateWebhookEndpoint& wanted);
pb::Result delete_webhook_endpoint(Context& context, const pb::DeleteWebhookEndpoint& wanted);
pb::Result webhook_attempted(Context& context, const pb::WebhookAttempted& wanted);
pb::Result channel_answered(Context& context, const pb::ChannelAnswered& answer);

pb::Result create_merchant(Context& context, const pb::CreateMerchant& wanted);
pb::Result create_api_key(Context& context, const pb::CreateApiKey& wanted);
pb::Result revoke_api_key(Context& context, const pb::RevokeApiKey& wanted);
pb::Result create_setup_token(Context& context, const pb::CreateSetupToken& wanted);
pb::Result set_up_operator(Context& context, const pb::SetUpOperator& wanted);
pb::Result open_session(Context& context, const pb::OpenSession& wanted);
pb::Result close_session(Context& context, const pb::CloseSession& wanted);
pb::Result login_failed(Context& context, const pb::LoginFailed& wanted);
pb::Result init_instance(Context& context, const pb::InitInstance& wanted);
pb::Result tick(Context& context);

pb::Result init_cluster(Context& context, const pb::InitCluster& wanted);
pb::Result create_join_token(Context& context, const pb::CreateJoinToken& wanted);
pb::Result admit_node(Context& context, const pb::AdmitNode& wanted);
pb::Result update_cluster_node(Context& context, const pb::UpdateClusterNode& wanted);
pb::Result rotate_cluster_authority(Context& context, const pb::RotateClusterAuthority& wanted);
pb::Result activate_features(Context& context, const pb::ActivateFeatures& wanted);

pb::Result create_ledger_accounts(Context& context, const pb::CreateLedgerAccounts& wanted);
pb::Result create_ledger_transfers(Context& context, const pb::CreateLedgerTransfers& wanted);
// Of a day that is over; how many rows it was.
[[nodiscard]] std::size_t drop_failed_ids(Context& context, std::string_view payload, std::size_t limit);
pb::Result set_ledger_account_frozen(Context& context, const pb::SetLedgerAccountFrozen& wanted);
pb::Result close_ledger_account(Context& context, const pb::CloseLedgerAccount& wanted);

}  // namespace kontor::payments
