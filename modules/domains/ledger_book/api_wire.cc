#include "domains/ledger_book/api_wire.h"

#include "domains/ledger_book/api_json.h"
#include "domains/ledger_book/api_protobuf.h"
#include "kontor/json/writer.h"

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
    if (format == WireFormat::protobuf) return results_protobuf(statuses);
    std::string out;
    out.reserve(48 + statuses.size() * 16);
    out += R"({"object":"ledger.results","results":[)";
    for (std::size_t i = 0; i < statuses.size(); ++i) {
        out += i == 0 ? R"({"status":")" : R"(,{"status":")";
        out += ledger::to_string(static_cast<ledger::Status>(static_cast<unsigned char>(statuses[i])));
        out += "\"}";
    }
    return out += "]}";
}

std::string account_body(const ledger::Account& account, WireFormat format) {
    if (format == WireFormat::protobuf) return account_protobuf(account);
    std::string out;
    JsonWriter json(out);
    write_json(json, account);
    return out;
}

std::string balance_body(const ledger::Account& account, WireFormat format) {
    if (format == WireFormat::protobuf) return account_protobuf(account);
    std::string out;
    JsonWriter json(out);
    json.begin_object().field("object", "ledger.balance").field("account", format_ledger_id(account.id));
    json.field_integer("ledger", account.ledger);
    write_balances(json, account);
    json.end_object();
    return out;
}

std::string transfer_body(const ledger::Transfer& transfer, const std::optional<ledger::PendingState>& state,
                          WireFormat format) {
    if (format == WireFormat::protobuf) return transfer_protobuf(transfer, state);
    std::string out;
    JsonWriter json(out);
    write_json(json, transfer, state);
    return out;
}

namespace {
// A page of a list is a list; what a look-up found is not.
void begin_rows(JsonWriter& json, std::string_view object, std::string_view rows,
                std::optional<ledger::Id128> next, std::string_view url) {
    json.begin_object();
    if (url.empty()) {
        json.field("object", object).key(rows).begin_array();
        return;
    }
    json.field("object", "list").field("url", url).field_boolean("has_more", next.has_value());
    json.field_or_null("next", next ? format_ledger_id(*next) : std::string());
    json.key("data").begin_array();
}
}  // namespace

std::string accounts_body(std::span<const ledger::Account> accounts, std::optional<ledger::Id128> next,
                          std::string_view url, WireFormat format) {
    if (format == WireFormat::protobuf) return accounts_protobuf(accounts, next);
    std::string out;
    JsonWriter json(out);
    begin_rows(json, "ledger.accounts", "accounts", next, url);
    for (const auto& account : accounts) write_json(json, account);
    json.end_array().end_object();
    return out;
}

std::string transfers_body(std::span<const StatedTransfer> transfers, std::optional<ledger::Id128> next,
                           std::string_view url, WireFormat format) {
    if (format == WireFormat::protobuf) return transfers_protobuf(transfers, next);
    std::string out;
    JsonWriter json(out);
    begin_rows(json, "ledger.transfers", "transfers", next, url);
    for (const auto& transfer : transfers) write_json(json, transfer.row, transfer.state);
    json.end_array().end_object();
    return out;
}

}  // namespace kontor::ledger_book
