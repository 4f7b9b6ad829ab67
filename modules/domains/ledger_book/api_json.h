#pragma once
// JSON behind api_wire.h.

#include "domains/ledger_book/api_wire.h"
#include "kontor/json/fields.h"

namespace kontor::ledger_book {

[[nodiscard]] std::optional<ApiError> read_json(std::string_view body, LedgerBatch<ledger::Account>& batch);
[[nodiscard]] std::optional<ApiError> read_json(std::string_view body, LedgerBatch<ledger::Transfer>& batch);
[[nodiscard]] std::optional<ApiError> read_json(std::string_view body, std::vector<ledger::Id128>& ids);

// The objects, by the names of their schemas. `next`: where the next page starts; zero: nowhere.
extern const fields::Shape kAccountShape, kAccountsShape, kBalanceShape, kAccountListShape, kHistoryShape,
    kResultsShape, kTransferShape, kTransfersShape;
[[nodiscard]] std::string account_json(const ledger::Account& account);
[[nodiscard]] std::string balance_json(const ledger::Account& account);
[[nodiscard]] std::string transfer_json(const StatedTransfer& transfer);
[[nodiscard]] std::string accounts_json(std::span<const ledger::Account> accounts);  // of a look-up
[[nodiscard]] std::string account_list_json(std::span<const ledger::Account> accounts, ledger::Id128 next,
                                            std::string_view url);
[[nodiscard]] std::string transfers_json(std::span<const StatedTransfer> transfers);
[[nodiscard]] std::string history_json(std::span<const StatedTransfer> transfers, ledger::Id128 next,
                                       std::string_view url);
[[nodiscard]] std::string results_json(std::string_view statuses);

}  // namespace kontor::ledger_book
