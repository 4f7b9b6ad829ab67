#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::channels {

namespace table {
inline constexpr store::TableId accounts = 36;
inline constexpr store::TableId routes = 37;
inline constexpr store::TableId notices = 38;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::accounts, "channel_accounts", machine::partition_by::singleton, true},
    store::TableSpec{table::routes, "channel_routes", machine::partition_by::merchant, false},
    store::TableSpec{table::notices, "channel_notices", machine::partition_by::whole_key, false},
};

// All in one partition key: there are few, and the next number is behind the last one.
inline constexpr char kAccountRow = 'a';
[[nodiscard]] inline machine::Key account_key(std::uint64_t no) {
    return machine::Key().byte(kAccountRow).be64(no);
}
// How many notices of the account are remembered. A row of its own: a notice does not rewrite the account
// with its credentials.
inline constexpr char kNoticeCountRow = 'n';
[[nodiscard]] inline machine::Key notice_count_key(std::uint64_t account_no) {
    return machine::Key().byte(kNoticeCountRow).be64(account_no);
}
[[nodiscard]] inline machine::Key routes_key(machine::Scope scope) {
    return machine::Key().scope(scope);
}

inline constexpr machine::DueKind kNoticeDue{8};
inline constexpr std::size_t kNoticeKeyBytes = 8 + machine::kHashBytes;

}  // namespace kontor::channels
