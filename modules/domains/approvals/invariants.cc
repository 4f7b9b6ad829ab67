#include "domains/approvals/invariants.h"

#include "domains/approvals/approvals.h"
#include "domains/approvals/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/carriers.pb.h"

namespace kontor::approvals {

using namespace machine;  // the frame's words

namespace {

constexpr std::size_t kKindBytes = 2;  // `ar`, `as`, …

void check_request(Audit& audit, std::string_view key, const pb::ApprovalRequest& request) {
    const std::uint64_t no = request.no();
    const bool is_pending = request.status() == pb::APPROVAL_PENDING;
    if (key != request_key(no).view())
        return audit.broken({}, no, "the request for approval stands under another key");
    if (!audit.has(table::approvals, status_key(request.status(), no)))
        audit.broken({}, no, "the request for approval is in no list of its status");
    if (audit.has(table::approvals, proposer_key(request.proposer().no(), no)) != is_pending)
        audit.broken({}, no, "a request for approval counts for its proposer while it waits, and only then");
    if (!audit.has(machine::table::due, request_due_key(request)))
        audit.broken({}, no, "the request for approval never ends");
    if (request.proposer().kind() != pb::Actor::OPERATOR ||
        (request.decider().no() != 0) != (request.decided_ms() != 0))
        audit.broken({}, no, "the request for approval does not say who proposed or decided it");
    if ((request.status() == pb::APPROVAL_EXECUTED || request.status() == pb::APPROVAL_FAILED ||
         request.status() == pb::APPROVAL_REJECTED) &&
        (request.decider().kind() != pb::Actor::OPERATOR ||
         request.decider().no() == request.proposer().no()))
        audit.broken({}, no, "one person proposed and decided");
    pb::Command stored;
    if (!stored.ParseFromString(request.stored()) || stored.kind() != request.command() ||
        stored.actor().no() != request.proposer().no())
        audit.broken({}, no, "the request for approval has another command");
}

}  // namespace

void check_requests(Audit& audit) {
    std::uint64_t waiting = 0;
    audit.each(table::approvals, [&](std::string_view key, std::string_view value) {
        if (key.size() < kKindBytes) return audit.broken({}, 0, "a row of approvals has another shape");
        const std::string_view rest = key.substr(kKindBytes);
        const bool ends_in_number = rest.size() >= sizeof(std::uint64_t);
        const std::uint64_t no =
            ends_in_number ? get_be64(rest.substr(rest.size() - sizeof(std::uint64_t))) : 0;
        switch (key[1]) {
            case 'p':
            case 'h':
                return;
            case 'r': {
                const auto request = parse_row<pb::ApprovalRequest>(value, "approvals");
                if (request.status() == pb::APPROVAL_PENDING) ++waiting;
                return check_request(audit, key, request);
            }
            case 's':
            case 'o': {
                const auto request = find_request(audit.rows, no);
                const Key wanted = !request        ? Key()
                                   : key[1] == 's' ? status_key(request->status(), no)
                                                   : proposer_key(request->proposer().no(), no);
                if (key != wanted.view())
                    audit.broken({}, no, "a list has a request for approval that is not its");
                return;
            }
            default:
                return audit.broken({}, 0, "a row of approvals has another shape");
        }
    });
    if (const std::uint64_t counted = count_pending(audit.rows); counted != waiting)
        audit.broken({}, 0,
                     std::to_string(counted) + " requests for approval are counted, and " +
                         std::to_string(waiting) + " wait");
}

void check_policy(Audit& audit) {
    std::uint32_t last = 0;
    const pb::ApprovalPolicy policy = find_policy(audit.rows);
    for (const pb::ApprovalRule& rule : policy.rules()) {
        const machine::Command* const record = audit.registry.command(rule.command());
        if (rule.command() <= last || record == nullptr || !record->approval.value.may_be_asked.value)
            audit.broken({}, 0, "the policy of approvals asks about a command that cannot be asked about");
        last = rule.command();
    }
}

}  // namespace kontor::approvals
