// Rows of the ledger as JSON.
#include <array>
#include <charconv>

#include "domains/ledger_book/api_json.h"
#include "kontor/json/field_types.h"
#include "kontor/machine/fields.h"

namespace kontor::ledger_book {

std::string format_ledger_id(ledger::Id128 id) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string out(32, '0');
    for (std::size_t i = 0; i < 16; ++i) {
        out[15 - i] = kDigits[id.high >> (4 * i) & 15U];
        out[31 - i] = kDigits[id.low >> (4 * i) & 15U];
    }
    return out;
}

namespace {

using fields::Absent;
using ledger::Account;
using ledger::Transfer;

// ---- the ledger's own types of fields
// -------------------------------------------------------------------

// 64-bit numbers are strings, as in protobuf's JSON: a double would lose the last digits.
template <auto kGet>
struct Number64 {
    fields::Kind kind{.type = fields::Type::text, .text = "^[0-9]{1,20}$"};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const fields::Facts& /*facts*/) {
        char digits[24];
        const auto end = std::to_chars(digits, digits + sizeof digits, fields::get<kGet>(record)).ptr;
        json.plain_string(std::string_view(digits, static_cast<std::size_t>(end - digits)));
    }
};
template <auto kGet>
struct LedgerId {
    fields::Kind kind{.type = fields::Type::text, .text = "^[0-9a-f]{32}$"};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const fields::Facts& /*facts*/) {
        json.plain_string(format_ledger_id(fields::get<kGet>(record)));
    }
    template <typename Record>
    static bool is_absent(const Record& record, const fields::Facts& /*facts*/) {
        return fields::get<kGet>(record).is_zero();
    }
};
struct Flag {
    unsigned bit;
    std::string_view name;
};
template <const auto& kNames, auto kGet>
struct Flags {
    static constexpr auto kWords = [] {
        std::array<std::string_view, kNames.size()> words;
        for (std::size_t i = 0; i < words.size(); ++i) words[i] = kNames[i].name;
        return words;
    }();
    fields::Kind kind{.type = fields::Type::list, .words = kWords};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const fields::Facts& /*facts*/) {
        const unsigned bits = fields::get<kGet>(record);
        json.begin_array();
        for (const Flag& flag : kNames)
            if ((bits & flag.bit) != 0) json.plain_string(flag.name);
        json.end_array();
    }
};

constexpr std::array kAccountFlags = {
    Flag{ledger::debits_must_not_exceed_credits, "debits_must_not_exceed_credits"},
    Flag{ledger::credits_must_not_exceed_debits, "credits_must_not_exceed_debits"},
    Flag{ledger::frozen, "frozen"},
    Flag{ledger::closed, "closed"},
};
constexpr std::array kTransferFlags = {
    Flag{ledger::linked, "linked"},
    Flag{ledger::pending, "pending"},
    Flag{ledger::post_pending, "post_pending"},
    Flag{ledger::void_pending, "void_pending"},
    Flag{ledger::balancing_debit, "balancing_debit"},
    Flag{ledger::balancing_credit, "balancing_credit"},
};
constexpr std::array<std::string_view, 4> kStates = {"pending", "posted", "voided", "expired"};

// ---- accounts
// -------------------------------------------------------------------------------------------

using AccountRow = fields::Field<Account>;
constexpr std::array kBalances = {
    AccountRow{"debits_pending", Number64<&Account::debits_pending>(), Absent::never},
    AccountRow{"debits_posted", Number64<&Account::debits_posted>(), Absent::never},
    AccountRow{"credits_pending", Number64<&Account::credits_pending>(), Absent::never},
    AccountRow{"credits_posted", Number64<&Account::credits_posted>(), Absent::never},
    AccountRow{"available_to_debit", Number64<&ledger::available_to_debit>(), Absent::never,
               "What may still leave the account under its limit."},
    AccountRow{"available_to_credit", Number64<&ledger::available_to_credit>(), Absent::never,
               "What may still enter the account under its limit."},
};
constexpr auto kAccount = fields::joined(
    std::array{
        AccountRow{"object", fields::constant("ledger.account"), Absent::never},
        AccountRow{"id", LedgerId<&Account::id>(), Absent::never},
        AccountRow{"ledger", fields::integer<&Account::ledger>(), Absent::never},
        AccountRow{"code", fields::integer<&Account::code>(), Absent::never},
        AccountRow{"flags", Flags<kAccountFlags, &Account::flags>(), Absent::never},
    },
    kBalances,
    std::array{
        AccountRow{"user_data_128", LedgerId<&Account::user_data_128>(), Absent::never},
        AccountRow{"user_data_64", Number64<&Account::user_data_64>(), Absent::never},
        AccountRow{"user_data_32", fields::integer<&Account::user_data_32>(), Absent::never},
        AccountRow{"timestamp", Number64<&Account::timestamp>(), Absent::never,
                   "Nanoseconds of Unix time, and no two the same."},
    });
