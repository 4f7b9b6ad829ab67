// Rows of the ledger as JSON.
#include <array>
#include <charconv>

#include "domains/ledger_book/api_json.h"
#include "kontor/json/writer.h"

namespace kontor::ledger_book {
namespace {

// 64-bit numbers are strings, as in protobuf's JSON: a double would lose the last digits.
void word(JsonWriter& json, std::string_view name, std::uint64_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    json.field(name, std::string_view(digits, static_cast<std::size_t>(end - digits)));
}

template <std::size_t N>
void flags(JsonWriter& json, unsigned bits, const std::array<std::string_view, N>& names) {
    json.key("flags").begin_array();
    for (std::size_t i = 0; i < N; ++i) {
        if ((bits >> i & 1U) != 0 && !names[i].empty()) json.string(names[i]);
    }
    json.end_array();
}

constexpr std::array<std::string_view, 5> kAccountFlagNames{
    "debits_must_not_exceed_credits", "credits_must_not_exceed_debits", "", "frozen", "closed"};
constexpr std::array<std::string_view, 6> kTransferFlagNames{
    "linked", "pending", "post_pending", "void_pending", "balancing_debit", "balancing_credit"};

template <typename Row>
void user_data(JsonWriter& json, const Row& row) {
    json.field("user_data_128", format_ledger_id(row.user_data_128));
    word(json, "user_data_64", row.user_data_64);
    json.field_integer("user_data_32", row.user_data_32);
}

std::string_view state_name(ledger::PendingStatus status) {
    switch (status) {
        case ledger::PendingStatus::pending:
            return "pending";
        case ledger::PendingStatus::posted:
            return "posted";
        case ledger::PendingStatus::voided:
            return "voided";
        case ledger::PendingStatus::expired:
            return "expired";
    }
    return "";
}

}  // namespace

std::string format_ledger_id(ledger::Id128 id) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out(32, '0');
    for (std::size_t i = 0; i < 16; ++i) {
        out[15 - i] = kDigits[id.high >> (4 * i) & 15U];
        out[31 - i] = kDigits[id.low >> (4 * i) & 15U];
    }
    return out;
}

void write_balances(JsonWriter& json, const ledger::Account& account) {
    word(json, "debits_pending", account.debits_pending);
    word(json, "debits_posted", account.debits_posted);
    word(json, "credits_pending", account.credits_pending);
    word(json, "credits_posted", account.credits_posted);
    word(json, "available_to_debit", ledger::available_to_debit(account));
    word(json, "available_to_credit", ledger::available_to_credit(account));
}

void write_json(JsonWriter& json, const ledger::Account& account) {
    json.begin_object().field("object", "ledger.account").field("id", format_ledger_id(account.id));
    json.field_integer("ledger", account.ledger).field_integer("code", account.code);
    flags(json, account.flags, kAccountFlagNames);
    write_balances(json, account);
    user_data(json, account);
    word(json, "timestamp", account.timestamp);
    json.end_object();
}

void write_json(JsonWriter& json, const ledger::Transfer& transfer,
                const std::optional<ledger::PendingState>& state) {
    json.begin_object().field("object", "ledger.transfer").field("id", format_ledger_id(transfer.id));
    json.field("debit_account", format_ledger_id(transfer.debit_account));
    json.field("credit_account", format_ledger_id(transfer.credit_account));
    word(json, "amount", transfer.amount);
    json.field_integer("ledger", transfer.ledger).field_integer("code", transfer.code);
    flags(json, transfer.flags, kTransferFlagNames);
    if (!transfer.pending_id.is_zero()) json.field("pending_id", format_ledger_id(transfer.pending_id));
    if (transfer.timeout_s != 0) json.field_integer("timeout", transfer.timeout_s);
    user_data(json, transfer);
    word(json, "timestamp", transfer.timestamp);
    if (state) {
        json.field("state", state_name(state->status));
        if (!state->resolved_by.is_zero()) json.field("resolved_by", format_ledger_id(state->resolved_by));
    }
    json.end_object();
}

}  // namespace kontor::ledger_book
