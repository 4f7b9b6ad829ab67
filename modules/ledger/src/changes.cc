#include "changes.h"

namespace kontor::ledger {
namespace {
template <typename Row>
std::optional<Row> find_in(const std::map<Id128, Row>& map, Id128 id) {
    const auto found = map.find(id);
    if (found == map.end()) return std::nullopt;
    return found->second;
}
}  // namespace

std::optional<Account> find_account(const store::Reader& rows, Id128 id, Book book) {
    return load_row<Account>(rows, kAccountTable, book, id, "account");
}
std::optional<Transfer> find_transfer(const store::Reader& rows, Id128 id, Book book) {
    return load_row<Transfer>(rows, kTransferTable, book, id, "transfer");
}
std::optional<PendingState> find_pending(const store::Reader& rows, Id128 pending_transfer, Book book) {
    return load_row<PendingState>(rows, kPendingTable, book, pending_transfer, "pending state");
}

void store_pending(store::Writer& rows, Book book, const PendingState& state) {
    store_row(rows, kPendingTable, book, state);
    if (state.due_ms == 0) return;
    const ExpiryKey key(state.due_ms, book, state.id);
    if (state.status == PendingStatus::pending) {
        rows.put(kExpiryTable, key.view(), kExpiryValue);
    } else {
        rows.erase(kExpiryTable, key.view());
    }
}

namespace {
bool is_index_row(const Account& account) {
    return account.transfers % kHistoryIndexEvery == 0;
}
void store_index_row(store::Writer& rows, Book book, Id128 account, std::uint64_t timestamp, Id128 transfer) {
    std::array<char, kIdBytes> value;
    write_be64(write_be64(value.data(), transfer.high), transfer.low);
    rows.put(kHistoryIndexTable, HistoryIndexKey(book, account, timestamp).view(),
             {value.data(), value.size()});
}
}  // namespace

void store_moved(store::Writer& rows, Book book, const Account& account, const Transfer& transfer) {
    store_row(rows, kAccountTable, book, account);
    if (is_index_row(account)) store_index_row(rows, book, account.id, transfer.timestamp, transfer.id);
}

void Overlay::flush(store::Writer& rows, Book book) const {
    for (const auto& [id, transfer] : transfers) store_row(rows, kTransferTable, book, transfer);
    for (const auto& [id, account] : accounts) store_row(rows, kAccountTable, book, account);
    for (const auto& [key, transfer] : index_rows)
        store_index_row(rows, book, key.first, key.second, transfer);
    for (const auto& [id, state] : pending) store_pending(rows, book, state);
}

std::optional<Account> RowView::account(Id128 id) const {
    if (overlay_ != nullptr) {
        if (auto row = find_in(overlay_->accounts, id)) return row;
    }
    return find_account(rows_, id, book_);
}

std::optional<Transfer> RowView::transfer(Id128 id) const {
    if (overlay_ != nullptr) {
        if (auto row = find_in(overlay_->transfers, id)) return row;
    }
    return find_transfer(rows_, id, book_);
}

std::optional<PendingState> RowView::pending(Id128 id) const {
    if (overlay_ != nullptr) {
        if (auto row = find_in(overlay_->pending, id)) return row;
    }
    return find_pending(rows_, id, book_);
}

void RowView::apply(const Changes& changes) {
    if (overlay_ != nullptr) {
        overlay_->transfers.insert_or_assign(changes.transfer.id, changes.transfer);
        overlay_->accounts.insert_or_assign(changes.debit.id, changes.debit);
        overlay_->accounts.insert_or_assign(changes.credit.id, changes.credit);
        for (const Account* account : {&changes.debit, &changes.credit}) {
            if (is_index_row(*account))
                overlay_->index_rows[{account->id, changes.transfer.timestamp}] = changes.transfer.id;
        }
        if (changes.has_pending) overlay_->pending.insert_or_assign(changes.pending.id, changes.pending);
        return;
    }
    store_row(rows_, kTransferTable, book_, changes.transfer);
    store_moved(rows_, book_, changes.debit, changes.transfer);
    store_moved(rows_, book_, changes.credit, changes.transfer);
    if (changes.has_pending) store_pending(rows_, book_, changes.pending);
}

}  // namespace kontor::ledger
