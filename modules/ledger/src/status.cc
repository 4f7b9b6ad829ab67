// What each status is called, and what it says about a retry.

#include <array>

#include "kontor/ledger/ledger.h"

namespace kontor::ledger {
namespace {

using S = Status;
using K = StatusKind;

// No defaults: whoever adds a status decides about each column.
// clang-format off
constexpr std::array<StatusTraits, kStatusCount> kStatuses{{
    {S::ok, "ok", K::done, false},
    {S::linked_event_failed, "linked_event_failed", K::changing, false},
    {S::linked_event_chain_open, "linked_event_chain_open", K::never, false},
    {S::id_must_not_be_zero, "id_must_not_be_zero", K::never, false},
    {S::id_must_not_be_max, "id_must_not_be_max", K::never, false},
    {S::flags_are_mutually_exclusive, "flags_are_mutually_exclusive", K::never, false},
    {S::reserved_flag, "reserved_flag", K::never, false},
    {S::ledger_must_not_be_zero, "ledger_must_not_be_zero", K::never, false},
    {S::code_must_not_be_zero, "code_must_not_be_zero", K::never, false},
    {S::exists, "exists", K::done, false},
    {S::exists_with_different_flags, "exists_with_different_flags", K::stored, false},
    {S::exists_with_different_ledger, "exists_with_different_ledger", K::stored, false},
    {S::exists_with_different_code, "exists_with_different_code", K::stored, false},
    {S::exists_with_different_user_data, "exists_with_different_user_data", K::stored, false},
    {S::exists_with_different_debit_account, "exists_with_different_debit_account", K::stored, false},
    {S::exists_with_different_credit_account, "exists_with_different_credit_account", K::stored, false},
    {S::exists_with_different_amount, "exists_with_different_amount", K::stored, false},
    {S::exists_with_different_pending_id, "exists_with_different_pending_id", K::stored, false},
    {S::exists_with_different_timeout, "exists_with_different_timeout", K::stored, false},
    {S::accounts_must_be_different, "accounts_must_be_different", K::never, false},
    {S::amount_must_not_be_zero, "amount_must_not_be_zero", K::never, false},
    {S::pending_id_must_be_zero, "pending_id_must_be_zero", K::never, false},
    {S::pending_id_must_not_be_zero, "pending_id_must_not_be_zero", K::never, false},
    {S::timeout_reserved_for_pending, "timeout_reserved_for_pending", K::never, false},
    {S::debit_account_not_found, "debit_account_not_found", K::changing, true},
    {S::credit_account_not_found, "credit_account_not_found", K::changing, true},
    {S::accounts_must_have_the_same_ledger, "accounts_must_have_the_same_ledger", K::stored, false},
    {S::transfer_must_have_the_same_ledger, "transfer_must_have_the_same_ledger", K::stored, false},
    {S::pending_transfer_not_found, "pending_transfer_not_found", K::changing, true},
    {S::pending_transfer_not_pending, "pending_transfer_not_pending", K::stored, false},
    {S::pending_transfer_has_different_accounts, "pending_transfer_has_different_accounts", K::stored, false},
    {S::pending_transfer_has_different_ledger, "pending_transfer_has_different_ledger", K::stored, false},
    {S::pending_transfer_has_different_code, "pending_transfer_has_different_code", K::stored, false},
    {S::exceeds_pending_amount, "exceeds_pending_amount", K::stored, false},
    {S::pending_transfer_already_posted, "pending_transfer_already_posted", K::stored, false},
    {S::pending_transfer_already_voided, "pending_transfer_already_voided", K::stored, false},
    {S::pending_transfer_expired, "pending_transfer_expired", K::stored, false},
    {S::exceeds_credits, "exceeds_credits", K::changing, true},
    {S::exceeds_debits, "exceeds_debits", K::changing, true},
    {S::overflows_debits_pending, "overflows_debits_pending", K::changing, true},
    {S::overflows_credits_pending, "overflows_credits_pending", K::changing, true},
    {S::overflows_debits_posted, "overflows_debits_posted", K::changing, true},
    {S::overflows_credits_posted, "overflows_credits_posted", K::changing, true},
    {S::debit_account_frozen, "debit_account_frozen", K::changing, true},
    {S::credit_account_frozen, "credit_account_frozen", K::changing, true},
    {S::debit_account_closed, "debit_account_closed", K::stored, false},
    {S::credit_account_closed, "credit_account_closed", K::stored, false},
    {S::overflows_timeout, "overflows_timeout", K::never, false},
    {S::chain_too_long, "chain_too_long", K::never, false},
    {S::timestamp_must_be_zero, "timestamp_must_be_zero", K::never, false},
    {S::balances_must_be_zero, "balances_must_be_zero", K::never, false},
    {S::pending_transfer_has_different_amount, "pending_transfer_has_different_amount", K::stored, false},
    {S::overflows_debits, "overflows_debits", K::changing, true},
    {S::overflows_credits, "overflows_credits", K::changing, true},
    {S::account_not_found, "account_not_found", K::changing, false},
    {S::account_not_settled, "account_not_settled", K::changing, false},
    {S::id_already_failed, "id_already_failed", K::changing, false},
    {S::debit_account_must_not_be_zero, "debit_account_must_not_be_zero", K::never, false},
    {S::debit_account_must_not_be_max, "debit_account_must_not_be_max", K::never, false},
    {S::credit_account_must_not_be_zero, "credit_account_must_not_be_zero", K::never, false},
    {S::credit_account_must_not_be_max, "credit_account_must_not_be_max", K::never, false},
    {S::pending_id_must_not_be_max, "pending_id_must_not_be_max", K::never, false},
    {S::pending_id_must_be_different, "pending_id_must_be_different", K::never, false},
}};
// clang-format on

constexpr bool is_in_order() {
    for (std::size_t i = 0; i < kStatuses.size(); ++i) {
        if (static_cast<std::size_t>(kStatuses[i].status) != i) return false;
        // Only what may change has to be kept; account_not_found and account_not_settled are of no transfer,
        // and a chain fails again by the member that is kept.
        if (kStatuses[i].is_kept && kStatuses[i].kind != K::changing) return false;
    }
    return true;
}
static_assert(is_in_order());

}  // namespace

const StatusTraits& traits_of(Status status) {
    return kStatuses.at(static_cast<std::size_t>(status));
}

std::string_view to_string(Status status) {
    const auto number = static_cast<std::size_t>(status);
    return number < kStatuses.size() ? kStatuses[number].name : "unknown";
}

}  // namespace kontor::ledger
