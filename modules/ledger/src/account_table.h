#pragma once
// verify()'s one map of accounts: open addressing over a dense array, 88 bytes an account plus 8 to 16 of
// slots.

#include <bit>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "kontor/base/assert.h"
#include "kontor/ledger/ledger.h"
#include "rows.h"

namespace kontor::ledger {

// A mix of some words in which every bit of the input matters (finalizer of SplitMix64, public domain).
[[nodiscard]] inline std::uint64_t fingerprint(std::initializer_list<std::uint64_t> words) {
    std::uint64_t hash = 0;
    for (const std::uint64_t word : words) {
        hash = (hash ^ word) + 0x9E37'79B9'7F4A'7C15U;
        hash = (hash ^ (hash >> 30U)) * 0xBF58'476D'1CE4'E5B9U;
        hash = (hash ^ (hash >> 27U)) * 0x94D0'49BB'1331'11EBU;
        hash ^= hash >> 31U;
    }
    return hash;
}

[[nodiscard]] inline std::uint64_t fingerprint(const BookId& id) {
    return fingerprint({static_cast<std::uint64_t>(id.book.kind), id.book.owner, id.id.high, id.id.low});
}

// Stored balances minus what the transfers add up to, modulo 2^64 (the ledger's totals are compared exactly):
// all zero when every transfer was subtracted.
struct AccountSums {
    BookId id;
    std::uint64_t debits_pending = 0, debits_posted = 0, credits_pending = 0, credits_posted = 0;
    std::uint64_t chain = 0;  // fingerprints of the chain's pointers minus those of where they must lead
    std::uint32_t ledger = 0;
    std::uint32_t transfers = 0;  // as stored, minus those visited
};

class AccountTable {
 public:
    void add(const Account& account, Book book) {
        AccountSums sums;
        sums.id = {book, account.id};
        sums.debits_pending = account.debits_pending;
        sums.debits_posted = account.debits_posted;
        sums.credits_pending = account.credits_pending;
        sums.credits_posted = account.credits_posted;
        sums.ledger = account.ledger;
        sums.transfers = account.transfers;
        sums.chain =
            fingerprint({account.last_transfer.high, account.last_transfer.low}) - fingerprint({0, 0});
        accounts_.push_back(sums);
    }

    // After the last add(), before the first find().
    void index() {
        KONTOR_ASSERT(accounts_.size() < kEmpty, "verify() is made for fewer than 2^32 - 1 accounts");
        slots_.assign(std::bit_ceil(accounts_.size() * 2 + 1), kEmpty);
        for (std::uint32_t i = 0; i < accounts_.size(); ++i) slots_[slot_of(accounts_[i].id)] = i;
    }

    [[nodiscard]] AccountSums* find(const BookId& id) {
        const std::uint32_t at = slots_[slot_of(id)];
        return at == kEmpty ? nullptr : &accounts_[at];
    }

    template <typename Visit>
    void each(Visit visit) const {
        for (const AccountSums& sums : accounts_) visit(sums);
    }

 private:
    static constexpr std::uint32_t kEmpty = ~std::uint32_t{0};

    // Where the id is, or the empty slot where it would be. At most half of the slots are taken.
    [[nodiscard]] std::size_t slot_of(const BookId& id) const {
        const std::size_t mask = slots_.size() - 1;
        std::size_t slot = fingerprint(id) & mask;
        while (slots_[slot] != kEmpty && accounts_[slots_[slot]].id != id) slot = (slot + 1) & mask;
        return slot;
    }

    std::vector<AccountSums> accounts_;
    std::vector<std::uint32_t> slots_;
};

}  // namespace kontor::ledger
