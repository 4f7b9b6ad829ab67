#include "evaluate.h"

#include <algorithm>

#include "kontor/base/assert.h"

namespace kontor::ledger {
namespace {

constexpr unsigned kKnownFlags =
    linked | pending | post_pending | void_pending | balancing_debit | balancing_credit;
constexpr unsigned kResolving = post_pending | void_pending;
constexpr unsigned kBalancing = balancing_debit | balancing_credit;
constexpr std::uint64_t kMsPerSecond = 1'000;

bool overflows(std::uint64_t a, std::uint64_t b) {
    std::uint64_t sum = 0;
    return __builtin_add_overflow(a, b, &sum);
}

bool one_bit_at_most(unsigned flags) {
    return (flags & (flags - 1U)) == 0;
}

// What can be said without looking at any row.
Status check_shape(const Transfer& request) {
    const unsigned flags = request.flags;
    if (request.timestamp != 0) return Status::timestamp_must_be_zero;
    if ((flags & ~kKnownFlags) != 0) return Status::reserved_flag;
    if (request.id.is_zero()) return Status::id_must_not_be_zero;
    if (request.id.is_max()) return Status::id_must_not_be_max;
    if (!one_bit_at_most(flags & (pending | kResolving))) return Status::flags_are_mutually_exclusive;
    const bool resolves = (flags & kResolving) != 0;
    if (resolves && (flags & kBalancing) != 0) return Status::flags_are_mutually_exclusive;
    if (request.timeout_s != 0 && (flags & pending) == 0) return Status::timeout_reserved_for_pending;
    if (request.debit_account.is_zero() && !resolves) return Status::debit_account_must_not_be_zero;
    if (request.debit_account.is_max()) return Status::debit_account_must_not_be_max;
    if (request.credit_account.is_zero() && !resolves) return Status::credit_account_must_not_be_zero;
    if (request.credit_account.is_max()) return Status::credit_account_must_not_be_max;
    if (resolves) {
        if (request.pending_id.is_zero()) return Status::pending_id_must_not_be_zero;
        if (request.pending_id.is_max()) return Status::pending_id_must_not_be_max;
        return request.pending_id == request.id ? Status::pending_id_must_be_different : Status::ok;
    }
    if (!request.pending_id.is_zero()) return Status::pending_id_must_be_zero;
    if (request.debit_account == request.credit_account) return Status::accounts_must_be_different;
    if (request.amount == 0) return Status::amount_must_not_be_zero;
    if (request.ledger == 0) return Status::ledger_must_not_be_zero;
    if (request.code == 0) return Status::code_must_not_be_zero;
    return Status::ok;
}

// Was `existing` made by this request? Its amount may have been decided by us (balancing; post and void of
// "all").
bool same_amount(const RowView& rows, const Transfer& request, const Transfer& existing) {
    if ((request.flags & kBalancing) != 0) return existing.amount <= request.amount;
    if ((request.flags & void_pending) != 0 && request.amount == 0) return true;
    if ((request.flags & post_pending) != 0 && request.amount == 0) {
        return existing.amount ==
               required(rows.transfer(existing.pending_id), "pending transfer", existing.pending_id).amount;
    }
    return existing.amount == request.amount;
}

// What a post or a void leaves out (zero) it has from the pending transfer, as accounts, ledger and code.
void inherit_user_data(Transfer& transfer, const Transfer& original) {
    if (transfer.user_data_128.is_zero()) transfer.user_data_128 = original.user_data_128;
    if (transfer.user_data_64 == 0) transfer.user_data_64 = original.user_data_64;
    if (transfer.user_data_32 == 0) transfer.user_data_32 = original.user_data_32;
}

bool same_user_data(const Transfer& a, const Transfer& b) {
    return a.user_data_128 == b.user_data_128 && a.user_data_64 == b.user_data_64 &&
           a.user_data_32 == b.user_data_32;
}

Status compare_user_data(const RowView& rows, const Transfer& request, const Transfer& existing) {
    if (same_user_data(request, existing)) return Status::ok;
    if ((request.flags & kResolving) == 0) return Status::exists_with_different_user_data;
    Transfer wanted = request;
    inherit_user_data(wanted,
                      required(rows.transfer(existing.pending_id), "pending transfer", existing.pending_id));
    return same_user_data(wanted, existing) ? Status::ok : Status::exists_with_different_user_data;
}

Status compare_existing(const RowView& rows, const Transfer& request, const Transfer& existing) {
    if (request.flags != existing.flags) return Status::exists_with_different_flags;
    // Posts and voids may leave out what the pending transfer says.
    const bool resolves = (request.flags & kResolving) != 0;
    const auto left_out = [resolves](auto value) { return resolves && value == decltype(value){}; };
    if (!left_out(request.ledger) && request.ledger != existing.ledger) {
        return Status::exists_with_different_ledger;
    }
    if (!left_out(request.code) && request.code != existing.code) return Status::exists_with_different_code;
    if (const Status status = compare_user_data(rows, request, existing); status != Status::ok) return status;
    if (!left_out(request.debit_account) && request.debit_account != existing.debit_account) {
        return Status::exists_with_different_debit_account;
    }
    if (!left_out(request.credit_account) && request.credit_account != existing.credit_account) {
        return Status::exists_with_different_credit_account;
    }
    if (!same_amount(rows, request, existing)) return Status::exists_with_different_amount;
    if (request.pending_id != existing.pending_id) return Status::exists_with_different_pending_id;
    if (request.timeout_s != existing.timeout_s) return Status::exists_with_different_timeout;
    return Status::exists;
}

Status check_open(const Account& debit, const Account& credit) {
    if ((debit.flags & closed) != 0) return Status::debit_account_closed;
    if ((credit.flags & closed) != 0) return Status::credit_account_closed;
    if ((debit.flags & frozen) != 0) return Status::debit_account_frozen;
    if ((credit.flags & frozen) != 0) return Status::credit_account_frozen;
    return Status::ok;
}

Status check_overflow(const Account& debit, const Account& credit, std::uint64_t amount, bool reserve) {
    if (reserve) {
        if (overflows(debit.debits_pending, amount)) return Status::overflows_debits_pending;
        if (overflows(credit.credits_pending, amount)) return Status::overflows_credits_pending;
    } else {
        if (overflows(debit.debits_posted, amount)) return Status::overflows_debits_posted;
        if (overflows(credit.credits_posted, amount)) return Status::overflows_credits_posted;
    }
    // The stored sums never overflow: that is what these two checks keep.
    if (overflows(debit.debits_pending + debit.debits_posted, amount)) return Status::overflows_debits;
    if (overflows(credit.credits_pending + credit.credits_posted, amount)) return Status::overflows_credits;
    return Status::ok;
}

Status check_limits(const Account& debit, const Account& credit, std::uint64_t amount) {
    if ((debit.flags & debits_must_not_exceed_credits) != 0 && amount > available_to_debit(debit)) {
        return Status::exceeds_credits;
    }
    if ((credit.flags & credits_must_not_exceed_debits) != 0 && amount > available_to_credit(credit)) {
        return Status::exceeds_debits;
    }
    return Status::ok;
}

// Balancing: as much of the amount as the account has.
Status clamp_amount(unsigned flags, const Account& debit, const Account& credit, std::uint64_t& amount) {
    if ((flags & balancing_debit) != 0) {
        amount = std::min(amount, available_to_debit(debit));
        if (amount == 0) return Status::exceeds_credits;
    }
    if ((flags & balancing_credit) != 0) {
        amount = std::min(amount, available_to_credit(credit));
        if (amount == 0) return Status::exceeds_debits;
    }
    return Status::ok;
}

void append_to_history(Changes& changes) {
    changes.transfer.debit_previous = changes.debit.last_transfer;
    changes.transfer.credit_previous = changes.credit.last_transfer;
    changes.debit.last_transfer = changes.transfer.id;
    changes.credit.last_transfer = changes.transfer.id;
    ++changes.debit.transfers;
    ++changes.credit.transfers;
}

// A plain or a pending transfer.
Status evaluate_move(const RowView& rows, const Transfer& request, std::uint64_t now_ms, Changes& out) {
    const auto debit = rows.account(request.debit_account);
    if (!debit) return Status::debit_account_not_found;
    const auto credit = rows.account(request.credit_account);
    if (!credit) return Status::credit_account_not_found;
    if (debit->ledger != credit->ledger) return Status::accounts_must_have_the_same_ledger;
    if (request.ledger != debit->ledger) return Status::transfer_must_have_the_same_ledger;
    if (const Status status = check_open(*debit, *credit); status != Status::ok) return status;

    std::uint64_t amount = request.amount;
    if (const Status status = clamp_amount(request.flags, *debit, *credit, amount); status != Status::ok) {
        return status;
    }
    const bool reserve = (request.flags & pending) != 0;
    if (const Status status = check_overflow(*debit, *credit, amount, reserve); status != Status::ok) {
        return status;
    }
    const std::uint64_t timeout_ms = request.timeout_s * kMsPerSecond;
    if (overflows(now_ms, timeout_ms)) return Status::overflows_timeout;
    if (const Status status = check_limits(*debit, *credit, amount); status != Status::ok) return status;

    out.debit = *debit;
    out.credit = *credit;
    out.transfer.amount = amount;
    out.has_pending = reserve;
    if (reserve) {
        out.debit.debits_pending += amount;
        out.credit.credits_pending += amount;
        out.pending = PendingState{};
        out.pending.id = request.id;
        out.pending.remaining = amount;
        out.pending.due_ms = request.timeout_s == 0 ? 0 : now_ms + timeout_ms;
    } else {
        out.debit.debits_posted += amount;
        out.credit.credits_posted += amount;
    }
    return Status::ok;
}

// The request must fit the pending transfer it names; left out (zero) fits.
Status check_against_pending(const Transfer& request, const Transfer& original) {
    if ((original.flags & pending) == 0) return Status::pending_transfer_not_pending;
    const auto fits = [](const auto& value, const auto& wanted) {
        return value == std::decay_t<decltype(value)>{} || value == wanted;
    };
    if (!fits(request.debit_account, original.debit_account) ||
        !fits(request.credit_account, original.credit_account)) {
        return Status::pending_transfer_has_different_accounts;
    }
    if (!fits(request.ledger, original.ledger)) return Status::pending_transfer_has_different_ledger;
    if (!fits(request.code, original.code)) return Status::pending_transfer_has_different_code;
    if (request.amount > original.amount) return Status::exceeds_pending_amount;
    if ((request.flags & void_pending) != 0 && !fits(request.amount, original.amount)) {
        return Status::pending_transfer_has_different_amount;
    }
    return Status::ok;
}

Status check_unresolved(const PendingState& state, std::uint64_t now_ms) {
    switch (state.status) {
        case PendingStatus::posted:
            return Status::pending_transfer_already_posted;
        case PendingStatus::voided:
            return Status::pending_transfer_already_voided;
        case PendingStatus::expired:
            return Status::pending_transfer_expired;
        case PendingStatus::pending:
            break;
    }
    // Due, though expire_pending() has not come to it yet: the moment decides, not the sweep.
    if (state.due_ms != 0 && state.due_ms <= now_ms) return Status::pending_transfer_expired;
    return Status::ok;
}

// A post or a void of a pending transfer.
Status evaluate_resolution(const RowView& rows, const Transfer& request, std::uint64_t now_ms, Changes& out) {
    const auto original = rows.transfer(request.pending_id);
    if (!original) return Status::pending_transfer_not_found;
    if (const Status status = check_against_pending(request, *original); status != Status::ok) return status;
    out.pending = required(rows.pending(request.pending_id), "pending state", request.pending_id);
    if (const Status status = check_unresolved(out.pending, now_ms); status != Status::ok) return status;
    out.debit = required(rows.account(original->debit_account), "account", original->debit_account);
    out.credit = required(rows.account(original->credit_account), "account", original->credit_account);
    const bool post = (request.flags & post_pending) != 0;
    if (post) {
        if (const Status status = check_open(out.debit, out.credit); status != Status::ok) return status;
    }
    out.transfer.debit_account = original->debit_account;
    out.transfer.credit_account = original->credit_account;
    out.transfer.ledger = original->ledger;
    out.transfer.code = original->code;
    inherit_user_data(out.transfer, *original);
    out.transfer.amount = request.amount == 0 ? original->amount : request.amount;

    release_reservation(out.debit, out.credit, original->amount);
    if (post) {  // cannot overflow: pending + posted did not, and at most the reserved amount moves over
        out.debit.debits_posted += out.transfer.amount;
        out.credit.credits_posted += out.transfer.amount;
    }
    out.has_pending = true;
    out.pending.status = post ? PendingStatus::posted : PendingStatus::voided;
    out.pending.remaining = 0;
    out.pending.resolved_by = request.id;
    return Status::ok;
}

}  // namespace

std::uint64_t available_to_debit(const Account& account) {
    const std::uint64_t used = account.debits_posted + account.debits_pending;
    return account.credits_posted > used ? account.credits_posted - used : 0;
}

std::uint64_t available_to_credit(const Account& account) {
    const std::uint64_t used = account.credits_posted + account.credits_pending;
    return account.debits_posted > used ? account.debits_posted - used : 0;
}

void release_reservation(Account& debit, Account& credit, std::uint64_t amount) {
    KONTOR_ASSERT(debit.debits_pending >= amount && credit.credits_pending >= amount,
                  "an account has less pending than its pending transfers reserved");
    debit.debits_pending -= amount;
    credit.credits_pending -= amount;
}

Status evaluate(const RowView& rows, const Transfer& request, std::uint64_t now_ms, std::uint64_t timestamp,
                Changes& out) {
    if (const Status status = check_shape(request); status != Status::ok) return status;
    if (const auto existing = rows.transfer(request.id)) return compare_existing(rows, request, *existing);
    if (rows.is_failed(request.id)) return Status::id_already_failed;
    out.transfer = request;
    const Status status = (request.flags & kResolving) != 0 ? evaluate_resolution(rows, request, now_ms, out)
                                                            : evaluate_move(rows, request, now_ms, out);
    if (status != Status::ok) return status;
    out.transfer.timestamp = timestamp;
    append_to_history(out);
    return Status::ok;
}

}  // namespace kontor::ledger
