#include "mem_table.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <span>

#include "kontor/base/bytes.h"
#include "mem_rows.h"

namespace kontor::store {
namespace {

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

// Room to grow a little in place: rows of one kind vary by a few bytes.
std::uint32_t capacity_for(std::size_t size) {
    return static_cast<std::uint32_t>((size + size / 8 + 15) & ~15ULL);
}

}  // namespace

void sort_rows(std::span<RowImage> rows) {
    if (rows.size() < 2 || sort_by_tail(rows)) return;
    std::sort(rows.begin(), rows.end(), [](const RowImage& a, const RowImage& b) { return a.key < b.key; });
}

// Fixed blocks instead of std::pmr's growing ones, so that `memtable_bytes` bounds what is really taken.
class MemTable::Arena : public std::pmr::memory_resource {
 public:
    explicit Arena(HugeBlocks& huge) : blocks_(huge) {}
    [[nodiscard]] std::uint64_t used() const { return used_; }

 private:
    void* do_allocate(std::size_t size, std::size_t alignment) override {
        used_ += size;
        if (size > Blocks::kSmallBlockBytes / 4) return blocks_.of(size).data();
        std::size_t at = (next_ + alignment - 1) & ~(alignment - 1);
        if (at + size > block_.size()) {
            block_ = blocks_.next(used_);
            at = 0;
        }
        next_ = at + size;
        return block_.data() + at;
    }
    void do_deallocate(void* /*at*/, std::size_t /*size*/, std::size_t /*alignment*/) override {}
    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    Blocks blocks_;
    std::span<char> block_;
    std::size_t next_ = 0;
    std::uint64_t used_ = 0;
};

MemTable::MemTable(const Tables& tables, HugeBlocks& huge)
    : tables_(tables), arena_(std::make_unique<Arena>(huge)) {
    const std::size_t cells = std::size_t{tables.count()} * tables.partitions();
    sorted_.resize(cells);
    hashed_.resize(cells);
    for (unsigned partition = 0; partition < tables.partitions(); ++partition)
        for (unsigned slot = 0; slot < tables.count(); ++slot)
            if (tables.spec(slot).ordered)
                sorted_[cell(slot, partition)] = std::make_unique<SortedRows>(arena_.get());
}

MemTable::~MemTable() = default;

std::uint64_t MemTable::bytes() const {
    return arena_->used() + slot_bytes_;
}

const MemRow* MemTable::find(const Place& place, std::string_view key) const {
    const std::size_t at = cell(place.slot, place.partition);
    if (!place.ordered) return hashed_[at].find(place.hash, key);
    const auto found = sorted_[at]->find(key);
    return found == sorted_[at]->end() ? nullptr : found->second;
}

void MemTable::prefetch(const Place& place, Fetch what) const {
    if (!place.ordered) hashed_[cell(place.slot, place.partition)].prefetch(place.hash, what);
}

MemRow* MemTable::new_row(const Place& place, std::string_view key, std::size_t size) {
    // Rows of fixed layout never grow: room to grow is for ordered tables' rows.
    const std::size_t capacity = place.ordered ? capacity_for(size) : (size + 7) & ~std::size_t{7};
    const std::size_t head = MemRow::head_bytes(key.size());
    auto* row = new (arena_->allocate(head + capacity, alignof(std::uint64_t))) MemRow;
    row->capacity = static_cast<std::uint32_t>(capacity);
    row->key_size = static_cast<std::uint8_t>(key.size());
    std::memcpy(row->start() + MemRow::kKeyAt, key.data(), key.size());
    return row;
}

// The key's row, with room for `size` bytes: where it was, or a new one in its place. What it was keeps its
// bytes, since the new value may be a view of it.
MemRow* MemTable::row_for_write(const Place& place, std::string_view key, std::size_t size) {
    ++writes_;
    const std::size_t at = cell(place.slot, place.partition);
    if (place.ordered) {
        SortedRows& rows = *sorted_[at];
        // Numbers grow: most new rows come behind all others.
        const bool last = !rows.empty() && std::prev(rows.end())->first < key;
        const auto next = last ? rows.end() : rows.lower_bound(key);
        if (next != rows.end() && next->first == key) {
            if (next->second->capacity < size) next->second = new_row(place, key, size);
            return next->second;
        }
        MemRow* row = new_row(place, key, size);
        rows.emplace_hint(next, row->key(), row);
        ++rows_;
        return row;
    }
    HashedRows& rows = hashed_[at];
    const std::size_t slot_bytes = rows.bytes();
    const HashedRows::Position position = rows.position(place.hash, key);
    slot_bytes_ += rows.bytes() - slot_bytes;
    if (position.row != nullptr && position.row->capacity >= size) return position.row;
    if (position.row == nullptr) ++rows_;
    MemRow* row = new_row(place, key, size);
    rows.set(position, place.hash, row);
    return row;
}

void MemTable::put(const Place& place, std::string_view key, std::string_view value) {
    MemRow* row = row_for_write(place, key, value.size());
    // memmove: `value` may be a view of this very row.
    if (!value.empty())
        std::memmove(row->start() + MemRow::head_bytes(key.size()), value.data(), value.size());
    row->size = static_cast<std::uint32_t>(value.size());
    row->erased = false;
}

void MemTable::erase(const Place& place, std::string_view key) {
    MemRow* row = row_for_write(place, key, 0);
    row->size = 0;
    row->erased = true;
}

const MemTable::SortedRows& MemTable::sorted(unsigned slot, unsigned partition) const {
    KONTOR_ASSERT(tables_.spec(slot).ordered, "scan of a table that is not ordered");
    return *sorted_[cell(slot, partition)];
}

bool MemTable::each_hashed(unsigned slot, unsigned partition, const void* context,
                           bool (*visit)(const void*, const MemRow&)) const {
    return hashed_[cell(slot, partition)].each([&](const MemRow& row) { return visit(context, row); });
}

std::vector<RowImage> MemTable::images(unsigned partition, bool written_back) const {
    std::vector<RowImage> images;
    for (unsigned slot = 0; slot < tables_.count(); ++slot) {
        if (tables_.spec(slot).written_back != written_back) continue;
        const TableId table = tables_.spec(slot).id;
        const std::size_t first = images.size();
        each(slot, partition, [&](std::string_view key, const MemRow& row) {
            images.push_back(RowImage{table, row.erased, key, row.value()});
            return true;
        });
        if (!tables_.spec(slot).ordered && !written_back) sort_rows(std::span(images).subspan(first));
    }
    return images;
}

}  // namespace kontor::store
