#pragma once
// The members of the cluster, as the state knows them (docs/adr/0007).

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "kontor/machine/rows.h"
#include "kontor/members.pb.h"

namespace kontor::members {

// The cluster (docs/adr/0007); nullopt: this instance has none.
[[nodiscard]] std::optional<pb::Cluster> find_cluster(const store::Reader&);
[[nodiscard]] std::optional<pb::ClusterNode> find_cluster_node(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::JoinToken> find_join_token(const store::Reader&,
                                                           std::string_view token_sha256);
// By number; at most limits::kClusterNodes that are not removed.
[[nodiscard]] std::vector<pb::ClusterNode> list_cluster_nodes(const store::Reader&,
                                                              bool also_removed = false);

// Which rules the cluster uses: the lowest level that all members have. A single node uses all that it has.
[[nodiscard]] std::uint32_t active_feature_level(const store::Reader& rows);

}  // namespace kontor::members
