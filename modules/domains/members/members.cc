// The members of the cluster, as the state knows them (docs/adr/0007): who was admitted, and what each shall
// be. What the log's configuration says follows from it, step by step, by the leader's hand.
#include "domains/members/members.h"

#include <algorithm>

#include "domains/members/commands.h"
#include "domains/members/limits.h"
#include "domains/members/tables.h"
#include "kontor/bodies.h"
#include "kontor/machine/features.h"
#include "kontor/machine/refuse.h"
#include "kontor/members_bodies.pb.h"

namespace kontor::members {

using namespace machine;  // the frame's words

namespace {

constexpr std::size_t kClusterIdBytes = 16;
constexpr std::size_t kCertificatesBytes = 16U << 10U;

pb::Result no_cluster() {
    return refuse(machine::outcome::resource_missing,
                  "This instance is not a cluster: 'kontor cluster init' first.");
}

pb::Result no_node(std::uint64_t no) {
    return refuse(machine::outcome::resource_missing, "No such node: " + std::to_string(no), "node");
}

// "" when it may be one.
std::string wrong_with(const pb::ClusterNode& node) {
    if (node.name().empty() || node.name().size() > limits::kNodeNameBytes)
        return "A node's name has 1 to " + std::to_string(limits::kNodeNameBytes) + " bytes.";
    if (node.peer_address().empty() || node.peer_address().size() > limits::kNodeAddressBytes)
        return "A node has a peer address, host:port.";
    if (node.api_url().size() > limits::kNodeAddressBytes) return "The API's URL is too long.";
    return {};
}

// Another member with this peer address or name; 0: none. The one that it replaces does not count.
std::uint64_t taken_by(const store::Reader& rows, const pb::ClusterNode& wanted, std::uint64_t replaced = 0) {
    for (const pb::ClusterNode& node : list_cluster_nodes(rows)) {
        if (node.no() == wanted.no() || node.no() == replaced) continue;
        if (node.peer_address() == wanted.peer_address() || node.name() == wanted.name()) return node.no();
    }
    return 0;
}

pb::Result taken(std::uint64_t no) {
    return refuse(machine::outcome::already_exists,
                  "Node " + std::to_string(no) + " has this name or peer address.", "node");
}

std::size_t count_tokens(const store::Reader& rows) {
    std::size_t count = 0;
    rows.scan(table::cluster, join_token_key({}).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view) { return ++count < limits::kJoinTokens; });
    return count;
}

pb::Result put_node(Context& context, const pb::ClusterNode& node) {
    context.put(table::cluster, cluster_node_key(node.no()), node);
    context.audit_record(kInstanceScope);
    pb::Result result;
    *mutable_object(result, pb::cluster_node) = node;
    return result;
}

}  // namespace

std::uint32_t active_feature_level(const store::Reader& rows) {
    const auto cluster = find_cluster(rows);
    return cluster ? std::max(cluster->feature_level(), kFirstFeatureLevel) : feature_level();
}

pb::Result init_cluster(Context& context, const pb::InitCluster& wanted) {
    if (find_cluster(context.rows))
        return refuse(machine::outcome::already_exists, "This instance is a cluster already.");
    if (wanted.cluster_id().size() != kClusterIdBytes || wanted.node().no() == 0 || wanted.ca_pem().empty() ||
        wanted.ca_pem().size() > kCertificatesBytes || wanted.sealed_ca_key().empty())
        return refuse(machine::outcome::invalid_parameter,
                      "A cluster has an id, an authority and a first node.");
    if (std::string wrong = wrong_with(wanted.node()); !wrong.empty())
        return refuse(machine::outcome::invalid_parameter, std::move(wrong), "node");
    pb::Cluster cluster;
    cluster.set_cluster_id(wanted.cluster_id());
    cluster.set_ca_pem(wanted.ca_pem());
    cluster.set_sealed_ca_key(wanted.sealed_ca_key());
    cluster.set_last_node_no(wanted.node().no());
    cluster.set_feature_level(wanted.node().feature_level());
    cluster.set_created_ms(context.now.utc_ms);
    context.put(table::cluster, cluster_key(), cluster);
    pb::ClusterNode node = wanted.node();
    node.set_voter(true);
    return put_node(context, node);
}

pb::Result create_join_token(Context& context, const pb::CreateJoinToken& wanted) {
    if (!find_cluster(context.rows)) return no_cluster();
    if (!is_hash(wanted.token_sha256()) || wanted.lifetime_ms() <= 0)
        return refuse(machine::outcome::invalid_parameter, "A token has a hash and a lifetime.", "token");
    if (find_join_token(context.rows, wanted.token_sha256()))
        return refuse(machine::outcome::already_exists, "There is such a token.", "token");
    if (count_tokens(context.rows) >= limits::kJoinTokens)
        return refuse(machine::outcome::limit_reached, "There are too many join tokens.");
    if (wanted.replaces() != 0) {
        const auto lost = find_cluster_node(context.rows, wanted.replaces());
        if (!lost || lost->removed()) return no_node(wanted.replaces());
    }
    pb::JoinToken token;
    token.set_expires_ms(context.now.machine_ms + wanted.lifetime_ms());
    token.set_voter(wanted.voter());
    token.set_replaces(wanted.replaces());
    context.put(table::cluster, join_token_key(wanted.token_sha256()), token);
    context.due(DueClock::machine, token.expires_ms(), kJoinTokenDue, wanted.token_sha256());
    context.audit_record(kInstanceScope);
    return {};
}

