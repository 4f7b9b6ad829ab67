#pragma once
// The ledger API's bodies, in JSON and protobuf (docs/ledger-api.md): requests into the ledger's own rows,
// rows into answers. No tree in between: a batch is parsed straight into the rows that are packed.
//
// Threading: pure functions. Errors: what is wrong, named by its path ("transfers[3][amount]"), ready to be
// answered; whether a request makes sense to the ledger is the ledger's to say, item by item. Limits:
// ledger::kMaxBatch items; http::ServerLimits::max_body_bytes.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/ledger/ledger.h"
#include "kontor/surface/errors.h"

namespace kontor::ledger_book {

using surface::ApiError;

enum class WireFormat : std::uint8_t { json, protobuf };
inline constexpr std::string_view kProtobufType = "application/x-protobuf";

template <typename Row>
struct LedgerBatch {
    std::vector<Row> rows;
    bool single = false;  // one item as the body, not a list
};

[[nodiscard]] std::optional<ApiError> read_batch(std::string_view body, WireFormat format,
                                                 LedgerBatch<ledger::Account>& batch);
[[nodiscard]] std::optional<ApiError> read_batch(std::string_view body, WireFormat format,
                                                 LedgerBatch<ledger::Transfer>& batch);
[[nodiscard]] std::optional<ApiError> read_ids(std::string_view body, WireFormat format,
                                               std::vector<ledger::Id128>& ids);

// `statuses`: one byte an item.
[[nodiscard]] std::string results_body(std::string_view statuses, WireFormat format);
[[nodiscard]] std::string account_body(const ledger::Account& account, WireFormat format);
[[nodiscard]] std::string balance_body(const ledger::Account& account, WireFormat format);
// A transfer as every answer shows it: a pending one with what became of it.
struct StatedTransfer {
    ledger::Transfer row;
    std::optional<ledger::PendingState> state;  // of a pending one
};
[[nodiscard]] std::string transfer_body(const StatedTransfer& transfer, WireFormat format);
// `url`: of a list of which this is a page, and `next` where its next page starts; empty: of a look-up.
[[nodiscard]] std::string accounts_body(std::span<const ledger::Account> accounts,
                                        std::optional<ledger::Id128> next, std::string_view url,
                                        WireFormat format);
[[nodiscard]] std::string transfers_body(std::span<const StatedTransfer> transfers,
                                         std::optional<ledger::Id128> next, std::string_view url,
                                         WireFormat format);

// 1 to 32 hexadecimal digits.
[[nodiscard]] std::optional<ledger::Id128> parse_ledger_id(std::string_view text);
[[nodiscard]] std::string format_ledger_id(ledger::Id128 id);  // 32 digits
[[nodiscard]] std::optional<std::uint64_t> parse_u64(std::string_view text);

}  // namespace kontor::ledger_book
