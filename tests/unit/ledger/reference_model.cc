#include "reference_model.h"

#include <algorithm>

namespace kontor::ledger::testing {
namespace {
using S = Status;
const Wide kTop = ~std::uint64_t{0};  // the largest balance

bool has(const Transfer& transfer, unsigned flag) {
    return (transfer.flags & flag) == flag;
}
bool has(const ModelAccount& account, unsigned flag) {
    return (account.opened.flags & flag) == flag;
}

template <typename Row, typename Other>
bool same_user_data(const Row& a, const Other& b) {
    return a.user_data_128 == b.user_data_128 && a.user_data_64 == b.user_data_64 &&
           a.user_data_32 == b.user_data_32;
}

template <typename Row>
void inherit(Row& row, const ModelTransfer& from) {
    if (row.user_data_128.is_zero()) row.user_data_128 = from.user_data_128;
    if (row.user_data_64 == 0) row.user_data_64 = from.user_data_64;
    if (row.user_data_32 == 0) row.user_data_32 = from.user_data_32;
}
template <typename Row, typename Other>
void take_user_data(Row& row, const Other& from) {
    row.user_data_128 = from.user_data_128;
    row.user_data_64 = from.user_data_64;
    row.user_data_32 = from.user_data_32;
}

Wide spendable(const ModelAccount& a) {
    return a.credits_posted - a.debits_posted - a.debits_pending;
}
Wide receivable(const ModelAccount& a) {
    return a.debits_posted - a.credits_posted - a.credits_pending;
}
}  // namespace

std::vector<Status> ReferenceModel::create_accounts(const std::vector<Account>& requests) {
    std::vector<Status> statuses;
    for (const Account& request : requests) statuses.push_back(create_account(request));
    return statuses;
}

Status ReferenceModel::create_account(const Account& request) {
    const unsigned both = debits_must_not_exceed_credits | credits_must_not_exceed_debits;
    if (request.timestamp != 0) return S::timestamp_must_be_zero;
    if (request.flags >= 32 || request.flags % 8 >= 4) return S::reserved_flag;
    if (request.id.is_zero()) return S::id_must_not_be_zero;
    if (request.id.is_max()) return S::id_must_not_be_max;
    if ((request.flags & both) == both) return S::flags_are_mutually_exclusive;
    if (request.ledger == 0) return S::ledger_must_not_be_zero;
    if (request.code == 0) return S::code_must_not_be_zero;
    if (request.debits_pending != 0 || request.debits_posted != 0 || request.credits_pending != 0 ||
        request.credits_posted != 0) {
        return S::balances_must_be_zero;
    }
    if (accounts.count(request.id) != 0) {
        const Account& old = accounts[request.id].opened;
        if (request.flags % 8 != old.flags % 8) return S::exists_with_different_flags;  // not: frozen, closed
        if (request.ledger != old.ledger) return S::exists_with_different_ledger;
        if (request.code != old.code) return S::exists_with_different_code;
        return same_user_data(request, old) ? S::exists : S::exists_with_different_user_data;
    }
    ModelAccount made;
    made.opened = request;
    made.timestamp = next_timestamp++;
    accounts[request.id] = made;
    return S::ok;
}

std::vector<Status> ReferenceModel::create_transfers(const std::vector<Transfer>& requests) {
    std::vector<Status> statuses;
    std::size_t start = 0;
    while (start < requests.size()) {
        std::size_t end = start;  // one behind the chain's last member
        while (end < requests.size() && has(requests[end], linked)) ++end;
        const bool is_open = end == requests.size() && end > start;
        if (!is_open) ++end;
        Undo undo{{}, {}, {}, next_timestamp};
        if (end - start > 1) undo.accounts = accounts;  // a single transfer that fails has changed nothing
        undo_ = end - start > 1 ? &undo : nullptr;
        std::vector<Status> chain(end - start, S::linked_event_failed);
        bool failed = is_open;
        if (is_open) chain.back() = S::linked_event_chain_open;
        for (std::size_t i = start; i < end && !failed; ++i) {
            const Status status = create(requests[i]);
            if (status == S::ok) continue;
            keep_failed(requests[i], status);
            chain[i - start] = status;
            failed = true;
        }
        if (failed) {
            if (undo_ != nullptr) roll_back(undo);
        } else {
            std::fill(chain.begin(), chain.end(), S::ok);
        }
        undo_ = nullptr;
        statuses.insert(statuses.end(), chain.begin(), chain.end());
        start = end;
    }
    return statuses;
}

// Until the end of the day after the one in which it failed.
void ReferenceModel::keep_failed(const Transfer& request, Status status) {
    const std::set<Status> changing{
        S::debit_account_not_found,   S::credit_account_not_found, S::pending_transfer_not_found,
        S::exceeds_credits,           S::exceeds_debits,           S::overflows_debits_pending,
        S::overflows_credits_pending, S::overflows_debits_posted,  S::overflows_credits_posted,
        S::overflows_debits,          S::overflows_credits,        S::debit_account_frozen,
        S::credit_account_frozen};
    // The pending transfer of this very chain might be a larger one next time.
    const bool in_chain =
        undo_ != nullptr &&
        (status == S::exceeds_pending_amount || status == S::pending_transfer_has_different_amount) &&
        std::count(undo_->made.begin(), undo_->made.end(), request.pending_id) != 0;
    if (!keeps_failed || (changing.count(status) == 0 && !in_chain)) return;
    const std::uint64_t day = 24ULL * 3600 * 1000;
    kept_failed[request.id] = Wide{now_ms / day + 2} * day;
}

void ReferenceModel::roll_back(const Undo& undo) {
    accounts = undo.accounts;
    next_timestamp = undo.next_timestamp;
    for (const Id128& id : undo.resolved) transfers[id].state = ModelState::open;
    for (const Id128& id : undo.made) {
        histories[transfers[id].debit].pop_back();
        histories[transfers[id].credit].pop_back();
        transfers.erase(id);
    }
}

Status ReferenceModel::create(const Transfer& request) {
    const int phases = has(request, pending) + has(request, post_pending) + has(request, void_pending);
    const bool resolving = has(request, post_pending) || has(request, void_pending);
    if (request.timestamp != 0) return S::timestamp_must_be_zero;
    if (request.flags >= 64) return S::reserved_flag;
    if (request.id.is_zero()) return S::id_must_not_be_zero;
    if (request.id.is_max()) return S::id_must_not_be_max;
    if (phases > 1) return S::flags_are_mutually_exclusive;
    if (resolving && (has(request, balancing_debit) || has(request, balancing_credit))) {
        return S::flags_are_mutually_exclusive;
    }
    if (request.timeout_s != 0 && !has(request, pending)) return S::timeout_reserved_for_pending;
    if (!resolving && request.debit_account.is_zero()) return S::debit_account_must_not_be_zero;
    if (request.debit_account.is_max()) return S::debit_account_must_not_be_max;
    if (!resolving && request.credit_account.is_zero()) return S::credit_account_must_not_be_zero;
    if (request.credit_account.is_max()) return S::credit_account_must_not_be_max;
    if (resolving && request.pending_id.is_zero()) return S::pending_id_must_not_be_zero;
    if (resolving && request.pending_id.is_max()) return S::pending_id_must_not_be_max;
    if (resolving && request.pending_id == request.id) return S::pending_id_must_be_different;
    if (!resolving) {
        if (!request.pending_id.is_zero()) return S::pending_id_must_be_zero;
        if (request.debit_account == request.credit_account) return S::accounts_must_be_different;
        if (request.amount == 0) return S::amount_must_not_be_zero;
        if (request.ledger == 0) return S::ledger_must_not_be_zero;
        if (request.code == 0) return S::code_must_not_be_zero;
    }
    const auto old = transfers.find(request.id);
    if (old != transfers.end()) return compare(request, old->second);
    const auto burnt = kept_failed.find(request.id);
    if (burnt != kept_failed.end() && Wide{now_ms} < burnt->second) return S::id_already_failed;
    return resolving ? create_resolution(request) : create_plain(request);
}

Status ReferenceModel::compare(const Transfer& request, const ModelTransfer& old) const {
    const bool resolving = has(request, post_pending) || has(request, void_pending);
    const bool balancing = has(request, balancing_debit) || has(request, balancing_credit);
    if (request.flags != old.request.flags) return S::exists_with_different_flags;
    if (request.ledger != old.ledger && !(resolving && request.ledger == 0))
        return S::exists_with_different_ledger;
    if (request.code != old.code && !(resolving && request.code == 0)) return S::exists_with_different_code;
    Transfer asked = request;
    if (resolving) inherit(asked, transfers.at(old.request.pending_id));
    if (!same_user_data(asked, old)) return S::exists_with_different_user_data;
    if (request.debit_account != old.debit && !(resolving && request.debit_account.is_zero())) {
        return S::exists_with_different_debit_account;
    }
    if (request.credit_account != old.credit && !(resolving && request.credit_account.is_zero())) {
        return S::exists_with_different_credit_account;
    }
    Wide wanted = request.amount;
    if (resolving && request.amount == 0) wanted = transfers.at(old.request.pending_id).amount;
    if (balancing ? old.amount > wanted : old.amount != wanted) return S::exists_with_different_amount;
    if (request.pending_id != old.request.pending_id) return S::exists_with_different_pending_id;
    if (request.timeout_s != old.request.timeout_s) return S::exists_with_different_timeout;
    return S::exists;
}

Status ReferenceModel::create_plain(const Transfer& request) {
    if (accounts.count(request.debit_account) == 0) return S::debit_account_not_found;
    if (accounts.count(request.credit_account) == 0) return S::credit_account_not_found;
    ModelAccount& debit = accounts[request.debit_account];
    ModelAccount& credit = accounts[request.credit_account];
    if (debit.opened.ledger != credit.opened.ledger) return S::accounts_must_have_the_same_ledger;
    if (request.ledger != debit.opened.ledger) return S::transfer_must_have_the_same_ledger;
    if (has(debit, closed)) return S::debit_account_closed;
    if (has(credit, closed)) return S::credit_account_closed;
    if (has(debit, frozen)) return S::debit_account_frozen;
    if (has(credit, frozen)) return S::credit_account_frozen;

    Wide amount = request.amount;
    if (has(request, balancing_debit)) amount = std::min(amount, spendable(debit));
    if (amount <= 0) return S::exceeds_credits;
    if (has(request, balancing_credit)) amount = std::min(amount, receivable(credit));
    if (amount <= 0) return S::exceeds_debits;

    const bool reserve = has(request, pending);
    Wide& debits = reserve ? debit.debits_pending : debit.debits_posted;
    Wide& credits = reserve ? credit.credits_pending : credit.credits_posted;
    if (debits + amount > kTop) return reserve ? S::overflows_debits_pending : S::overflows_debits_posted;
    if (credits + amount > kTop) return reserve ? S::overflows_credits_pending : S::overflows_credits_posted;
    if (debit.debits_pending + debit.debits_posted + amount > kTop) return S::overflows_debits;
    if (credit.credits_pending + credit.credits_posted + amount > kTop) return S::overflows_credits;
    const Wide due_ms = Wide{now_ms} + Wide{request.timeout_s} * 1000;
    if (due_ms > kTop) return S::overflows_timeout;
    if (has(debit, debits_must_not_exceed_credits) && amount > spendable(debit)) return S::exceeds_credits;
    if (has(credit, credits_must_not_exceed_debits) && amount > receivable(credit)) return S::exceeds_debits;

    debits += amount;
    credits += amount;
    ModelTransfer made;
    made.debit = request.debit_account;
    made.credit = request.credit_account;
    made.ledger = request.ledger;
    made.code = request.code;
    made.amount = amount;
    made.state = reserve ? ModelState::open : ModelState::plain;
    made.due_ms = request.timeout_s == 0 ? -1 : due_ms;
    take_user_data(made, request);
    record(request, made);
    return S::ok;
}

Status ReferenceModel::create_resolution(const Transfer& request) {
    const auto found = transfers.find(request.pending_id);
    if (found == transfers.end()) return S::pending_transfer_not_found;
    ModelTransfer& old = found->second;
    if (!has(old.request, pending)) return S::pending_transfer_not_pending;
    if ((!request.debit_account.is_zero() && request.debit_account != old.debit) ||
        (!request.credit_account.is_zero() && request.credit_account != old.credit)) {
        return S::pending_transfer_has_different_accounts;
    }
    if (request.ledger != 0 && request.ledger != old.ledger) return S::pending_transfer_has_different_ledger;
    if (request.code != 0 && request.code != old.code) return S::pending_transfer_has_different_code;
    const Wide amount = request.amount == 0 ? old.amount : Wide{request.amount};
    if (amount > old.amount) return S::exceeds_pending_amount;
    if (has(request, void_pending) && amount != old.amount) return S::pending_transfer_has_different_amount;
    if (old.state == ModelState::posted) return S::pending_transfer_already_posted;
    if (old.state == ModelState::voided) return S::pending_transfer_already_voided;
    if (old.state == ModelState::expired) return S::pending_transfer_expired;
    if (old.due_ms >= 0 && Wide{now_ms} >= old.due_ms) return S::pending_transfer_expired;
    ModelAccount& debit = accounts.at(old.debit);
    ModelAccount& credit = accounts.at(old.credit);
    if (has(request, post_pending)) {
        if (has(debit, closed)) return S::debit_account_closed;
        if (has(credit, closed)) return S::credit_account_closed;
        if (has(debit, frozen)) return S::debit_account_frozen;
        if (has(credit, frozen)) return S::credit_account_frozen;
        debit.debits_posted += amount;
        credit.credits_posted += amount;
    }
    debit.debits_pending -= old.amount;
    credit.credits_pending -= old.amount;
    old.state = has(request, post_pending) ? ModelState::posted : ModelState::voided;
    if (undo_ != nullptr) undo_->resolved.push_back(request.pending_id);
    ModelTransfer made;
    made.debit = old.debit;
    made.credit = old.credit;
    made.ledger = old.ledger;
    made.code = old.code;
    made.amount = amount;
    take_user_data(made, request);
    inherit(made, old);
    record(request, made);
    return S::ok;
}

void ReferenceModel::record(const Transfer& request, const ModelTransfer& made) {
    ModelTransfer& row = transfers[request.id] = made;
    row.request = request;
    row.timestamp = next_timestamp++;
    histories[row.debit].push_back(request.id);
    histories[row.credit].push_back(request.id);
    if (undo_ != nullptr) undo_->made.push_back(request.id);
}

std::size_t ReferenceModel::expire(std::size_t limit) {
    std::set<std::pair<Wide, Id128>> due;
    for (const auto& [id, transfer] : transfers) {
        if (transfer.state == ModelState::open && transfer.due_ms >= 0 && transfer.due_ms <= Wide{now_ms}) {
            due.insert({transfer.due_ms, id});
        }
    }
    std::size_t done = 0;
    for (const auto& [due_ms, id] : due) {
        if (done == limit) break;
        ModelTransfer& transfer = transfers.at(id);
        accounts.at(transfer.debit).debits_pending -= transfer.amount;
        accounts.at(transfer.credit).credits_pending -= transfer.amount;
        transfer.state = ModelState::expired;
        ++done;
    }
    return done;
}

Status ReferenceModel::set_frozen(Id128 id, bool value) {
    if (accounts.count(id) == 0) return S::account_not_found;
    Account& account = accounts[id].opened;
    account.flags =
        static_cast<std::uint16_t>(value ? account.flags | frozen : account.flags & ~unsigned{frozen});
    return S::ok;
}

Status ReferenceModel::close(Id128 id) {
    if (accounts.count(id) == 0) return S::account_not_found;
    ModelAccount& account = accounts[id];
    if (account.debits_pending != 0 || account.credits_pending != 0) return S::account_not_settled;
    if (account.debits_posted != account.credits_posted) return S::account_not_settled;
    account.opened.flags = static_cast<std::uint16_t>(account.opened.flags | closed);
    return S::ok;
}

}  // namespace kontor::ledger::testing
