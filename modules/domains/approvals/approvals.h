#pragma once
// Four eyes (docs/adr/0024): which commands need somebody else's approval, and those that wait for it.
//
// A command that an operator proposes and the policy asks about is stored as a request instead of being run.
// Another operator who may run it himself, and may decide, approves: then it runs, against the state of that
// moment, in the name of its proposer. The policy is rows, too; to loosen it needs approval, else one person
// could switch all of this off.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/approvals.pb.h"
#include "kontor/machine/context.h"

namespace kontor::approvals {

[[nodiscard]] std::optional<pb::ApprovalRequest> find_request(const store::Reader&, std::uint64_t no);
// Newest first, those before `before_no` (0: from the newest), at most `limit`; of one status, or of all.
[[nodiscard]] std::vector<pb::ApprovalRequest> list_requests(const store::Reader&,
                                                             std::optional<pb::ApprovalStatus> status,
                                                             std::uint64_t before_no, std::size_t limit);
// That of revision 0, without rules, where there never was one.
[[nodiscard]] pb::ApprovalPolicy find_policy(const store::Reader&);
[[nodiscard]] std::uint64_t count_pending(const store::Reader&);

// "pending": as the API says it, and back.
[[nodiscard]] std::string_view status_name(pb::ApprovalStatus status);
[[nodiscard]] std::optional<pb::ApprovalStatus> status_of(std::string_view name);

}  // namespace kontor::approvals
