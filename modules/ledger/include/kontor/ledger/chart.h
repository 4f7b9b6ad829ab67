#pragma once
// The chart of accounts as code: which system accounts exist and how they are numbered
// (docs/chart-of-accounts.md says which movement uses which).
//
// A system account's id is computed, never looked up:
//     high 64 = 1 (bit 63) | zero (7) | kind (16) | zero (8) | ledger (32)      low 64 = owner
// owner is the object number of the merchant, customer or whoever holds the money, or, for the platform's own
// accounts, its replication group and a channel's number (platform_owner). Bit 63 marks system accounts: the
// ledger's public API refuses such ids to callers.
//
// Threading, ownership: pure functions. Errors: none. Limits: kinds are frozen numbers; they are stored.

#include <array>
#include <cstdint>
#include <string_view>

#include "kontor/base/assert.h"
#include "kontor/base/object_id.h"
#include "kontor/ledger/ledger.h"

namespace kontor::ledger {

inline constexpr std::uint64_t kSystemAccountBit = std::uint64_t{1} << 63U;

// Frozen numbers: part of account ids, and the `code` of the account.
enum class AccountKind : std::uint16_t {
    channel_receivable = 1,  // what a channel owes us; owner: the platform's, with the channel's number
    merchant_pending = 2,    // paid, not yet available; owner: merchant
    merchant_available = 3,  // may be refunded or paid out; owner: merchant
    platform_fees = 4,       // owner: the platform's
    payouts_in_transit = 5,  // sent to the bank, not yet confirmed; owner: merchant
    customer_wallet = 6,     // a customer's balance; owner: customer
    suspense = 7,            // cannot be explained yet; owner: the platform's, with a channel's number or 0
    bank = 8,                // our account at the bank; owner: the platform's
    // Numbers that nobody may take meanwhile; nothing opens such accounts yet.
    merchant_reserve = 9,
    merchant_debt = 10,
    disputed_funds = 11,
    channel_fees = 12,
    tax = 13,
    clearing_position = 14,
    fund_units = 15,
    fund_income = 16,
    fund_residue = 17,
    holder_wallet = 18,
    group_clearing = 19,
    foreign_exchange = 20,
};

// Whose number an account's owner is.
enum class OwnerKind : std::uint8_t { platform, channel, merchant, customer, member, fund, holder };

struct KindRecord {
    AccountKind kind;
    std::string_view name;
    OwnerKind owner;
    // Money that we owe to somebody cannot be spent twice; the accounts of the platform itself may go either
    // way.
    bool keeps_its_limit;  // debits must not exceed credits
    bool is_in_use;        // false: the number is reserved, and the columns before may still change
};
// One line a kind, in the order of the numbers; docs/chart-of-accounts.md is compared with it.
inline constexpr std::array kChart = {
    KindRecord{AccountKind::channel_receivable, "channel_receivable", OwnerKind::channel, false, true},
    KindRecord{AccountKind::merchant_pending, "merchant_pending", OwnerKind::merchant, true, true},
    KindRecord{AccountKind::merchant_available, "merchant_available", OwnerKind::merchant, true, true},
    KindRecord{AccountKind::platform_fees, "platform_fees", OwnerKind::platform, false, true},
    KindRecord{AccountKind::payouts_in_transit, "payouts_in_transit", OwnerKind::merchant, false, true},
    KindRecord{AccountKind::customer_wallet, "customer_wallet", OwnerKind::customer, true, true},
    KindRecord{AccountKind::suspense, "suspense", OwnerKind::channel, false, true},
    KindRecord{AccountKind::bank, "bank", OwnerKind::platform, false, true},
    KindRecord{AccountKind::merchant_reserve, "merchant_reserve", OwnerKind::merchant, true, false},
    KindRecord{AccountKind::merchant_debt, "merchant_debt", OwnerKind::merchant, false, false},
    KindRecord{AccountKind::disputed_funds, "disputed_funds", OwnerKind::merchant, true, false},
    KindRecord{AccountKind::channel_fees, "channel_fees", OwnerKind::channel, false, false},
    KindRecord{AccountKind::tax, "tax", OwnerKind::platform, false, false},
    KindRecord{AccountKind::clearing_position, "clearing_position", OwnerKind::member, false, false},
    KindRecord{AccountKind::fund_units, "fund_units", OwnerKind::fund, false, false},
    KindRecord{AccountKind::fund_income, "fund_income", OwnerKind::fund, false, false},
    KindRecord{AccountKind::fund_residue, "fund_residue", OwnerKind::fund, false, false},
    KindRecord{AccountKind::holder_wallet, "holder_wallet", OwnerKind::holder, true, false},
    KindRecord{AccountKind::group_clearing, "group_clearing", OwnerKind::platform, false, false},
    KindRecord{AccountKind::foreign_exchange, "foreign_exchange", OwnerKind::platform, false, false},
};
constexpr bool chart_is_in_order() {
    for (std::size_t i = 0; i < kChart.size(); ++i)
        if (static_cast<std::size_t>(kChart[i].kind) != i + 1) return false;
    return true;
}
static_assert(chart_is_in_order(), "one line a kind, in the order of the numbers");

// Null: no kind of this version.
[[nodiscard]] constexpr const KindRecord* record_of(AccountKind kind) {
    const auto number = static_cast<std::size_t>(kind);
    return number == 0 || number > kChart.size() ? nullptr : &kChart[number - 1];
}

// The platform has accounts of its own in each replication group, whose money never lies in two of them: the
// group as in object numbers, and a channel's number or 0. `group_clearing` names the other group instead.
[[nodiscard]] constexpr std::uint64_t platform_owner(std::uint64_t group, std::uint64_t number = 0) {
    return (group << (64 - kGroupBits)) | number;
}

[[nodiscard]] constexpr Id128 system_account(AccountKind kind, std::uint32_t ledger, std::uint64_t owner) {
    return Id128{kSystemAccountBit | (static_cast<std::uint64_t>(kind) << 40U) | ledger, owner};
}
[[nodiscard]] constexpr AccountKind kind_of(Id128 system_id) {
    return static_cast<AccountKind>((system_id.high >> 40U) & 0xFFFFU);
}
[[nodiscard]] constexpr std::uint32_t ledger_of(Id128 system_id) {
    return static_cast<std::uint32_t>(system_id.high & 0xFFFF'FFFFU);
}
[[nodiscard]] constexpr std::uint64_t owner_of(Id128 system_id) {
    return system_id.low;
}

[[nodiscard]] constexpr std::uint16_t flags_of(AccountKind kind) {
    const KindRecord* record = record_of(kind);
    return record != nullptr && record->keeps_its_limit ? debits_must_not_exceed_credits : 0;
}

// The account as Ledger::ensure_account wants it: id, ledger, code (= kind) and flags set, everything else
// zero. Of a kind that is in use: what a reserved number's accounts are like is not decided yet.
[[nodiscard]] constexpr Account system_account_row(AccountKind kind, std::uint32_t ledger,
                                                   std::uint64_t owner) {
    const KindRecord* record = record_of(kind);
    KONTOR_ASSERT(record != nullptr && record->is_in_use, "an account is of a kind that is in use");
    Account account;
    account.id = system_account(kind, ledger, owner);
    account.ledger = ledger;
    account.code = static_cast<std::uint16_t>(kind);
    account.flags = flags_of(kind);
    return account;
}

static_assert(system_account(AccountKind::bank, ledger_number(978, true), 7) ==
              Id128{0x8000'0800'0000'07A5, 7});
static_assert(platform_owner(kFirstGroup) == 0 && platform_owner(kMaxGroup, 1) == 0xF000'0000'0000'0001);
static_assert(kind_of(system_account(AccountKind::suspense, 1, 2)) == AccountKind::suspense);
static_assert(ledger_of(system_account(AccountKind::suspense, 0xFFFF'FFFF, 2)) == 0xFFFF'FFFF);

}  // namespace kontor::ledger
