// Nodes of two versions: what this one may propose, and when it must not go on.

#include "domains/all.h"
#include "domains/members/members.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine/features.h"
#include "node_impl.h"

namespace kontor::node {

// The one place that keeps commands out of the log that a member of an older version would not know.
Result<void> NodeImpl::check_level(const pb::Command& command) const {
    const std::uint32_t needed = machine::level_needed(domains::registry(), command);
    if (needed <= machine::kFirstFeatureLevel) return {};
    std::uint32_t active = 0;
    try {
        read([&](const store::Reader& rows, std::uint64_t) { active = members::active_feature_level(rows); });
    } catch (const store::StoreFailure& failure) {
        return fail(ErrorCode::unavailable, failure.what());
    }
    if (needed <= active) return {};
    return fail(ErrorCode::conflict, "this needs feature level " + std::to_string(needed) +
                                         ", and the cluster uses level " + std::to_string(active) +
                                         " until all of its nodes are upgraded");
}

// Not to be decided by this binary: the entries after it mean what only a newer one knows.
Result<void> NodeImpl::check_features(std::uint32_t level) {
    if (level <= machine::feature_level()) return {};
    return fail(ErrorCode::unsupported, "the state uses feature level " + std::to_string(level) +
                                            ", and this version has level " +
                                            std::to_string(machine::feature_level()) +
                                            ": start this node with the newer version again");
}

}  // namespace kontor::node