constexpr auto kBalance = fields::joined(
    std::array{
        AccountRow{"object", fields::constant("ledger.balance"), Absent::never},
        AccountRow{"account", LedgerId<&Account::id>(), Absent::never},
        AccountRow{"ledger", fields::integer<&Account::ledger>(), Absent::never},
    },
    kBalances);

// ---- transfers
// ------------------------------------------------------------------------------------------

std::string_view state_name(const StatedTransfer& transfer) {
    if (!transfer.state) return {};
    return kStates[static_cast<std::size_t>(transfer.state->status) - 1];
}
ledger::Id128 resolved_by(const StatedTransfer& transfer) {
    return transfer.state ? transfer.state->resolved_by : ledger::Id128{};
}

using TransferRow = fields::Field<StatedTransfer>;
constexpr std::array kTransfer = {
    TransferRow{"object", fields::constant("ledger.transfer"), Absent::never},
    TransferRow{"id", LedgerId<&Transfer::id>(), Absent::never},
    TransferRow{"debit_account", LedgerId<&Transfer::debit_account>(), Absent::never},
    TransferRow{"credit_account", LedgerId<&Transfer::credit_account>(), Absent::never},
    TransferRow{"amount", Number64<&Transfer::amount>(), Absent::never},
    TransferRow{"ledger", fields::integer<&Transfer::ledger>(), Absent::never},
    TransferRow{"code", fields::integer<&Transfer::code>(), Absent::never},
    TransferRow{"flags", Flags<kTransferFlags, &Transfer::flags>(), Absent::never},
    TransferRow{"pending_id", LedgerId<&Transfer::pending_id>(), Absent::left_out,
                "The pending transfer that this one posts or voids."},
    TransferRow{"timeout", fields::integer<&Transfer::timeout_s>(), Absent::left_out, "Seconds."},
    TransferRow{"user_data_128", LedgerId<&Transfer::user_data_128>(), Absent::never},
    TransferRow{"user_data_64", Number64<&Transfer::user_data_64>(), Absent::never},
    TransferRow{"user_data_32", fields::integer<&Transfer::user_data_32>(), Absent::never},
    TransferRow{"timestamp", Number64<&Transfer::timestamp>(), Absent::never,
                "Nanoseconds of Unix time, and no two the same."},
    TransferRow{"state", fields::word<kStates, &state_name>(), Absent::left_out,
                "What became of a pending one."},
    TransferRow{"resolved_by", LedgerId<&resolved_by>(), Absent::left_out,
                "The transfer that posted or voided it."},
};

// ---- several of them
// ------------------------------------------------------------------------------------

// A page of a list is a list; what a look-up found is not.
template <typename Item>
struct Items {
    std::span<const Item> items;
    ledger::Id128 next = {};
    std::string_view url = {};
    [[nodiscard]] bool has_more() const { return !next.is_zero(); }
};
template <typename Item>
constexpr std::array kHeadOfPage = {
    fields::Field<Items<Item>>{"object", fields::constant("list"), Absent::never},
    fields::Field<Items<Item>>{"url", fields::text<&Items<Item>::url>(), Absent::never},
    fields::Field<Items<Item>>{"has_more", fields::boolean<&Items<Item>::has_more>(), Absent::never},
    fields::Field<Items<Item>>{"next", LedgerId<&Items<Item>::next>(), Absent::null,
                               "`from` of the page after this one."},
};

