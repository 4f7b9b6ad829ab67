#include "write_back_rows.h"

#include <algorithm>
#include <array>
#include <bit>
#include <memory>
#include <new>

#include "kontor/store/hashing.h"

namespace kontor::store {
namespace {

constexpr std::size_t kFirstSlots = 64;
constexpr std::size_t kBatch = 16;  // rows whose memory is fetched before they are written
constexpr std::size_t kAhead = 16;  // slots, when all are walked over
constexpr std::size_t kLineBytes = 64;
constexpr std::size_t kSampled = 32;  // one row of so many says where parts end

// Of a row with a bound of WriteBackRows::Part.
int compare(TableId table, std::string_view key, std::string_view bound) {
    const auto bound_table = static_cast<TableId>(bound[0]);
    return table != bound_table ? (table < bound_table ? -1 : 1) : key.compare(bound.substr(1));
}

void fetch_row(const WriteBackRow* row) {
    const char* at = reinterpret_cast<const char*>(row);
    fetch_line(at);
    fetch_line(at + kLineBytes);
    fetch_line(at + 2 * kLineBytes);
}

}  // namespace

class WriteBackRows::RefArray {
 public:
    explicit RefArray(std::size_t count)
        : bytes_(count * sizeof(std::atomic<Ref>)),
          mapped_(bytes_ < HugeBlocks::kBlockBytes ? nullptr : map_huge(bytes_)) {
        if (mapped_ == nullptr) allocated_ = std::make_unique_for_overwrite<char[]>(bytes_);
        refs_ = reinterpret_cast<std::atomic<Ref>*>(mapped_ != nullptr ? mapped_ : allocated_.get());
        std::uninitialized_value_construct_n(refs_, count);
    }
    ~RefArray() {
        if (mapped_ != nullptr) unmap_huge(mapped_, bytes_);
    }
    RefArray(const RefArray&) = delete;
    RefArray& operator=(const RefArray&) = delete;
    [[nodiscard]] std::atomic<Ref>& operator[](std::size_t at) const { return refs_[at]; }

