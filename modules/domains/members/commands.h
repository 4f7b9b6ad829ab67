#pragma once
// Commands of the cluster.

#include "kontor/machine/context.h"
#include "kontor/members.pb.h"

namespace kontor::members {

pb::Result init_cluster(machine::Context& context, const pb::InitCluster& wanted);
pb::Result create_join_token(machine::Context& context, const pb::CreateJoinToken& wanted);
pb::Result admit_node(machine::Context& context, const pb::AdmitNode& wanted);
pb::Result update_cluster_node(machine::Context& context, const pb::UpdateClusterNode& wanted);
pb::Result rotate_cluster_authority(machine::Context& context, const pb::RotateClusterAuthority& wanted);
pb::Result activate_features(machine::Context& context, const pb::ActivateFeatures& wanted);
// A join token whose time is over.
std::size_t drop_join_token(machine::Context& context, machine::DueClock clock, std::string_view payload,
                            std::size_t limit);

}  // namespace kontor::members