using AccountsRow = fields::Field<Items<Account>>;
constexpr std::array kAccounts = {
    AccountsRow{"object", fields::constant("ledger.accounts"), Absent::never},
    AccountsRow{"accounts", fields::rows<kAccount, &Items<Account>::items>(&kAccountShape), Absent::never},
};
constexpr auto kAccountList = fields::joined(
    kHeadOfPage<Account>,
    std::array{
        AccountsRow{"data", fields::rows<kAccount, &Items<Account>::items>(&kAccountShape), Absent::never}});

using TransfersRow = fields::Field<Items<StatedTransfer>>;
constexpr std::array kTransfers = {
    TransfersRow{"object", fields::constant("ledger.transfers"), Absent::never},
    TransfersRow{"transfers", fields::rows<kTransfer, &Items<StatedTransfer>::items>(&kTransferShape),
                 Absent::never},
};
constexpr auto kHistory = fields::joined(
    kHeadOfPage<StatedTransfer>,
    std::array{TransfersRow{"data", fields::rows<kTransfer, &Items<StatedTransfer>::items>(&kTransferShape),
                            Absent::never}});

struct Results {
    std::string_view statuses;  // a byte each
};
std::string_view status_name(char status) {
    return ledger::to_string(static_cast<ledger::Status>(static_cast<unsigned char>(status)));
}
using ResultRow = fields::Field<char>;
constexpr std::array kResult = {
    ResultRow{"status", fields::plain_text<&status_name>(), Absent::never,
              "As in the table of statuses in docs/ledger-api.md."},
};
using ResultsRow = fields::Field<Results>;
constexpr std::array kResults = {
    ResultsRow{"object", fields::constant("ledger.results"), Absent::never},
    ResultsRow{"results", fields::rows<kResult, &Results::statuses>(), Absent::never,
               "In the order of the request."},
};

// What JSON of a row takes as a rule.
constexpr std::size_t kRowBytes = 640;

}  // namespace

constinit const fields::Shape kAccountShape = fields::shape<kAccount>("ledger.account");
constinit const fields::Shape kAccountsShape = fields::shape<kAccounts>("ledger.accounts");
constinit const fields::Shape kBalanceShape = fields::shape<kBalance>("ledger.balance");
constinit const fields::Shape kAccountListShape = fields::shape<kAccountList>("ledger.account_list");
constinit const fields::Shape kHistoryShape = fields::shape<kHistory>("ledger.history");
constinit const fields::Shape kResultsShape = fields::shape<kResults>("ledger.results");
constinit const fields::Shape kTransferShape = fields::shape<kTransfer>("ledger.transfer");
constinit const fields::Shape kTransfersShape = fields::shape<kTransfers>("ledger.transfers");

std::string account_json(const Account& account) {
    return machine::render_object<kAccount>(account, kRowBytes);
}

std::string balance_json(const Account& account) {
    return machine::render_object<kBalance>(account, kRowBytes);
}

std::string transfer_json(const StatedTransfer& transfer) {
    return machine::render_object<kTransfer>(transfer, kRowBytes);
}

std::string accounts_json(std::span<const Account> accounts) {
    return machine::render_object<kAccounts>(Items<Account>{accounts}, accounts.size() * kRowBytes);
}

std::string account_list_json(std::span<const Account> accounts, ledger::Id128 next, std::string_view url) {
    return machine::render_object<kAccountList>(Items<Account>{accounts, next, url},
                                                accounts.size() * kRowBytes);
}

std::string transfers_json(std::span<const StatedTransfer> transfers) {
    return machine::render_object<kTransfers>(Items<StatedTransfer>{transfers}, transfers.size() * kRowBytes);
}

std::string history_json(std::span<const StatedTransfer> transfers, ledger::Id128 next,
                         std::string_view url) {
    return machine::render_object<kHistory>(Items<StatedTransfer>{transfers, next, url},
                                            transfers.size() * kRowBytes);
}

std::string results_json(std::string_view statuses) {
    return machine::render_object<kResults>(Results{statuses}, 48 + statuses.size() * 16);
}

}  // namespace kontor::ledger_book
