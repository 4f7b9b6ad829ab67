#include "domains/members/members.h"

#include "domains/members/tables.h"

namespace kontor::members {

using namespace machine;  // the frame's words

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

}  // namespace kontor::members
