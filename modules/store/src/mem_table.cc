#include "mem_table.h"

#include <algorithm>
#include <boost/unordered/unordered_flat_map.hpp>
#include <cstring>
#include <span>

#include "hashing.h"
#include "kontor/base/bytes.h"

namespace kontor::store {
namespace {

constexpr std::size_t kArenaBlockBytes = 256U << 10U;
// One slot of the hash map with its share of empty slots; estimated, to bound memory.
constexpr std::uint64_t kHashedRowBytes = 64;

// The last 16 bytes of a key as a number, which sorts like them.
struct KeyTail {
    std::uint64_t high = 0, low = 0;
    std::uint32_t at = 0;
    friend bool operator<(const KeyTail& a, const KeyTail& b) {
        return a.high != b.high ? a.high < b.high : a.low < b.low;
    }
};
constexpr std::size_t kTailBytes = 16;

// Sorting by the keys themselves reads each of them some twenty times, at random places of memory. Rows of
// the ledger differ in the id at the end only: then each is read once, and numbers are sorted.
bool sort_by_tail(std::span<RowImage> images) {
    const std::size_t size = images.front().key.size();
    if (size < kTailBytes || images.size() > UINT32_MAX) return false;
    const std::string_view head = images.front().key.substr(0, size - kTailBytes);
    std::vector<KeyTail> tails;
    tails.reserve(images.size());
    for (std::uint32_t i = 0; i < images.size(); ++i) {
        const std::string_view key = images[i].key;
        if (key.size() != size || !key.starts_with(head)) return false;
        const std::string_view tail = key.substr(head.size());
        tails.push_back({get_be64(tail), get_be64(tail.substr(8)), i});
    }
    std::sort(tails.begin(), tails.end());
    std::vector<RowImage> sorted;
    sorted.reserve(images.size());
    for (const KeyTail& tail : tails) sorted.push_back(images[tail.at]);
    std::copy(sorted.begin(), sorted.end(), images.begin());
    return true;
}

void sort_by_key(std::span<RowImage> images) {
    if (images.size() < 2 || sort_by_tail(images)) return;
    std::sort(images.begin(), images.end(),
              [](const RowImage& a, const RowImage& b) { return a.key < b.key; });
}

// A key with its hash, which whoever looks it up has at hand: it chose the partition.
struct HashedKey {
    std::uint64_t hash;
    std::string_view bytes;
    friend bool operator==(const HashedKey& a, const HashedKey& b) {
        return a.hash == b.hash && a.bytes == b.bytes;
    }
};
struct KeyHash {
    using is_avalanching = void;
    std::size_t operator()(const HashedKey& key) const {
        // The low bits chose the partition and are nearly the same for all keys of one table here.
        return key.hash * 0x9E37'79B9'7F4A'7C15U ^ key.hash >> 32U;
    }
};

// Room to grow a little in place: rows of one kind vary by a few bytes.
std::uint32_t capacity_for(std::size_t size) {
    return static_cast<std::uint32_t>((size + size / 8 + 15) & ~15ULL);
}

}  // namespace

struct MemTable::Hashed {
    boost::unordered_flat_map<HashedKey, MemRow, KeyHash> rows;
};

// Fixed blocks instead of std::pmr's growing ones, so that `memtable_bytes` bounds what is really taken.
class MemTable::Arena : public std::pmr::memory_resource {
 public:
    [[nodiscard]] std::uint64_t used() const { return used_; }

 private:
    void* do_allocate(std::size_t size, std::size_t alignment) override {
        used_ += size;
        if (size > kArenaBlockBytes / 4) return new_block(size);
        std::size_t at = (next_ + alignment - 1) & ~(alignment - 1);
        if (current_ == nullptr || at + size > kArenaBlockBytes) {
            current_ = new_block(kArenaBlockBytes);
            at = 0;
        }
        next_ = at + size;
        return current_ + at;
    }
    void do_deallocate(void* /*at*/, std::size_t /*size*/, std::size_t /*alignment*/) override {}
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    char* new_block(std::size_t size) {
        blocks_.push_back(std::make_unique_for_overwrite<char[]>(size));
        return blocks_.back().get();
    }

