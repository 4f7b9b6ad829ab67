#pragma once
// Movements of money: linked transfers over the chart of accounts (docs/chart-of-accounts.md).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/ledger/chart.h"
#include "kontor/machine/context.h"
#include "kontor/payments.pb.h"

namespace kontor::balances {

// The code of a transfer: why money moved. Frozen numbers, stored in the ledger.
enum class TransferCode : std::uint16_t {
    payment = 1,          // payer -> merchant pending; two-phase when authorised first
    fee = 2,              // merchant pending -> platform fees
    funds_available = 3,  // merchant pending -> merchant available
    refund = 4,           // merchant available, then pending -> payer; two-phase when a channel does it
    top_up = 5,           // bank -> customer wallet
    unexpected = 6,       // channel receivable -> suspense: a channel took what it had said it would not
    unexpected_back = 7,  // suspense -> channel receivable: given back, or paid out against our books
};

struct AccountRef {
    ledger::AccountKind kind;
    std::uint64_t owner;
};

// Linked transfers, all or nothing. Accounts are opened when they are first needed.
class Chain {
 public:
    Chain(machine::Context& context, machine::Scope scope, std::uint32_t currency, std::uint64_t about_no);
    // Amounts are positive. Returns the transfer's id.
    ledger::Id128 move(TransferCode code, AccountRef debit, AccountRef credit, std::int64_t amount,
                       bool reserve = false);
    void post(ledger::Id128 pending, std::int64_t amount);
    void release(ledger::Id128 pending);
    // ok: the transfers are in the ledger and in the audit record of the scope.
    [[nodiscard]] ledger::Status run();

 private:
    machine::Context& context_;
    machine::Scope scope_;
    std::uint32_t ledger_;
    std::uint64_t about_no_;
    std::vector<ledger::Transfer> transfers_;
    std::vector<AccountRef> accounts_;
};

[[nodiscard]] std::uint32_t ledger_of(machine::Scope scope, std::uint32_t currency);
// What may still leave the account; 0 if it was never opened.
[[nodiscard]] std::int64_t available(const store::Reader& rows, machine::Scope scope, std::uint32_t currency,
                                     AccountRef account);
// Where a payer's money comes from and goes back to: what the charge's channel owes us, or the customer's
// wallet.
[[nodiscard]] AccountRef payer(const pb::Charge& charge);
[[nodiscard]] AccountRef channel_receivable(std::uint64_t account_no);
[[nodiscard]] AccountRef channel_suspense(std::uint64_t account_no);

[[nodiscard]] inline AccountRef merchant_pending(machine::Scope scope) {
    return {ledger::AccountKind::merchant_pending, scope.merchant_no};
}
[[nodiscard]] inline AccountRef merchant_available(machine::Scope scope) {
    return {ledger::AccountKind::merchant_available, scope.merchant_no};
}

// The platform's own account in this group; `number`: a channel's, where each has its own.
[[nodiscard]] inline AccountRef of_platform(ledger::AccountKind kind, std::uint64_t number = 0) {
    return {kind, ledger::platform_owner(kFirstGroup, number)};
}

// Ids of payments' transfers: the system bit, then the object number; callers of the ledger API cannot take
// them.
[[nodiscard]] ledger::Id128 transfer_id(std::uint64_t no);
[[nodiscard]] std::string id_bytes(ledger::Id128 id);
[[nodiscard]] ledger::Id128 id_from_bytes(std::string_view bytes);

}  // namespace kontor::balances
