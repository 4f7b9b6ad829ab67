#include "rows.h"

#include "failed_ids.h"
#include "kontor/base/bytes.h"

namespace kontor::ledger {

std::optional<Id128> parse_id(std::string_view bytes) {
    if (bytes.size() != kIdBytes) return std::nullopt;
    return Id128{get_be64(bytes), get_be64(bytes.substr(8))};
}

std::optional<IndexRow> parse_history_index_key(std::string_view key) {
    if (key.size() != kHistoryIndexPartitionBytes + 8) return std::nullopt;
    IndexRow parsed;
    parsed.account.book = {static_cast<Book::Kind>(key[0]), get_be64(key.substr(1))};
    parsed.account.id = *parse_id(key.substr(9, kIdBytes));
    parsed.timestamp = get_be64(key.substr(kHistoryIndexPartitionBytes));
    return parsed;
}

std::optional<AccountListed> parse_account_list_key(std::string_view key) {
    if (key.size() != kBookPartitionBytes + 8) return std::nullopt;
    return AccountListed{{static_cast<Book::Kind>(key[0]), get_be64(key.substr(1))},
                         get_be64(key.substr(kBookPartitionBytes))};
}

std::optional<BookId> parse_row_key(std::string_view key) {
    if (key.empty() || static_cast<unsigned char>(key[0]) > static_cast<unsigned>(Book::Kind::live))
        return std::nullopt;
    BookId parsed;
    parsed.book.kind = static_cast<Book::Kind>(key[0]);
    key.remove_prefix(1);
    if (parsed.book.kind != Book::Kind::house) {
        if (key.size() != 8 + kIdBytes) return std::nullopt;
        parsed.book.owner = get_be64(key);
        key.remove_prefix(8);
    }
    const auto id = parse_id(key);
    if (!id) return std::nullopt;
    parsed.id = *id;
    return parsed;
}

std::optional<Expiry> parse_expiry_key(std::string_view key) {
    if (key.size() < 1 + 8 || key[0] != kExpiryPartition) return std::nullopt;
    const auto transfer = parse_row_key(key.substr(1 + 8));
    if (!transfer) return std::nullopt;
    return Expiry{get_be64(key.substr(1)), *transfer};
}

std::string to_string(Id128 id) {
    std::array<char, kIdBytes> bytes;
    write_be64(write_be64(bytes.data(), id.high), id.low);
    return to_hex({bytes.data(), bytes.size()});
}

void row_failure(std::string_view what, Id128 id) {
    throw store::StoreFailure("ledger: " + std::string(what) + ": " + to_string(id));
}

std::span<const store::TableSpec> tables() {
    static constexpr std::array<store::TableSpec, 8> kTables{{
        {kAccountTable, "ledger_accounts", 0, false, false, true},
        {kTransferTable, "ledger_transfers", 0, false, true},
        {kPendingTable, "ledger_pending", 0, false},
        {kExpiryTable, "ledger_expiry", 1, true},
        {kHistoryIndexTable, "ledger_history_index", kHistoryIndexPartitionBytes, true},
        {kAccountListTable, "ledger_account_list", kBookPartitionBytes, true},
        {kFailedRunTable, "ledger_failed_runs", kRunPartitionBytes, true},
        {kFailedHeadTable, "ledger_failed_heads", 0, false},
    }};
    return kTables;
}

}  // namespace kontor::ledger
