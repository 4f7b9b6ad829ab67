#pragma once
// Where a transfer's effects go: straight to the store, or, inside a linked chain, to an overlay that is
// written when the whole chain is ok and dropped otherwise (the store has no transactions of its own).

#include <map>

#include "failed_ids.h"
#include "rows.h"

namespace kontor::ledger {

// Everything one transfer changes. Filled by evaluate() only when it returns ok.
struct Changes {
    Account debit, credit;
    Transfer transfer;
    PendingState pending;      // meaningful when has_pending
    bool has_pending = false;  // a pending transfer was made or resolved
};

// Bounded by kMaxChain transfers. Ordered maps: the order of writes must be the same on every node.
class Overlay {
 public:
    std::map<Id128, Account> accounts;
    std::map<std::pair<Id128, std::uint64_t>, Id128> index_rows;  // of (account, timestamp)
    std::map<Id128, Transfer> transfers;
    std::map<Id128, PendingState> pending;

    void flush(store::Writer& rows, Book book) const;
};

// The rows as the next transfer sees them. `overlay` null: the fast path, without any allocation.
class RowView {
 public:
    // `failed` null: the book keeps no failed ids.
    RowView(store::Writer& rows, Book book, Overlay* overlay, const FailedIds* failed)
        : rows_(rows), book_(book), overlay_(overlay), failed_(failed) {}

    [[nodiscard]] std::optional<Account> account(Id128 id) const;
    [[nodiscard]] std::optional<Transfer> transfer(Id128 id) const;
    [[nodiscard]] std::optional<PendingState> pending(Id128 id) const;
    [[nodiscard]] bool is_failed(Id128 id) const { return failed_ != nullptr && failed_->contains(id); }
    void apply(const Changes& changes);

 private:
    store::Writer& rows_;
    Book book_;
    Overlay* overlay_;
    const FailedIds* failed_;
};

// Writes an account that a transfer has just changed, and its index row where one is due.
void store_moved(store::Writer& rows, Book book, const Account& account, const Transfer& transfer);
// Writes a pending state and keeps the expiry index in step with it.
void store_pending(store::Writer& rows, Book book, const PendingState& state);

}  // namespace kontor::ledger
