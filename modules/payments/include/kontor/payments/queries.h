#pragma once
// Reads of the state machine's rows. Any Reader; nothing here writes or decides.
//
// Objects belong to (merchant, mode): a number of somebody else reads as absent.
// Lists are newest first, by key, in one scan bounded by limits::kListScanMax.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/ledger/ledger.h"
#include "kontor/proto_fwd.h"
#include "kontor/store/row_store.h"

namespace kontor::payments {

struct Scope {
    std::uint64_t merchant_no = 0;
    bool livemode = false;
    friend bool operator==(const Scope&, const Scope&) = default;
};

// Also when revoked.
[[nodiscard]] std::optional<pb::ApiKey> find_api_key(const store::Reader&, std::string_view key_sha256);
[[nodiscard]] std::optional<pb::Merchant> find_merchant(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::Customer> find_customer(const store::Reader&, Scope,
                                                        std::uint64_t no);  // also deleted
[[nodiscard]] std::optional<pb::PaymentIntent> find_intent(const store::Reader&, Scope, std::uint64_t no);
[[nodiscard]] std::optional<pb::Charge> find_charge(const store::Reader&, Scope, std::uint64_t no);
[[nodiscard]] std::optional<pb::Refund> find_refund(const store::Reader&, Scope, std::uint64_t no);
[[nodiscard]] std::optional<pb::BalanceTransaction> find_balance_transaction(const store::Reader&, Scope,
                                                                             std::uint64_t no);
// A deleted endpoint is absent.
[[nodiscard]] std::optional<pb::WebhookEndpoint> find_webhook_endpoint(const store::Reader&, Scope,
                                                                       std::uint64_t no);
[[nodiscard]] std::optional<pb::WebhookDelivery> find_delivery(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::ChannelAttempt> find_attempt(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::Operator> find_operator(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::Operator> find_operator_by_name(const store::Reader&, std::string_view name);
[[nodiscard]] std::optional<pb::Session> find_session(const store::Reader&, std::string_view cookie_sha256);
[[nodiscard]] std::optional<pb::SetupToken> find_setup_token(const store::Reader&,
                                                             std::string_view token_sha256);
[[nodiscard]] std::optional<pb::Instance> find_instance(const store::Reader&);
// The newest step whose code the operator used, for who judges a code at `utc_ms`; 0 when that one was used
// while a clock was ahead.
[[nodiscard]] std::uint64_t last_code_step(const pb::Operator&, std::int64_t utc_ms);
[[nodiscard]] bool has_operator(const store::Reader&);
// By name; at most limits::kOperators.
[[nodiscard]] std::vector<pb::Operator> list_operators(const store::Reader&);

// The cluster (docs/adr/0007); nullopt: this instance has none.
[[nodiscard]] std::optional<pb::Cluster> find_cluster(const store::Reader&);
[[nodiscard]] std::optional<pb::ClusterNode> find_cluster_node(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::JoinToken> find_join_token(const store::Reader&,
                                                           std::string_view token_sha256);
// By number; at most limits::kClusterNodes that are not removed.
[[nodiscard]] std::vector<pb::ClusterNode> list_cluster_nodes(const store::Reader&,
                                                              bool also_removed = false);

struct FoundEvent {
    std::shared_ptr<const pb::Journal> journal;  // whole: time, request, idempotency key, ledger legs
    const pb::Event* event = nullptr;            // into it
};
[[nodiscard]] std::optional<FoundEvent> find_event(const store::Reader&, Scope, std::uint64_t event_no);
[[nodiscard]] std::shared_ptr<const pb::Journal> find_journal(const store::Reader&, Scope,
                                                              std::uint64_t command_no);

// Filters shared by the lists; zero means "not given". Times in Unix ms, bounds inclusive/exclusive as named.
struct ListQuery {
    std::uint64_t starting_after = 0;  // object numbers; exclusive
    std::uint64_t ending_before = 0;
    std::size_t limit = 10;
    std::int64_t created_gte_ms = 0, created_gt_ms = 0, created_lte_ms = 0, created_lt_ms = 0;
    std::uint64_t customer_no = 0;
    std::uint64_t intent_no = 0;     // charges, refunds
    std::uint64_t charge_no = 0;     // refunds
    std::string email;               // customers
    std::string type;                // events, balance transactions
    std::vector<std::string> types;  // events
    std::uint32_t currency = 0;      // balance transactions
    std::string source_id;           // balance transactions
};
template <typename T>
struct Listed {
    std::vector<T> rows;  // newest first
    bool has_more = false;
};
[[nodiscard]] Listed<pb::Customer> list_customers(const store::Reader&, Scope, const ListQuery&);
[[nodiscard]] Listed<pb::PaymentIntent> list_intents(const store::Reader&, Scope, const ListQuery&);
[[nodiscard]] Listed<pb::Charge> list_charges(const store::Reader&, Scope, const ListQuery&);
[[nodiscard]] Listed<pb::Refund> list_refunds(const store::Reader&, Scope, const ListQuery&);
[[nodiscard]] Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader&, Scope,
                                                                       const ListQuery&);
[[nodiscard]] Listed<FoundEvent> list_events(const store::Reader&, Scope, const ListQuery&);
[[nodiscard]] Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader&, Scope,
                                                                 const ListQuery&);
[[nodiscard]] std::vector<pb::Merchant> list_merchants(const store::Reader&, std::uint64_t after_no,
                                                       std::size_t limit);
// SHA-256 of the merchant's key with this number; "" when it has no such key.
[[nodiscard]] std::string api_key_hash(const store::Reader&, std::uint64_t merchant_no, std::uint64_t key_no);
[[nodiscard]] std::vector<pb::ApiKey> list_api_keys(const store::Reader&, std::uint64_t merchant_no);

struct BalanceLine {
    std::uint32_t currency = 0;
    std::int64_t available = 0;
    std::int64_t pending = 0;
};
// Read from the ledger accounts, currencies ascending by code number.
[[nodiscard]] std::vector<BalanceLine> merchant_balance(const store::Reader&, Scope);
[[nodiscard]] std::vector<BalanceLine> wallet_balance(const store::Reader&, Scope, std::uint64_t customer_no);

// The outbox: what is due now or later, oldest first.
struct Due {
    std::int64_t due_ms = 0;
    std::uint64_t no = 0;  // delivery or attempt
};
// `after`: only rows behind this one in (due_ms, no), for reading on.
[[nodiscard]] std::vector<Due> due_deliveries(const store::Reader&, std::int64_t until_ms, std::size_t limit,
                                              Due after = {});
[[nodiscard]] std::vector<Due> due_attempts(const store::Reader&, std::int64_t until_ms, std::size_t limit,
                                            Due after = {});

// Deliveries of an endpoint that are not at their end, due or not, in the order of their numbers.
[[nodiscard]] std::vector<std::uint64_t> pending_deliveries(const store::Reader&, Scope,
                                                            std::uint64_t endpoint_no, std::uint64_t after_no,
                                                            std::size_t limit);

// All deliveries of the events of one payment: for its page.
[[nodiscard]] std::vector<pb::WebhookDelivery> deliveries_of_event(const store::Reader&, Scope,
                                                                   std::uint64_t event_no);
// The channel attempts of one payment, oldest first.
[[nodiscard]] std::vector<pb::ChannelAttempt> attempts_of_intent(const store::Reader&, Scope,
                                                                 std::uint64_t intent_no);
// Journals of a merchant and mode after `command_no`, oldest first: rebuilds and catch-up of projections.
void visit_journals(const store::Reader&, Scope, std::uint64_t after_command_no, std::size_t limit,
                    const std::function<bool(const pb::Journal&)>& visit);
// What the next journal row of the same merchant and mode has as previous_hash: the first 16 bytes of the
// row's SHA-256.
[[nodiscard]] std::string journal_hash(const pb::Journal&);
// Journal rows that belong to one intent (found by its index), oldest first.
[[nodiscard]] std::vector<std::shared_ptr<const pb::Journal>> journals_of_intent(const store::Reader&, Scope,
                                                                                 std::uint64_t intent_no);

}  // namespace kontor::payments
