// Names and grades of the statuses.

#include "kontor/ledger/ledger.h"

namespace kontor::ledger {

std::string_view to_string(Status status) {
    switch (status) {
        case Status::ok:
            return "ok";
        case Status::linked_event_failed:
            return "linked_event_failed";
        case Status::linked_event_chain_open:
            return "linked_event_chain_open";
        case Status::id_must_not_be_zero:
            return "id_must_not_be_zero";
        case Status::id_must_not_be_max:
            return "id_must_not_be_max";
        case Status::flags_are_mutually_exclusive:
            return "flags_are_mutually_exclusive";
        case Status::reserved_flag:
            return "reserved_flag";
        case Status::ledger_must_not_be_zero:
            return "ledger_must_not_be_zero";
        case Status::code_must_not_be_zero:
            return "code_must_not_be_zero";
        case Status::exists:
            return "exists";
        case Status::exists_with_different_flags:
            return "exists_with_different_flags";
        case Status::exists_with_different_ledger:
            return "exists_with_different_ledger";
        case Status::exists_with_different_code:
            return "exists_with_different_code";
        case Status::exists_with_different_user_data:
            return "exists_with_different_user_data";
        case Status::exists_with_different_debit_account:
            return "exists_with_different_debit_account";
        case Status::exists_with_different_credit_account:
            return "exists_with_different_credit_account";
        case Status::exists_with_different_amount:
            return "exists_with_different_amount";
        case Status::exists_with_different_pending_id:
            return "exists_with_different_pending_id";
        case Status::exists_with_different_timeout:
            return "exists_with_different_timeout";
        case Status::accounts_must_be_different:
            return "accounts_must_be_different";
        case Status::amount_must_not_be_zero:
            return "amount_must_not_be_zero";
        case Status::pending_id_must_be_zero:
            return "pending_id_must_be_zero";
        case Status::pending_id_must_not_be_zero:
            return "pending_id_must_not_be_zero";
        case Status::timeout_reserved_for_pending:
            return "timeout_reserved_for_pending";
        case Status::debit_account_not_found:
            return "debit_account_not_found";
        case Status::credit_account_not_found:
            return "credit_account_not_found";
        case Status::accounts_must_have_the_same_ledger:
            return "accounts_must_have_the_same_ledger";
        case Status::transfer_must_have_the_same_ledger:
            return "transfer_must_have_the_same_ledger";
        case Status::pending_transfer_not_found:
            return "pending_transfer_not_found";
        case Status::pending_transfer_not_pending:
            return "pending_transfer_not_pending";
        case Status::pending_transfer_has_different_accounts:
            return "pending_transfer_has_different_accounts";
        case Status::pending_transfer_has_different_ledger:
            return "pending_transfer_has_different_ledger";
        case Status::pending_transfer_has_different_code:
            return "pending_transfer_has_different_code";
        case Status::exceeds_pending_amount:
            return "exceeds_pending_amount";
        case Status::pending_transfer_already_posted:
            return "pending_transfer_already_posted";
        case Status::pending_transfer_already_voided:
            return "pending_transfer_already_voided";
        case Status::pending_transfer_expired:
            return "pending_transfer_expired";
        case Status::exceeds_credits:
            return "exceeds_credits";
        case Status::exceeds_debits:
            return "exceeds_debits";
        case Status::overflows_debits_pending:
            return "overflows_debits_pending";
        case Status::overflows_credits_pending:
            return "overflows_credits_pending";
        case Status::overflows_debits_posted:
            return "overflows_debits_posted";
        case Status::overflows_credits_posted:
            return "overflows_credits_posted";
        case Status::debit_account_frozen:
            return "debit_account_frozen";
        case Status::credit_account_frozen:
            return "credit_account_frozen";
        case Status::debit_account_closed:
            return "debit_account_closed";
        case Status::credit_account_closed:
            return "credit_account_closed";
        case Status::overflows_timeout:
            return "overflows_timeout";
        case Status::chain_too_long:
            return "chain_too_long";
        case Status::timestamp_must_be_zero:
            return "timestamp_must_be_zero";
        case Status::balances_must_be_zero:
            return "balances_must_be_zero";
        case Status::pending_transfer_has_different_amount:
            return "pending_transfer_has_different_amount";
        case Status::overflows_debits:
            return "overflows_debits";
        case Status::overflows_credits:
            return "overflows_credits";
        case Status::account_not_found:
            return "account_not_found";
        case Status::account_not_settled:
            return "account_not_settled";
    }
    return "unknown";
}

bool is_transient(Status status) {
    switch (status) {
        case Status::debit_account_not_found:
        case Status::credit_account_not_found:
        case Status::pending_transfer_not_found:
        case Status::exceeds_credits:
        case Status::exceeds_debits:
        case Status::overflows_debits_pending:
        case Status::overflows_credits_pending:
        case Status::overflows_debits_posted:
        case Status::overflows_credits_posted:
        case Status::debit_account_frozen:
        case Status::credit_account_frozen:
        case Status::overflows_debits:
        case Status::overflows_credits:
        case Status::account_not_found:
        case Status::account_not_settled:
            return true;
        default:
            return false;
    }
}

}  // namespace kontor::ledger
