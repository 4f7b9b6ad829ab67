#pragma once
// Balance transactions: what moved a merchant's balance.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kontor/balances.pb.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/page.h"

namespace kontor::balances {

[[nodiscard]] std::optional<pb::BalanceTransaction> find_balance_transaction(const store::Reader&,
                                                                             machine::Scope,
                                                                             std::uint64_t no);
// Newest first.
[[nodiscard]] machine::Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader&,
                                                                                machine::Scope,
                                                                                const machine::ListQuery&);
[[nodiscard]] machine::Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader&,
                                                                                machine::Scope,
                                                                                const machine::ListQuery&,
                                                                                machine::Bound&);
extern const fields::Shape kTransactionShape;
[[nodiscard]] std::string balance_transaction_json(const pb::BalanceTransaction&,
                                                   const machine::Expansion& = {});

struct BalanceLine {
    std::uint32_t currency = 0;
    std::int64_t available = 0;
    std::int64_t pending = 0;
};
// Read from the ledger accounts, currencies ascending by code number.
[[nodiscard]] std::vector<BalanceLine> merchant_balance(const store::Reader&, machine::Scope);
// Where an expandable field leads: the charge or refund that it is about.
[[nodiscard]] fields::Pointer balance_transaction_reference(const pb::BalanceTransaction&,
                                                            std::string_view field);

}  // namespace kontor::balances
