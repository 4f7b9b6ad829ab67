#include <algorithm>
#include <array>

#include "domains/approvals/approvals.h"
#include "domains/approvals/tables.h"
#include "kontor/base/bytes.h"

namespace kontor::approvals {

using namespace machine;  // the frame's words

namespace {

struct StatusName {
    pb::ApprovalStatus status;
    std::string_view name;
};
constexpr std::array kStatusNames = {
    StatusName{pb::APPROVAL_PENDING, "pending"},     StatusName{pb::APPROVAL_EXECUTED, "executed"},
    StatusName{pb::APPROVAL_FAILED, "failed"},       StatusName{pb::APPROVAL_REJECTED, "rejected"},
    StatusName{pb::APPROVAL_WITHDRAWN, "withdrawn"}, StatusName{pb::APPROVAL_EXPIRED, "expired"},
};
static_assert(kStatusNames.size() == pb::ApprovalStatus_ARRAYSIZE - 1, "each status has its word");

}  // namespace

std::string_view status_name(pb::ApprovalStatus status) {
    for (const StatusName& one : kStatusNames)
        if (one.status == status) return one.name;
    return "unknown";
}

std::optional<pb::ApprovalStatus> status_of(std::string_view name) {
    for (const StatusName& one : kStatusNames)
        if (one.name == name) return one.status;
    return std::nullopt;
}

std::optional<pb::ApprovalRequest> find_request(const store::Reader& rows, std::uint64_t no) {
    return load<pb::ApprovalRequest>(rows, table::approvals, request_key(no));
}

std::vector<pb::ApprovalRequest> list_requests(const store::Reader& rows,
                                               std::optional<pb::ApprovalStatus> status,
                                               std::uint64_t before_no, std::size_t limit) {
    std::vector<std::uint64_t> numbers;
    if (limit == 0) return {};
    const std::uint64_t end = before_no == 0 ? UINT64_MAX : before_no;
    const Key low = status ? status_key(*status, 0) : request_key(0);
    const Key high = status ? status_key(*status, end) : request_key(end);
    rows.scan(table::approvals, low.view(), high.view(), store::Direction::descending,
              [&](std::string_view key, std::string_view) {
                  numbers.push_back(get_be64(key.substr(key.size() - sizeof(std::uint64_t))));
                  return numbers.size() < limit;
              });
    std::vector<pb::ApprovalRequest> found;
    for (const std::uint64_t no : numbers) {
        auto request = find_request(rows, no);
        if (!request) row_failure("approvals", "a list names a request that is not there");
        found.push_back(*std::move(request));
    }
    return found;
}

pb::ApprovalPolicy find_policy(const store::Reader& rows) {
    return load<pb::ApprovalPolicy>(rows, table::approvals, policy_key()).value_or(pb::ApprovalPolicy());
}

std::uint64_t count_pending(const store::Reader& rows) {
    return load<pb::ApprovalHead>(rows, table::approvals, head_key()).value_or(pb::ApprovalHead()).pending();
}

}  // namespace kontor::approvals