    std::vector<std::unique_ptr<char[]>> blocks_;
    char* current_ = nullptr;
    std::size_t next_ = 0;
    std::uint64_t used_ = 0;
};

MemTable::MemTable(const Tables& tables) : tables_(tables), arena_(std::make_unique<Arena>()) {
    const std::size_t cells = std::size_t{tables.count()} * tables.partitions();
    sorted_.resize(cells);
    hashed_.resize(cells);
    for (unsigned partition = 0; partition < tables.partitions(); ++partition) {
        for (unsigned slot = 0; slot < tables.count(); ++slot) {
            const std::size_t at = cell(slot, partition);
            if (tables.spec(slot).ordered)
                sorted_[at] = std::make_unique<SortedRows>(arena_.get());
            else
                hashed_[at] = std::make_unique<Hashed>();
        }
    }
}

MemTable::~MemTable() = default;

std::uint64_t MemTable::bytes() const {
    return arena_->used() + rows_ * kHashedRowBytes;
}

const MemRow* MemTable::find(const Place& place, std::string_view key) const {
    const std::size_t at = cell(place.slot, place.partition);
    if (place.ordered) {
        const auto found = sorted_[at]->find(key);
        return found == sorted_[at]->end() ? nullptr : &found->second;
    }
    const auto found = hashed_[at]->rows.find(HashedKey{place.hash, key});
    return found == hashed_[at]->rows.end() ? nullptr : &found->second;
}

void MemTable::prefetch(const Place& /*place*/, std::string_view /*key*/, Fetch /*what*/) const {}

MemRow& MemTable::row_for_write(const Place& place, std::string_view key) {
    ++writes_;
    const std::size_t at = cell(place.slot, place.partition);
    const auto own = [&] {
        char* bytes = static_cast<char*>(arena_->allocate(key.size(), 1));
        std::memcpy(bytes, key.data(), key.size());
        ++rows_;
        return std::string_view(bytes, key.size());
    };
    if (place.ordered) {
        SortedRows& rows = *sorted_[at];
        // Numbers grow: most new rows come behind all others.
        const bool last = !rows.empty() && std::prev(rows.end())->first < key;
        const auto next = last ? rows.end() : rows.lower_bound(key);
        if (next != rows.end() && next->first == key) return next->second;
        return rows.emplace_hint(next, own(), MemRow{})->second;
    }
    auto& rows = hashed_[at]->rows;
    const HashedKey wanted{place.hash, key};
    if (const auto found = rows.find(wanted); found != rows.end()) return found->second;
    return rows.emplace(HashedKey{place.hash, own()}, MemRow{}).first->second;
}

void MemTable::put(const Place& place, std::string_view key, std::string_view value) {
    MemRow& row = row_for_write(place, key);
    if (value.size() > row.capacity) {
        // Rows of fixed layout never grow: room to grow comes with the first time.
        row.capacity = row.capacity == 0 && !place.ordered
                           ? static_cast<std::uint32_t>((value.size() + 7) & ~7ULL)
                           : capacity_for(value.size());
        row.data = static_cast<char*>(arena_->allocate(row.capacity, 8));
    }
    // memmove: `value` may be a view of this very row.
    if (!value.empty()) std::memmove(row.data, value.data(), value.size());
    row.size = static_cast<std::uint32_t>(value.size());
    row.erased = false;
}

void MemTable::erase(const Place& place, std::string_view key) {
    MemRow& row = row_for_write(place, key);
    row.size = 0;
    row.erased = true;
}

const MemTable::SortedRows& MemTable::sorted(unsigned slot, unsigned partition) const {
    KONTOR_ASSERT(tables_.spec(slot).ordered, "scan of a table that is not ordered");
    return *sorted_[cell(slot, partition)];
}

bool MemTable::each_hashed(unsigned slot, unsigned partition, const void* context,
                           bool (*visit)(const void*, std::string_view, const MemRow&)) const {
    for (const auto& [key, row] : hashed_[cell(slot, partition)]->rows)
        if (!visit(context, key.bytes, row)) return false;
    return true;
}

std::vector<RowImage> MemTable::images(unsigned partition) const {
    std::vector<RowImage> images;
    for (unsigned slot = 0; slot < tables_.count(); ++slot) {
        const TableId table = tables_.spec(slot).id;
        const std::size_t first = images.size();
        each(slot, partition, [&](std::string_view key, const MemRow& row) {
            images.push_back(RowImage{table, row.erased, key, row.value()});
            return true;
        });
        if (!tables_.spec(slot).ordered) sort_by_key(std::span(images).subspan(first));
    }
    return images;
}

}  // namespace kontor::store
