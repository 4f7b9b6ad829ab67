// The calls of a replica that are about other nodes.

#include "replica_impl.h"

namespace kontor::replication {

namespace {
constexpr const char* kAlone = "this node is a cluster of one";
}

Result<void> Replica::install(const ReplicaOptions&, std::string_view, const std::optional<ClusterId>&) {
    return fail(ErrorCode::unavailable, kAlone);
}
Result<std::optional<FolderIdentity>> Replica::identity(const std::string& folder) {
    KONTOR_TRY(const auto state, StateFile::load(folder, real_file_ops()));
    if (!state) return std::optional<FolderIdentity>{};
    const NodeState& found = state->state();
    return std::optional(FolderIdentity{found.node_id, found.cluster, found.hard.term});
}
void ReplicaImpl::receive(std::uint64_t, std::string) {}
void ReplicaImpl::link_changed(std::uint64_t, bool) {}
ClusterView ReplicaImpl::cluster_view() const {
    return {};
}
std::uint64_t ReplicaImpl::leader_id() const {
    return role() == Role::leader ? options_.node_id : 0;
}
std::uint64_t ReplicaImpl::last_leader_contact_ms() const {
    return role() == Role::leader ? 0 : kNeverMs;
}
bool ReplicaImpl::leader_caught_up() const {
    return role() == Role::leader;
}
void ReplicaImpl::change(MembershipChange, Changed done) {
    done(fail(ErrorCode::unavailable, kAlone));
}
void ReplicaImpl::transfer(std::uint64_t, std::function<void(Result<void>)> done) {
    done(fail(ErrorCode::unavailable, kAlone));
}
void ReplicaImpl::hold_log(std::uint64_t) {}

}  // namespace kontor::replication