 private:
    const std::size_t bytes_;
    char* const mapped_;  // or null
    std::unique_ptr<char[]> allocated_;
    std::atomic<Ref>* refs_ = nullptr;
};

struct WriteBackRows::Slots {
    explicit Slots(std::size_t count)
        : mask(count - 1), shift(64U - static_cast<unsigned>(std::countr_zero(count))), refs(count) {}
    [[nodiscard]] std::size_t first(std::uint64_t hash) const {
        return static_cast<std::size_t>(hash * 0x9E37'79B9'7F4A'7C15U >> shift);
    }
    [[nodiscard]] static Ref tag(std::uint64_t hash) { return hash & ~((Ref{1} << kAddressBits) - 1); }
    // The slot of the key and what was in it when the keys were compared; or the empty one behind all where
    // it may be. Another look at the slot may find another key's row, as soon as the writer puts one there.
    struct Seen {
        std::size_t at;
        Ref ref;
    };
    [[nodiscard]] Seen look(std::uint64_t hash, std::string_view key) const {
        for (std::size_t at = first(hash);; at = (at + 1) & mask) {
            const Ref ref = refs[at].load(std::memory_order_acquire);
            if (ref == kEmpty) return {at, ref};
            if (is_row(ref) && tag(ref) == tag(hash) && row_of(ref)->key() == key) return {at, ref};
        }
    }

    const std::size_t mask;
    const unsigned shift;
    const RefArray refs;
};

struct WriteBackRows::Table {
    TableId id = 0;
    std::atomic<const Slots*> slots{nullptr};  // what readers see of `own`
    // The writer's.
    std::unique_ptr<Slots> own;
    std::size_t rows = 0, gone = 0, hand = 0;
};

WriteBackRows::WriteBackRows(const Tables& tables) : tables_(tables), free_(kClasses, nullptr) {
    by_slot_.resize(tables.count());
    for (unsigned slot = 0; slot < tables.count(); ++slot) {
        if (!tables.spec(slot).written_back) continue;
        by_slot_[slot] = std::make_unique<Table>();
        by_slot_[slot]->id = tables.spec(slot).id;
    }
}

WriteBackRows::~WriteBackRows() {
    reclaim();
    for (const auto& table : by_slot_) {
        if (!table || !table->own) continue;
        for (std::size_t at = 0; at <= table->own->mask; ++at) {
            const Ref ref = table->own->refs[at].load(std::memory_order_relaxed);
            if (is_row(ref)) release(row_of(ref));
        }
    }
}

const WriteBackRow* WriteBackRows::find(const Place& place, std::string_view key) const {
    const Slots* slots = by_slot_[place.slot]->slots.load(std::memory_order_acquire);
    if (slots == nullptr) return nullptr;
    const Ref ref = slots->look(place.hash, key).ref;
    if (ref == kEmpty) return nullptr;
    const WriteBackRow* row = row_of(ref);
    if (!row->used.load(std::memory_order_relaxed)) row->used.store(true, std::memory_order_relaxed);
    return row;
}

void WriteBackRows::prefetch(const Place& place, Fetch what) const {
    const Slots* slots = by_slot_[place.slot]->slots.load(std::memory_order_acquire);
    if (slots == nullptr) return;
    std::size_t at = slots->first(place.hash);
    if (what == Fetch::index) {
        fetch_line(&slots->refs[at]);
        return;
    }
    for (;; at = (at + 1) & slots->mask) {
        const Ref ref = slots->refs[at].load(std::memory_order_acquire);
        if (ref == kEmpty) return;
        if (is_row(ref) && Slots::tag(ref) == Slots::tag(place.hash)) return fetch_row(row_of(ref));
    }
}

bool WriteBackRows::each_row(unsigned slot, const void* context,
                             bool (*visit)(const void*, const WriteBackRow&)) const {
    const Slots* slots = by_slot_[slot]->slots.load(std::memory_order_acquire);
    if (slots == nullptr) return true;
    for (std::size_t at = 0; at <= slots->mask; ++at) {
        const Ref ref = slots->refs[at].load(std::memory_order_acquire);
        if (at + kAhead <= slots->mask)
            fetch_row(row_of(slots->refs[at + kAhead].load(std::memory_order_relaxed)));
        if (is_row(ref) && !visit(context, *row_of(ref))) return false;
    }
    return true;
}

std::uint64_t WriteBackRows::size_of(const WriteBackRow& row) {
    return row.size_class != 0 ? row.size_class * kStep : sizeof row + row.key_size + row.value_size;
}

WriteBackRow* WriteBackRows::new_row(std::string_view key, std::string_view value) {
    const std::size_t size = sizeof(WriteBackRow) + key.size() + value.size();
    const std::size_t size_class = (size + kStep - 1) / kStep;
    void* at = nullptr;
    if (size_class >= kClasses) {
        at = ::operator new(size);
    } else if (free_[size_class] != nullptr) {
        at = free_[size_class];
        free_[size_class] = free_[size_class]->next;
    } else {
        const std::size_t bytes = size_class * kStep;
        if (block_left_ < bytes) {  // what is left of the old one is less than a row
            const std::span<char> block = blocks_.next(this->bytes());
            block_at_ = block.data();
            block_left_ = block.size();
        }
        at = block_at_;
        block_at_ += bytes;
        block_left_ -= bytes;
    }
    auto* row = new (at) WriteBackRow;
    row->size_class = size_class < kClasses ? static_cast<std::uint8_t>(size_class) : 0;
    row->key_size = static_cast<std::uint8_t>(key.size());
    row->value_size = static_cast<std::uint32_t>(value.size());
    std::memcpy(row->bytes(), key.data(), key.size());
    if (!value.empty()) std::memcpy(row->bytes() + key.size(), value.data(), value.size());
    bytes_.fetch_add(size_of(*row), std::memory_order_relaxed);
    return row;
}

void WriteBackRows::release(WriteBackRow* row) {
    if (row->size_class == 0) {
        ::operator delete(row);
        return;
    }
    FreeRow*& first = free_[row->size_class];
    first = new (row) FreeRow{first};
}

void WriteBackRows::retire(WriteBackRow* row) {
    bytes_.fetch_sub(size_of(*row), std::memory_order_relaxed);
    retired_rows_.push_back(row);
}

void WriteBackRows::reclaim() {
    for (WriteBackRow* row : retired_rows_) release(row);
    retired_rows_.clear();
    retired_slots_.clear();
}

void WriteBackRows::count_dirty(std::uint64_t added, std::uint64_t removed) {
    dirty_bytes_.fetch_add(added - removed, std::memory_order_relaxed);
}

// For one row more, at most three quarters full. Readers go on in the old table, which says the same about
// rows that nothing shadows.
void WriteBackRows::make_room(Table& table) {
    const std::size_t count = table.own ? table.own->mask + 1 : 0;
    if ((table.rows + table.gone + 1) * 4 <= count * 3) return;
    auto bigger = std::make_unique<Slots>(std::max(kFirstSlots, std::bit_ceil((table.rows + 1) * 3 / 2 + 1)));
    for (std::size_t at = 0; at < count; ++at) {
        const Ref ref = table.own->refs[at].load(std::memory_order_relaxed);
        if (at + kAhead < count)
            fetch_line(row_of(table.own->refs[at + kAhead].load(std::memory_order_relaxed)));
        if (!is_row(ref)) continue;
        std::size_t to = bigger->first(hash64(row_of(ref)->key()));
        while (bigger->refs[to].load(std::memory_order_relaxed) != kEmpty) to = (to + 1) & bigger->mask;
        bigger->refs[to].store(ref, std::memory_order_relaxed);
    }
    bytes_.fetch_add((bigger->mask + 1) * sizeof(Ref) - count * sizeof(Ref), std::memory_order_relaxed);
    table.slots.store(bigger.get(), std::memory_order_release);
    if (table.own) retired_slots_.push_back(std::move(table.own));
    table.own = std::move(bigger);
    table.gone = table.hand = 0;
}

void WriteBackRows::put(Table& table, std::uint64_t hash, const RowImage& image) {
    make_room(table);
    const std::string_view value = image.erased ? std::string_view() : image.value;
    const auto [at, old] = table.own->look(hash, image.key);
    std::atomic<Ref>& slot = table.own->refs[at];
    WriteBackRow* row = is_row(old) ? row_of(old) : nullptr;
    const std::uint64_t was_dirty = (old & kDirty) != 0 ? size_of(*row) : 0;
    const bool fits = row != nullptr && row->size_class != 0 &&
                      sizeof *row + row->key_size + value.size() <= row->size_class * kStep;
    if (fits) {
        row->value_size = static_cast<std::uint32_t>(value.size());
        if (!value.empty()) std::memcpy(row->bytes() + row->key_size, value.data(), value.size());
    } else {
        if (row != nullptr) {
            retire(row);
        } else {
            ++table.rows;
            rows_.fetch_add(1, std::memory_order_relaxed);
        }
        row = new_row(image.key, value);
    }
    row->erased = image.erased;
    row->used.store(true, std::memory_order_relaxed);
    count_dirty(size_of(*row), was_dirty);
    const auto address = reinterpret_cast<Ref>(row);
    KONTOR_ASSERT((address & ~kAddress) == 0, "an address of more than 48 bits");
    slot.store(Slots::tag(hash) | address | kDirty, std::memory_order_release);
}

void WriteBackRows::absorb(std::span<const RowImage> rows) {
    shown_.clear();
    std::array<Place, kBatch> places{};
    while (!rows.empty()) {
        const std::size_t n = std::min(rows.size(), kBatch);
        for (std::size_t i = 0; i < n; ++i) {
            fetch_ahead(&rows[i], rows.data() + rows.size());
            places[i] = tables_.place(rows[i].table, rows[i].key);
            prefetch(places[i], Fetch::index);
        }
        for (std::size_t i = 0; i < n; ++i) prefetch(places[i], Fetch::row);
        for (std::size_t i = 0; i < n; ++i) put(*by_slot_[places[i].slot], places[i].hash, rows[i]);
        rows = rows.subspan(n);
    }
}

std::vector<RowImage> WriteBackRows::dirty_rows(const Part& part) {
    std::vector<RowImage> images;
    shown_.clear();
    if (dirty_bytes() == 0) return images;
    for (const auto& table : by_slot_) {
        if (!table || !table->own) continue;
        const Slots& slots = *table->own;
        const std::size_t first = images.size();
        for (std::size_t at = 0; at <= slots.mask; ++at) {
            if (at + kAhead <= slots.mask)
                fetch_line(row_of(slots.refs[at + kAhead].load(std::memory_order_relaxed)));
            const Ref ref = slots.refs[at].load(std::memory_order_relaxed);
            if ((ref & kDirty) == 0) continue;
            const WriteBackRow& row = *row_of(ref);
            if (!part.after.empty() && compare(table->id, row.key(), part.after) <= 0) continue;
            if (!part.upto.empty() && compare(table->id, row.key(), part.upto) > 0) continue;
            images.push_back(RowImage{table->id, row.erased, row.key(), row.value()});
            shown_.push_back(&slots.refs[at]);
        }
        sort_rows(std::span(images).subspan(first));
    }
    return images;
}

void WriteBackRows::mark_clean() {
    std::uint64_t clean = 0;
    for (std::atomic<Ref>* slot : shown_) {
        const Ref ref = slot->load(std::memory_order_relaxed);
        clean += size_of(*row_of(ref));
        slot->store(ref & ~kDirty, std::memory_order_release);
    }
    shown_.clear();
    shown_.shrink_to_fit();
    count_dirty(0, clean);
}

// By a sample, which the order by hashes makes a fair one.
std::vector<std::string> WriteBackRows::cut(std::uint64_t part_bytes) const {
    const std::uint64_t parts = (dirty_bytes() + part_bytes - 1) / part_bytes;
    std::vector<std::string> ends;
    if (parts <= 1) return ends;
    std::vector<std::string> sample;
    for (const auto& table : by_slot_) {
        if (!table || !table->own) continue;
        const Slots& slots = *table->own;
        std::size_t seen = 0;
        for (std::size_t at = 0; at <= slots.mask; ++at) {
            const Ref ref = slots.refs[at].load(std::memory_order_relaxed);
            if ((ref & kDirty) == 0 || seen++ % kSampled != 0) continue;
            std::string& key = sample.emplace_back(1, static_cast<char>(table->id));
            key += row_of(ref)->key();
        }
    }
    std::sort(sample.begin(), sample.end());
    for (std::uint64_t part = 1; part < parts; ++part) {
        const std::string& end = sample[sample.size() * part / parts];
        if (ends.empty() || ends.back() < end) ends.push_back(end);
    }
    return ends;
}

void WriteBackRows::evict(std::uint64_t limit_bytes) {
    for (const auto& table : by_slot_) {
        if (!table || !table->own) continue;
        const Slots& slots = *table->own;
        // Twice around: first it only forgets who was used.
        for (std::size_t step = 0; step < 2 * (slots.mask + 1) && bytes() > limit_bytes; ++step) {
            std::atomic<Ref>& slot = slots.refs[table->hand];
            table->hand = (table->hand + 1) & slots.mask;
            const Ref ref = slot.load(std::memory_order_relaxed);
            if (!is_row(ref) || (ref & kDirty) != 0) continue;
            WriteBackRow* row = row_of(ref);
            if (row->used.exchange(false, std::memory_order_relaxed)) continue;
            slot.store(kGone, std::memory_order_release);
            retire(row);
            --table->rows;
            ++table->gone;
            rows_.fetch_sub(1, std::memory_order_relaxed);
        }
    }
}

}  // namespace kontor::store
