#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>
#include <cstdint>

#include "kontor/balances.pb.h"
#include "kontor/machine/rows.h"

namespace kontor::balances {

namespace table {
inline constexpr store::TableId balance_transactions = 24;
inline constexpr store::TableId unreleased = 32;
inline constexpr store::TableId release_debts = 33;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::balance_transactions, "balance_transactions", machine::partition_by::merchant,
                     true},
    store::TableSpec{table::unreleased, "unreleased_funds", machine::partition_by::merchant, true},
    store::TableSpec{table::release_debts, "release_debts", machine::partition_by::merchant, false},
};

inline constexpr machine::DueKind kFundsDue{1};

inline constexpr std::size_t kUnreleasedKeyBytes = 8 + 1 + 8 + 4 + 8;
[[nodiscard]] inline machine::Key unreleased_key(const pb::BalanceTransaction& row) {
    return machine::Key()
        .scope(machine::Scope{row.merchant_no(), row.livemode()})
        .be64(static_cast<std::uint64_t>(row.available_on_ms()))
        .be32(row.currency())
        .be64(row.no());
}
// One row for all of a day: due rows name the group, not the payment.
inline constexpr std::size_t kFundsPayloadBytes = 8 + 1 + 8 + 4;
[[nodiscard]] inline machine::Key funds_payload(machine::Scope scope, std::int64_t day_ms,
                                                std::uint32_t currency) {
    return machine::Key().scope(scope).be64(static_cast<std::uint64_t>(day_ms)).be32(currency);
}
[[nodiscard]] inline machine::Key debt_key(machine::Scope scope, std::uint32_t currency) {
    return machine::Key().scope(scope).be32(currency);
}

}  // namespace kontor::balances
