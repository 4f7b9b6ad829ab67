#pragma once
// The chart of accounts as code: which system accounts exist and how they are numbered
// (docs/chart-of-accounts.md says which movement uses which).
//
// A system account's id is computed, never looked up:
//     high 64 = 1 (bit 63) | zero (7) | kind (16) | zero (8) | ledger (32)      low 64 = owner
// owner is the merchant's or customer's object number, or the channel's number; 0 where there is one
// account per ledger. Bit 63 marks system accounts: the ledger's public API refuses such ids to callers.
//
// Threading, ownership: pure functions. Errors: none. Limits: kinds are frozen numbers; they are stored.

#include <cstdint>

#include "kontor/ledger/ledger.h"

namespace kontor::ledger {

inline constexpr std::uint64_t kSystemAccountBit = std::uint64_t{1} << 63U;

// Frozen numbers: part of account ids, and the `code` of the account.
enum class AccountKind : std::uint16_t {
    channel_receivable = 1,  // what a channel owes us; owner: channel number
    merchant_pending = 2,    // paid, not yet available; owner: merchant
    merchant_available = 3,  // may be refunded or paid out; owner: merchant
    platform_fees = 4,       // owner: 0
    payouts_in_transit = 5,  // sent to the bank, not yet confirmed; owner: merchant
    customer_wallet = 6,     // a customer's balance; owner: customer
    suspense = 7,            // cannot be explained yet; owner: channel number or 0
    bank = 8,                // our account at the bank; owner: 0
};

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

// Money that we owe to somebody cannot be spent twice; the accounts of the platform itself may go either way.
[[nodiscard]] constexpr std::uint16_t flags_of(AccountKind kind) {
    switch (kind) {
        case AccountKind::merchant_pending:
        case AccountKind::merchant_available:
        case AccountKind::customer_wallet:
            return debits_must_not_exceed_credits;
        case AccountKind::channel_receivable:
        case AccountKind::platform_fees:
        case AccountKind::payouts_in_transit:
        case AccountKind::suspense:
        case AccountKind::bank:
            return 0;
    }
    return 0;
}

// The account as Ledger::ensure_account wants it: id, ledger, code (= kind) and flags set, everything else
// zero.
[[nodiscard]] constexpr Account system_account_row(AccountKind kind, std::uint32_t ledger,
                                                   std::uint64_t owner) {
    Account account;
    account.id = system_account(kind, ledger, owner);
    account.ledger = ledger;
    account.code = static_cast<std::uint16_t>(kind);
    account.flags = flags_of(kind);
    return account;
}

static_assert(system_account(AccountKind::bank, ledger_number(978, true), 7) ==
              Id128{0x8000'0800'0000'07A5, 7});
static_assert(kind_of(system_account(AccountKind::suspense, 1, 2)) == AccountKind::suspense);
static_assert(ledger_of(system_account(AccountKind::suspense, 0xFFFF'FFFF, 2)) == 0xFFFF'FFFF);

}  // namespace kontor::ledger
