#include "domains/members/invariants.h"

#include "domains/members/members.h"
#include "domains/members/tables.h"
#include "kontor/base/bytes.h"

namespace kontor::members {

using namespace machine;  // the frame's words

void check_members(Audit& audit) {
    const auto cluster = find_cluster(audit.rows);
    audit.each(table::cluster, [&](std::string_view key, std::string_view value) {
        if (!cluster) return audit.broken({}, 0, "there are members of a cluster, and no cluster");
        const std::string_view kind = key.substr(0, 2);
        if (kind == "cn") {
            const auto node = parse_row<pb::ClusterNode>(value, "cluster");
            if (key != cluster_node_key(node.no()).view() || node.no() > cluster->last_node_no())
                audit.broken({}, 0,
                             "node " + std::to_string(node.no()) + " has a number that was never given");
        } else if (kind == "ct") {
            const std::string hash(key.substr(2));
            const auto token = parse_row<pb::JoinToken>(value, "cluster");
            if (!audit.has(machine::table::due,
                           due_key(kJoinTokenDue, DueClock::machine, token.expires_ms()).bytes(hash)))
                audit.broken({}, 0, "a join token never ends");
        } else if (key != cluster_key().view()) {
            audit.broken({}, 0, "a row of cluster has another shape");
        }
    });
}

}  // namespace kontor::members
