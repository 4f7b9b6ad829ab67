#pragma once
// Commands about approvals, and the stage that stores others.

#include "kontor/approvals.pb.h"
#include "kontor/machine/context.h"

namespace kontor::approvals {

// Machine hook (Domain::hold).
std::optional<pb::Result> hold(machine::Context& context, const machine::Command& record);

pb::Result set_policy(machine::Context& context, const pb::SetApprovalPolicy& wanted);
pb::Result approve(machine::Context& context, const pb::ApproveRequest& wanted);
pb::Result reject(machine::Context& context, const pb::RejectRequest& wanted);
pb::Result withdraw(machine::Context& context, const pb::WithdrawRequest& wanted);

// Of the command that is let run: it counts for the entry as if it had been proposed.
[[nodiscard]] std::uint64_t weight_of_approve(const pb::Command& command);

// Due work: a request that nobody decided about, or that ended long ago.
std::size_t end_of_time(machine::Context& context, machine::DueClock clock, std::string_view payload,
                        std::size_t limit);

// Whether the policy wants somebody else to approve the command.
[[nodiscard]] bool asks_about(const pb::ApprovalPolicy& policy, const machine::Context& context,
                              const machine::Command& record);

}  // namespace kontor::approvals
