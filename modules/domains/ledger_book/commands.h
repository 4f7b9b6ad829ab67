#pragma once
// The ledger API's commands: a merchant's own book. No audit record and no events: at hundreds of thousands
// of transfers a second, the transfers are their own record.

#include <cstdint>
#include <optional>
#include <string_view>

#include "kontor/ledger_book.pb.h"
#include "kontor/machine/context.h"

namespace kontor::ledger_book {

pb::Result create_ledger_accounts(machine::Context& context, const pb::CreateLedgerAccounts& wanted);
pb::Result create_ledger_transfers(machine::Context& context, const pb::CreateLedgerTransfers& wanted);
pb::Result set_ledger_account_frozen(machine::Context& context, const pb::SetLedgerAccountFrozen& wanted);
pb::Result close_ledger_account(machine::Context& context, const pb::CloseLedgerAccount& wanted);

// As many units as a batch has rows.
[[nodiscard]] std::uint64_t weight_of_accounts(const pb::Command& command);
[[nodiscard]] std::uint64_t weight_of_transfers(const pb::Command& command);
// Of a day that is over; how many rows it was.
[[nodiscard]] std::size_t drop_failed_ids(machine::Context& context, machine::DueClock clock,
                                          std::string_view payload, std::size_t limit);
// The ledger's time-outs, of all books.
[[nodiscard]] std::size_t expire_pending(machine::Context& context, std::size_t limit);
[[nodiscard]] std::optional<std::int64_t> next_expiry(const store::Reader& rows);

}  // namespace kontor::ledger_book