pb::Result admit_node(Context& context, const pb::AdmitNode& wanted) {
    auto cluster = find_cluster(context.rows);
    if (!cluster) return no_cluster();
    auto token = find_join_token(context.rows, wanted.token_sha256());
    if (!token || token->expires_ms() <= context.now.machine_ms)
        return refuse(machine::outcome::token_invalid, "This join token is not known or too old.", "token");
    if (!is_hash(wanted.public_key_sha256()))
        return refuse(machine::outcome::invalid_parameter, "A node has a public key.", "public_key");
    if (token->used_by() != 0) {
        auto earlier = find_cluster_node(context.rows, token->used_by());
        if (!earlier || earlier->removed() || earlier->public_key_sha256() != wanted.public_key_sha256())
            return refuse(machine::outcome::token_invalid, "This join token was used.", "token");
        pb::Result again;
        *mutable_object(again, pb::cluster_node) = *std::move(earlier);
        return again;
    }
    if (std::string wrong = wrong_with(wanted.node()); !wrong.empty())
        return refuse(machine::outcome::invalid_parameter, std::move(wrong), "node");
    if (wanted.node().feature_level() < cluster->feature_level()) {
        return refuse(machine::outcome::invalid_parameter,
                      "The cluster uses features that this version does not have: install the newer one.",
                      "version");
    }
    pb::ClusterNode node = wanted.node();
    node.set_no(cluster->last_node_no() + 1);
    if (const std::uint64_t other = taken_by(context.rows, node, token->replaces()); other != 0)
        return taken(other);
    auto lost = find_cluster_node(context.rows, token->replaces());
    if (lost && lost->removed()) lost.reset();
    if (!lost && list_cluster_nodes(context.rows).size() >= limits::kClusterNodes)
        return refuse(machine::outcome::limit_reached, "There are too many nodes.");
    // The lost node goes with the same entry, so that its name and address are free.
    if (lost) {
        lost->set_removed(true);
        context.put(table::cluster, cluster_node_key(lost->no()), *lost);
    }
    cluster->set_last_node_no(node.no());
    context.put(table::cluster, cluster_key(), *cluster);
    token->set_used_by(node.no());
    context.put(table::cluster, join_token_key(wanted.token_sha256()), *token);
    node.set_voter(token->voter());
    node.set_removed(false);
    node.set_public_key_sha256(wanted.public_key_sha256());
    node.set_replaces(token->replaces());
    return put_node(context, node);
}

pb::Result update_cluster_node(Context& context, const pb::UpdateClusterNode& wanted) {
    auto node = find_cluster_node(context.rows, wanted.no());
    if (!node || node->removed()) return no_node(wanted.no());
    if (wanted.has_name()) node->set_name(wanted.name());
    if (wanted.has_peer_address()) node->set_peer_address(wanted.peer_address());
    if (wanted.has_api_url()) node->set_api_url(wanted.api_url());
    if (wanted.has_voter()) node->set_voter(wanted.voter());
    if (wanted.has_removed()) node->set_removed(wanted.removed());
    if (wanted.has_feature_level()) node->set_feature_level(wanted.feature_level());
    if (wanted.has_version()) node->set_version(wanted.version().substr(0, limits::kNodeNameBytes));
    if (std::string wrong = wrong_with(*node); !wrong.empty())
        return refuse(machine::outcome::invalid_parameter, std::move(wrong), "node");
    std::size_t voters = 0;
    for (const pb::ClusterNode& other : list_cluster_nodes(context.rows))
        if (other.no() != node->no() && other.voter()) ++voters;
    if (voters == 0 && (node->removed() || !node->voter()))
        return refuse(machine::outcome::unexpected_state, "This is the last voting node of the cluster.",
                      "node");
    if (const std::uint64_t other = taken_by(context.rows, *node); other != 0) return taken(other);
    return put_node(context, *node);
}

pb::Result rotate_cluster_authority(Context& context, const pb::RotateClusterAuthority& wanted) {
    auto cluster = find_cluster(context.rows);
    if (!cluster) return no_cluster();
    if (wanted.ca_pem().empty() || wanted.ca_pem().size() > kCertificatesBytes ||
        wanted.sealed_ca_key().empty())
        return refuse(machine::outcome::invalid_parameter, "An authority has a certificate and a key.");
    cluster->set_ca_pem(wanted.ca_pem());
    cluster->set_sealed_ca_key(wanted.sealed_ca_key());
    context.put(table::cluster, cluster_key(), *cluster);
    context.audit_record(kInstanceScope);
    return {};
}

pb::Result activate_features(Context& context, const pb::ActivateFeatures& wanted) {
    auto cluster = find_cluster(context.rows);
    if (!cluster) return no_cluster();
    if (wanted.level() < cluster->feature_level())
        return refuse(machine::outcome::unexpected_state, "Features are not taken back.");
    for (const pb::ClusterNode& node : list_cluster_nodes(context.rows))
        if (node.feature_level() < wanted.level())
            return refuse(machine::outcome::unexpected_state,
                          "Node " + std::to_string(node.no()) + " does not have these features yet.");
    cluster->set_feature_level(wanted.level());
    context.put(table::cluster, cluster_key(), *cluster);
    context.audit_record(kInstanceScope);
    return {};
}

std::size_t drop_join_token(Context& context, DueClock /*clock*/, std::string_view payload,
                            std::size_t /*limit*/) {
    context.rows.erase(table::cluster, join_token_key(payload).view());
    return 0;
}

}  // namespace kontor::members
