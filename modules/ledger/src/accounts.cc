// Accounts: opening, freezing, closing.

#include "kontor/base/assert.h"
#include "rows.h"

namespace kontor::ledger {
namespace {

constexpr unsigned kLimits = debits_must_not_exceed_credits | credits_must_not_exceed_debits;
constexpr unsigned kState = frozen | closed;  // may change later, so no part of what an account is
constexpr unsigned kKnownFlags = kLimits | kState;

Status check_shape(const Account& request) {
    if (request.timestamp != 0) return Status::timestamp_must_be_zero;
    if ((request.flags & ~kKnownFlags) != 0) return Status::reserved_flag;
    if (request.id.is_zero()) return Status::id_must_not_be_zero;
    if (request.id.is_max()) return Status::id_must_not_be_max;
    if ((request.flags & kLimits) == kLimits) return Status::flags_are_mutually_exclusive;
    if (request.ledger == 0) return Status::ledger_must_not_be_zero;
    if (request.code == 0) return Status::code_must_not_be_zero;
    if ((request.debits_pending | request.debits_posted | request.credits_pending | request.credits_posted) !=
        0) {
        return Status::balances_must_be_zero;
    }
    return Status::ok;
}

bool same_flags(const Account& a, const Account& b) {
    return ((a.flags ^ b.flags) & ~kState) == 0;
}

Status compare_existing(const Account& request, const Account& existing) {
    if (!same_flags(request, existing)) return Status::exists_with_different_flags;
    if (request.ledger != existing.ledger) return Status::exists_with_different_ledger;
    if (request.code != existing.code) return Status::exists_with_different_code;
    if (request.user_data_128 != existing.user_data_128 || request.user_data_64 != existing.user_data_64 ||
        request.user_data_32 != existing.user_data_32) {
        return Status::exists_with_different_user_data;
    }
    return Status::exists;
}

void open_account(store::Writer& rows, Book book, Account account, std::uint64_t timestamp) {
    account.timestamp = timestamp;
    account.transfers = 0;
    account.last_transfer = Id128{};
    account.reserved2 = 0;
    store_row(rows, kAccountTable, book, account);
    if (book.kind == Book::Kind::house) return;  // which has no list
    std::array<char, kIdBytes> id;
    write_be64(write_be64(id.data(), account.id.high), account.id.low);
    rows.put(kAccountListTable, AccountListKey(book, timestamp).view(), {id.data(), id.size()});
}

void set_flags(store::Writer& rows, Book book, Account account, unsigned flags) {
    if (account.flags == flags) return;  // no write: nothing changed
    account.flags = static_cast<std::uint16_t>(flags);
    store_row(rows, kAccountTable, book, account);
}

}  // namespace

std::vector<Status> Ledger::create_accounts(std::span<const Account> accounts) {
    std::vector<Status> statuses;
    statuses.reserve(accounts.size());
    for (const Account& request : accounts) {
        Status status = check_shape(request);
        if (status == Status::ok) {
            if (const auto existing = find_account(rows_, request.id, book_)) {
                status = compare_existing(request, *existing);
            } else {
                open_account(rows_, book_, request, next_timestamp_++);
            }
        }
        statuses.push_back(status);
    }
    return statuses;
}

void Ledger::ensure_account(const Account& account) {
    if (const auto existing = find_account(rows_, account.id, book_)) {
        KONTOR_ASSERT(existing->ledger == account.ledger && existing->code == account.code &&
                          same_flags(*existing, account),
                      "an account exists with another ledger, code or flags");
        return;
    }
    KONTOR_ASSERT(check_shape(account) == Status::ok, "ensure_account() of an account that cannot be");
    open_account(rows_, book_, account, next_timestamp_++);
}

Status Ledger::set_frozen(Id128 account, bool value) {
    const auto row = find_account(rows_, account, book_);
    if (!row) return Status::account_not_found;
    set_flags(rows_, book_, *row, value ? row->flags | frozen : row->flags & ~unsigned{frozen});
    return Status::ok;
}

Status Ledger::close_account(Id128 account) {
    const auto row = find_account(rows_, account, book_);
    if (!row) return Status::account_not_found;
    if (row->debits_pending != 0 || row->credits_pending != 0 || row->debits_posted != row->credits_posted) {
        return Status::account_not_settled;
    }
    set_flags(rows_, book_, *row, row->flags | unsigned{closed});
    return Status::ok;
}

}  // namespace kontor::ledger
