#include "domains/ledger_book/api_wire.h"

#include "domains/ledger_book/api_json.h"
#include "domains/ledger_book/api_protobuf.h"

namespace kontor::ledger_book {

std::optional<ApiError> read_batch(std::string_view body, WireFormat format,
                                   LedgerBatch<ledger::Account>& batch) {
    return format == WireFormat::json ? read_json(body, batch) : read_protobuf(body, batch);
}
std::optional<ApiError> read_batch(std::string_view body, WireFormat format,
                                   LedgerBatch<ledger::Transfer>& batch) {
    return format == WireFormat::json ? read_json(body, batch) : read_protobuf(body, batch);
}
std::optional<ApiError> read_ids(std::string_view body, WireFormat format, std::vector<ledger::Id128>& ids) {
    return format == WireFormat::json ? read_json(body, ids) : read_protobuf(body, ids);
}

std::string results_body(std::string_view statuses, WireFormat format) {
    return format == WireFormat::json ? results_json(statuses) : results_protobuf(statuses);
}

std::string account_body(const ledger::Account& account, WireFormat format) {
    return format == WireFormat::json ? account_json(account) : account_protobuf(account);
}

std::string balance_body(const ledger::Account& account, WireFormat format) {
    return format == WireFormat::json ? balance_json(account) : account_protobuf(account);
}

std::string transfer_body(const StatedTransfer& transfer, WireFormat format) {
    return format == WireFormat::json ? transfer_json(transfer)
                                      : transfer_protobuf(transfer.row, transfer.state);
}

std::string accounts_body(std::span<const ledger::Account> accounts, std::optional<ledger::Id128> next,
                          std::string_view url, WireFormat format) {
    if (format == WireFormat::protobuf) return accounts_protobuf(accounts, next);
    return url.empty() ? accounts_json(accounts)
                       : account_list_json(accounts, next.value_or(ledger::Id128{}), url);
}

std::string transfers_body(std::span<const StatedTransfer> transfers, std::optional<ledger::Id128> next,
                           std::string_view url, WireFormat format) {
    if (format == WireFormat::protobuf) return transfers_protobuf(transfers, next);
    return url.empty() ? transfers_json(transfers)
                       : history_json(transfers, next.value_or(ledger::Id128{}), url);
}

}  // namespace kontor::ledger_book
