#include "rows.h"

#include "kontor/base/bytes.h"

namespace kontor::ledger {

std::optional<Id128> parse_id_key(std::string_view key) {
    if (key.size() != 16) return std::nullopt;
    return Id128{get_be64(key), get_be64(key.substr(8))};
}

std::optional<Expiry> parse_expiry_key(std::string_view key) {
    if (key.size() != kExpiryKeyBytes || key[0] != kExpiryHome) return std::nullopt;
    return Expiry{get_be64(key.substr(1)), Id128{get_be64(key.substr(9)), get_be64(key.substr(17))}};
}

std::string to_string(Id128 id) {
    return to_hex(IdKey(id).view());
}

void row_failure(std::string_view what, Id128 id) {
    throw store::StoreFailure("ledger: " + std::string(what) + ": " + to_string(id));
}

std::span<const store::TableSpec> tables() {
    static constexpr std::array<store::TableSpec, 4> kTables{{
        {kAccountTable, "ledger_accounts", 0, false},
        {kTransferTable, "ledger_transfers", 0, false},
        {kPendingTable, "ledger_pending", 0, false},
        {kExpiryTable, "ledger_expiry", 1, true},
    }};
    return kTables;
}

}  // namespace kontor::ledger
