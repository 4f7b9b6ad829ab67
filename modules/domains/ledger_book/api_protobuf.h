#pragma once
// application/x-protobuf: the messages of kontor/ledger_api.proto.

#include "domains/ledger_book/api_wire.h"

namespace kontor::ledger_book {

[[nodiscard]] std::optional<ApiError> read_protobuf(std::string_view body,
                                                    LedgerBatch<ledger::Account>& batch);
[[nodiscard]] std::optional<ApiError> read_protobuf(std::string_view body,
                                                    LedgerBatch<ledger::Transfer>& batch);
[[nodiscard]] std::optional<ApiError> read_protobuf(std::string_view body, std::vector<ledger::Id128>& ids);
[[nodiscard]] std::string results_protobuf(std::string_view statuses);
[[nodiscard]] std::string account_protobuf(const ledger::Account& account);
[[nodiscard]] std::string transfer_protobuf(const ledger::Transfer& transfer,
                                            const std::optional<ledger::PendingState>& state);
[[nodiscard]] std::string accounts_protobuf(std::span<const ledger::Account> accounts,
                                            std::optional<ledger::Id128> next);
[[nodiscard]] std::string transfers_protobuf(std::span<const StatedTransfer> transfers,
                                             std::optional<ledger::Id128> next);

}  // namespace kontor::ledger_book
