#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/approvals.pb.h"
#include "kontor/machine/rows.h"

namespace kontor::approvals {

namespace table {
inline constexpr store::TableId approvals = 39;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::approvals, "approvals", machine::partition_by::singleton, true},
};

// All in one partition key: people make them, one at a time.
[[nodiscard]] inline machine::Key rows_key(char kind) {
    return machine::Key().byte('a').byte(kind);
}
[[nodiscard]] inline machine::Key policy_key() {
    return rows_key('p');
}
[[nodiscard]] inline machine::Key head_key() {
    return rows_key('h');
}
[[nodiscard]] inline machine::Key request_key(std::uint64_t no) {
    return rows_key('r').be64(no);
}
// Each request by what became of it, for lists.
[[nodiscard]] inline machine::Key status_key(pb::ApprovalStatus status, std::uint64_t no) {
    return rows_key('s').byte(static_cast<char>(status)).be64(no);
}
// The pending ones of an operator.
[[nodiscard]] inline machine::Key proposer_key(std::uint64_t operator_no, std::uint64_t no) {
    return rows_key('o').be64(operator_no).be64(no);
}

// A pending request expires, an ended one is forgotten.
inline constexpr machine::DueKind kRequestDue{10};
inline constexpr std::size_t kRequestDueBytes = 8;
[[nodiscard]] inline machine::Key request_due_key(const pb::ApprovalRequest& request) {
    return machine::due_key(kRequestDue, machine::DueClock::machine, request.ends_ms()).be64(request.no());
}

}  // namespace kontor::approvals
