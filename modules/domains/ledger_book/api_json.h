#pragma once
// The two encodings behind ledger_wire.h.

#include "domains/ledger_book/api_wire.h"
#include "kontor/json/writer.h"

namespace kontor::ledger_book {

[[nodiscard]] std::optional<ApiError> read_json(std::string_view body, LedgerBatch<ledger::Account>& batch);
[[nodiscard]] std::optional<ApiError> read_json(std::string_view body, LedgerBatch<ledger::Transfer>& batch);
[[nodiscard]] std::optional<ApiError> read_json(std::string_view body, std::vector<ledger::Id128>& ids);

void write_json(JsonWriter& json, const ledger::Account& account);
void write_balances(JsonWriter& json, const ledger::Account& account);
void write_json(JsonWriter& json, const ledger::Transfer& transfer,
                const std::optional<ledger::PendingState>& state);

}  // namespace kontor::ledger_book
