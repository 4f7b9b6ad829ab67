// Reads of one row each.
#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/payments/limits.h"
#include "kontor/payments/queries.h"
#include "rows.h"

namespace kontor::payments {

std::optional<pb::ApiKey> find_api_key(const store::Reader& rows, std::string_view key_sha256) {
    if (key_sha256.size() != kHashBytes) return std::nullopt;
    return load<pb::ApiKey>(rows, table::api_keys, Key().bytes(key_sha256));
}

std::optional<pb::Merchant> find_merchant(const store::Reader& rows, std::uint64_t no) {
    return load<pb::Merchant>(rows, table::merchants, merchant_key(no));
}

std::optional<pb::Customer> find_customer(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::Customer>(rows, table::customers, object_key(scope, no));
}

std::optional<pb::PaymentIntent> find_intent(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::PaymentIntent>(rows, table::intents, object_key(scope, no));
}

std::optional<pb::Charge> find_charge(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::Charge>(rows, table::charges, object_key(scope, no));
}

std::optional<pb::Refund> find_refund(const store::Reader& rows, Scope scope, std::uint64_t no) {
    return load<pb::Refund>(rows, table::refunds, object_key(scope, no));
}

std::optional<pb::BalanceTransaction> find_balance_transaction(const store::Reader& rows, Scope scope,
                                                               std::uint64_t no) {
    return load<pb::BalanceTransaction>(rows, table::balance_transactions, object_key(scope, no));
}

std::optional<pb::WebhookEndpoint> find_webhook_endpoint(const store::Reader& rows, Scope scope,
                                                         std::uint64_t no) {
    auto endpoint = load<pb::WebhookEndpoint>(rows, table::webhook_endpoints, object_key(scope, no));
    if (endpoint && endpoint->deleted()) endpoint.reset();
    return endpoint;
}

std::optional<pb::WebhookDelivery> find_delivery(const store::Reader& rows, std::uint64_t no) {
    return load<pb::WebhookDelivery>(rows, table::deliveries, Key().be64(no));
}

std::optional<pb::ChannelAttempt> find_attempt(const store::Reader& rows, std::uint64_t no) {
    return load<pb::ChannelAttempt>(rows, table::attempts, Key().be64(no));
}

std::optional<pb::Operator> find_operator(const store::Reader& rows, std::uint64_t no) {
    return load<pb::Operator>(rows, table::operators, operator_key(no));
}

std::optional<pb::Operator> find_operator_by_name(const store::Reader& rows, std::string_view name) {
    if (name.empty() || name.size() > limits::kOperatorNameBytes) return std::nullopt;
    const auto bytes = rows.get(table::operators, operator_name_key(name).view());
    if (!bytes) return std::nullopt;
    if (bytes->size() != sizeof(std::uint64_t)) row_failure("operators", "a name row has another size");
    return find_operator(rows, get_be64(*bytes));
}

std::optional<pb::Session> find_session(const store::Reader& rows, std::string_view cookie_sha256) {
    if (cookie_sha256.size() != kHashBytes) return std::nullopt;
    return load<pb::Session>(rows, table::sessions, Key().bytes(cookie_sha256));
}

std::optional<pb::SetupToken> find_setup_token(const store::Reader& rows, std::string_view token_sha256) {
    if (token_sha256.size() != kHashBytes) return std::nullopt;
    return load<pb::SetupToken>(rows, table::setup_tokens, Key().bytes(token_sha256));
}

std::optional<pb::Instance> find_instance(const store::Reader& rows) {
    return load<pb::Instance>(rows, table::instance, instance_key());
}

std::vector<pb::Operator> list_operators(const store::Reader& rows) {
    std::vector<std::uint64_t> numbers;
    rows.scan(table::operators, operator_name_key({}).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view value) {
                  if (value.size() != sizeof(std::uint64_t))
                      row_failure("operators", "a name row has another size");
                  numbers.push_back(get_be64(value));
                  return numbers.size() < limits::kOperators;
              });
    std::vector<pb::Operator> found;
    for (const std::uint64_t no : numbers)
        if (auto row = find_operator(rows, no)) found.push_back(*std::move(row));
    return found;
}

bool has_operator(const store::Reader& rows) {
    bool found = false;
    rows.scan(table::operators, operator_name_key({}).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view) {
                  found = true;
                  return false;
              });
    return found;
}

std::optional<pb::Cluster> find_cluster(const store::Reader& rows) {
    return load<pb::Cluster>(rows, table::cluster, cluster_key());
}

std::optional<pb::ClusterNode> find_cluster_node(const store::Reader& rows, std::uint64_t no) {
    return load<pb::ClusterNode>(rows, table::cluster, cluster_node_key(no));
}

std::optional<pb::JoinToken> find_join_token(const store::Reader& rows, std::string_view token_sha256) {
    if (token_sha256.size() != kHashBytes) return std::nullopt;
    return load<pb::JoinToken>(rows, table::cluster, join_token_key(token_sha256));
}

std::vector<pb::ClusterNode> list_cluster_nodes(const store::Reader& rows, bool also_removed) {
    std::vector<pb::ClusterNode> nodes;
    const Key low = cluster_node_key(0);
    const Key high = cluster_node_key(~std::uint64_t{0});
    rows.scan(table::cluster, low.view(), high.view(), store::Direction::ascending,
              [&](std::string_view, std::string_view value) {
                  auto node = parse_row<pb::ClusterNode>(value, "cluster");
                  if (also_removed || !node.removed()) nodes.push_back(std::move(node));
                  return true;
              });
    return nodes;
}

std::shared_ptr<const pb::Journal> find_journal(const store::Reader& rows, Scope scope,
                                                std::uint64_t command_no) {
    const auto bytes = rows.get(table::journals, object_key(scope, command_no).view());
    if (!bytes) return nullptr;
    return std::make_shared<const pb::Journal>(parse_row<pb::Journal>(*bytes, "journals"));
}

std::optional<FoundEvent> find_event(const store::Reader& rows, Scope scope, std::uint64_t event_no) {
    auto journal = find_journal(rows, scope, command_no(event_no));
    if (!journal) return std::nullopt;
    for (const pb::Event& event : journal->events()) {
        if (event.no() == event_no) return FoundEvent{journal, &event};
    }
    return std::nullopt;
}

}  // namespace kontor::payments
