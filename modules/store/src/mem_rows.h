#pragma once
// The rows of one table and partition in a memtable, where only point reads happen: a hash table of eight
// bytes a slot, which are the row's address and 16 bits of its hash. A look-up takes a line of slots and the
// lines of its row, and both can be fetched ahead.
//
// Threading and ownership: as MemTable. Limits: addresses of 48 bits, which is what user space has.

#include <bit>
#include <cstdint>
#include <string_view>
#include <vector>

#include "kontor/base/assert.h"
#include "kontor/store/hashing.h"
#include "mem_table.h"

namespace kontor::store {

inline void fetch_row(const MemRow* row) {
    constexpr std::size_t kLineBytes = 64;
    const char* at = reinterpret_cast<const char*>(row);
    for (std::size_t line = 0; line < 3; ++line) fetch_line(at + line * kLineBytes);
}

class HashedRows {
 public:
    [[nodiscard]] MemRow* find(std::uint64_t hash, std::string_view key) const {
        return slots_.empty() ? nullptr : row_of(slots_[look(hash, key)]);
    }
    void prefetch(std::uint64_t hash, Fetch what) const {
        if (slots_.empty()) return;
        std::size_t at = first(hash);
        if (what == Fetch::index) return fetch_line(&slots_[at]);
        for (; slots_[at] != kEmpty; at = next(at))
            if (tag(slots_[at]) == tag_of(hash)) return fetch_row(row_of(slots_[at]));
    }

    // Where the row is, or will be after set(); until the next call of it.
    struct Position {
        std::size_t at;
        MemRow* row;  // null: none yet
    };
    Position position(std::uint64_t hash, std::string_view key) {
        if ((rows_ + 1) * 4 > slots_.size() * 3) grow();
        const std::size_t at = look(hash, key);
        return {at, row_of(slots_[at])};
    }
    void set(const Position& position, std::uint64_t hash, MemRow* row) {
        if (position.row == nullptr) ++rows_;
        const auto address = reinterpret_cast<Slot>(row);
        KONTOR_ASSERT(address >> kAddressBits == 0, "an address of more than 48 bits");
        slots_[position.at] = address | tag_of(hash) << kAddressBits;
    }

    // Until `visit(row)` returns false.
    template <typename Visit>
    bool each(const Visit& visit) const {
        constexpr std::size_t kAhead = 12;
        for (std::size_t at = 0; at < slots_.size(); ++at) {
            if (at + kAhead < slots_.size()) fetch_line(row_of(slots_[at + kAhead]));
            if (slots_[at] != kEmpty && !visit(*row_of(slots_[at]))) return false;
        }
        return true;
    }
    [[nodiscard]] std::size_t bytes() const { return slots_.size() * sizeof(Slot); }

 private:
    using Slot = std::uint64_t;
    static constexpr Slot kEmpty = 0;
    static constexpr unsigned kAddressBits = 48;
    static constexpr std::size_t kFirstSlots = 16;

    static MemRow* row_of(Slot slot) {
        return reinterpret_cast<MemRow*>(slot & ((Slot{1} << kAddressBits) - 1));
    }
    static Slot tag(Slot slot) { return slot >> kAddressBits; }
    // The lowest bits chose the partition and are the same for all, the highest choose the slot.
    static Slot tag_of(std::uint64_t hash) { return hash >> 16U & 0xFFFFU; }
    [[nodiscard]] std::size_t first(std::uint64_t hash) const { return hash >> shift_; }
    [[nodiscard]] std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }

    // The slot of the key, or the empty one where it belongs; there is one.
    [[nodiscard]] std::size_t look(std::uint64_t hash, std::string_view key) const {
        std::size_t at = first(hash);
        while (slots_[at] != kEmpty && (tag(slots_[at]) != tag_of(hash) || row_of(slots_[at])->key() != key))
            at = next(at);
        return at;
    }

    void grow() {
        std::vector<Slot> old(slots_.empty() ? kFirstSlots : 2 * slots_.size(), kEmpty);
        old.swap(slots_);
        shift_ = 64U - static_cast<unsigned>(std::countr_zero(slots_.size()));
        constexpr std::size_t kAhead = 12;
        for (std::size_t from = 0; from < old.size(); ++from) {
            if (from + kAhead < old.size()) fetch_line(row_of(old[from + kAhead]));
            if (old[from] == kEmpty) continue;
            std::size_t at = first(hash64(row_of(old[from])->key()));
            while (slots_[at] != kEmpty) at = next(at);
            slots_[at] = old[from];
        }
    }

    std::vector<Slot> slots_;  // a power of two, at most three quarters taken
    std::size_t rows_ = 0;
    unsigned shift_ = 0;
};

}  // namespace kontor::store
