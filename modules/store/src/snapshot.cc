#include "snapshot.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>

namespace kontor::store {
namespace {

// A visit of a whole table renews its read transaction this often, so that LMDB may reuse pages meanwhile.
constexpr unsigned kRowsPerTransaction = 1024;

std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}
MDB_val val(std::string_view bytes) {
    return {bytes.size(), const_cast<char*>(bytes.data())};
}

// The smallest string greater than all that start with `prefix`; nullopt if there is none.
std::optional<std::string> successor(std::string_view prefix) {
    std::string next(prefix);
    while (!next.empty()) {
        const auto last = static_cast<unsigned char>(next.back());
        if (last != 0xFF) {
            next.back() = static_cast<char>(last + 1);
            return next;
        }
        next.pop_back();
    }
    return std::nullopt;
}

struct Range {
    std::string low;
    std::optional<std::string> high;  // exclusive; nullopt: to the end of the table
    [[nodiscard]] bool is_empty() const { return high && *high <= low; }
};

// The sorted rows of one memtable within a range, in either direction.
class MemRows {
 public:
    MemRows(const MemTable* table, unsigned slot, unsigned partition, const Range& range, Direction direction)
        : range_(range), ascending_(direction == Direction::ascending) {
        if (table == nullptr) return;
        rows_ = &table->sorted(slot, partition);
        if (ascending_)
            settle(rows_->lower_bound(range.low));
        else
            step_back(range.high ? rows_->lower_bound(*range.high) : rows_->end());
    }
    [[nodiscard]] bool valid() const { return valid_; }
    [[nodiscard]] std::string_view key() const { return at_->first; }
    [[nodiscard]] const MemRow& row() const { return *at_->second; }
    void next() {
        if (ascending_)
            settle(std::next(at_));
        else
            step_back(at_);
    }
    // To the first row past `key` in the direction of the scan, whatever was written meanwhile.
    void seek_past(std::string_view key) {
        if (ascending_)
            settle(rows_->upper_bound(key));
        else
            step_back(rows_->lower_bound(key));
    }

 private:
    using Position = MemTable::SortedRows::const_iterator;
    void settle(Position at) {
        at_ = at;
        valid_ = at != rows_->end() && (!range_.high || at->first < *range_.high);
    }
    void step_back(Position at) {
        valid_ = at != rows_->begin();
        if (!valid_) return;
        at_ = std::prev(at);
        valid_ = at_->first >= range_.low;
    }

    const Range& range_;
    const bool ascending_;
    const MemTable::SortedRows* rows_ = nullptr;
    bool valid_ = false;
    Position at_;
};

}  // namespace

// A cursor over the LMDB rows of a table within a range, in either direction.
class DiskRows {
 public:
    DiskRows(Core& core, MDB_txn* txn, unsigned partition, TableId table, const Range& range,
             Direction direction)
        : core_(core), partition_(partition), table_(table), ascending_(direction == Direction::ascending) {
        low_ = std::string(1, static_cast<char>(table)) + range.low;
        high_ = range.high ? std::string(1, static_cast<char>(table)) + *range.high
                           : std::string(1, static_cast<char>(table + 1));
        if (const int code = mdb_cursor_open(txn, core.partitions[partition]->dbi(table), &cursor_);
            code != 0)
            fail("open a cursor", code);
        key_ = val(ascending_ ? low_ : high_);
        const int code = mdb_cursor_get(cursor_, &key_, &value_, MDB_SET_RANGE);
        if (ascending_ || (code != 0 && code != MDB_NOTFOUND))
            settle(code);
        else
            move(code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
    }
    ~DiskRows() { mdb_cursor_close(cursor_); }
    DiskRows(const DiskRows&) = delete;
    DiskRows& operator=(const DiskRows&) = delete;

    [[nodiscard]] bool valid() const { return valid_; }
    [[nodiscard]] std::string_view key() const { return view(key_).substr(1); }
    [[nodiscard]] std::string_view lmdb_key() const { return view(key_); }
    [[nodiscard]] const MDB_val& stored() const { return value_; }
    void next() { move(ascending_ ? MDB_NEXT : MDB_PREV); }

 private:
    void move(MDB_cursor_op how) { settle(mdb_cursor_get(cursor_, &key_, &value_, how)); }
    void settle(int code) {
        if (code != 0 && code != MDB_NOTFOUND) {
            mdb_cursor_close(cursor_);
            cursor_ = nullptr;
            fail("move a cursor", code);
        }
        valid_ = code == 0 && (ascending_ ? view(key_) < high_ : view(key_) >= low_);
        if (valid_) core_.lmdb_reads.fetch_add(1, std::memory_order_relaxed);
    }
    [[noreturn]] void fail(const char* what, int code) {
        core_.fail_read(core_.tables.describe(partition_, table_, {}) + ": " + what, code);
    }

    Core& core_;
    unsigned partition_;
    TableId table_;
    bool ascending_;
    std::string low_, high_;
    MDB_cursor* cursor_ = nullptr;
    MDB_val key_{}, value_{};
    bool valid_ = false;
};

ReadTransactions::ReadTransactions(const std::vector<std::unique_ptr<Partition>>& partitions)
    : partitions_(partitions), transactions_(partitions.size(), nullptr), is_live_(partitions.size(), 0) {}

ReadTransactions::~ReadTransactions() {
    for (MDB_txn* transaction : transactions_)
        if (transaction != nullptr) mdb_txn_abort(transaction);
}

int ReadTransactions::get(unsigned partition, MDB_txn*& transaction) {
    MDB_txn*& kept = transactions_[partition];
    if (is_live_[partition] == 0) {
        const int code = kept == nullptr
                             ? mdb_txn_begin(partitions_[partition]->env(), nullptr, MDB_RDONLY, &kept)
                             : mdb_txn_renew(kept);
        if (code != 0) return code;
        is_live_[partition] = 1;
        live_.push_back(partition);
    }
    transaction = kept;
    return 0;
}

void ReadTransactions::reset() {
    for (const unsigned partition : live_) {
        mdb_txn_reset(transactions_[partition]);
        is_live_[partition] = 0;
    }
    live_.clear();
}

Core::Core(Folder&& folder, const StoreOptions& options)
    : declared(std::move(folder.tables)),
      tables(*declared),
      partitions(std::move(folder.partitions)),
      write_back(std::move(folder.write_back)),
      cache(options.cache),
      huge_blocks(options.memtable_bytes) {
    active = std::make_unique<MemTable>(tables, huge_blocks);
    for (const RedoContents& redo : folder.unwritten)
        for (const PartitionRows& rows : redo.rows)
            for (const RowImage& row : rows.ordinary) {
                const Place place = tables.place(row.table, row.key);
                if (row.erased)
                    active->erase(place, row.key);
                else
                    active->put(place, row.key, row.value);
            }
}

void Core::fail(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!failure_) failure_ = std::move(error);
}

std::optional<Error> Core::failure() const {
    const std::scoped_lock lock(mutex_);
    return failure_;
}

void Core::fail_read(const std::string& what, int code) {
    // LMDB refuses everything after a failed commit, and readers may meet that before the writer has told its
    // failure, which is the one to name.
    constexpr int kLooks = 50;
    constexpr auto kLookEvery = std::chrono::milliseconds(10);
    for (int i = 0; code == MDB_PANIC && i < kLooks && !failure(); ++i)
        std::this_thread::sleep_for(kLookEvery);
    fail_read(lmdb_error(what, code));
}

void Core::fail_read(Error error) {
    fail(std::move(error));
    throw StoreFailure(failure()->describe());  // the first one: what fails later often only follows from it
}

MDB_txn* Core::transaction_of(ReadTransactions& transactions, unsigned partition) {
    MDB_txn* transaction = nullptr;
    if (const int code = transactions.get(partition, transaction); code != 0)
        fail_read("partition " + partition_name(partition) + ": begin a read transaction", code);
    return transaction;
}

std::unique_ptr<ReadTransactions> Core::borrow_transactions() {
    {
        const std::scoped_lock lock(mutex_);
        if (!spare_.empty()) {
            auto transactions = std::move(spare_.back());
            spare_.pop_back();
            return transactions;
        }
    }
    return std::make_unique<ReadTransactions>(partitions);
}

void Core::give_back(std::unique_ptr<ReadTransactions> transactions) {
    transactions->reset();
    const std::scoped_lock lock(mutex_);
    spare_.push_back(std::move(transactions));
}

void Snapshot::release() {
    pinned_.reset();
    if (transactions_) core_.give_back(std::move(transactions_));
}

MDB_txn* Snapshot::transaction(unsigned partition) {
    if (!transactions_) transactions_ = core_.borrow_transactions();
    return core_.transaction_of(*transactions_, partition);
}

std::string_view Snapshot::checked(unsigned partition, std::string_view lmdb_key, const MDB_val& stored,
                                   RowBuffer& buffer) {
    const auto row = checked_row(lmdb_key, view(stored), buffer);
    if (!row) {
        const auto table = static_cast<TableId>(lmdb_key[0]);
        core_.fail_read(
            Error{ErrorCode::corruption, core_.tables.describe(partition, table, lmdb_key.substr(1)) +
                                             ": the row does not match its checksum"});
    }
    return *row;
}

const MemRow* Snapshot::find_in_memory(const Place& place, std::string_view key) const {
    if (const MemRow* row = core_.active->find(place, key)) return row;
    return core_.frozen ? core_.frozen->find(place, key) : nullptr;
}

void Snapshot::prefetch(TableId table, std::string_view key, Fetch what) const {
    const Place place = core_.tables.place(table, key);
    core_.active->prefetch(place, what);
    if (core_.frozen) core_.frozen->prefetch(place, what);
    if (core_.tables.spec(place.slot).written_back) core_.write_back[place.partition]->prefetch(place, what);
}

std::optional<std::string_view> Snapshot::get(TableId table, std::string_view key) {
    if (key.empty() || key.size() > kMaxKeyBytes) return std::nullopt;  // no such row can exist
    const Place place = core_.tables.place(table, key);
    if (const MemRow* row = find_in_memory(place, key))
        return row->erased ? std::nullopt : std::optional(row->value());
    const TableSpec& spec = core_.tables.spec(place.slot);
    if (spec.written_back) {
        if (const WriteBackRow* row = core_.write_back[place.partition]->find(place, key)) {
            core_.write_back_hits.fetch_add(1, std::memory_order_relaxed);
            return row->erased ? std::nullopt : std::optional(row->value());
        }
    }
    const bool appended = spec.appended;
    const bool cached = core_.cache != nullptr && !appended;
    if (cached) {
        if (auto entry = core_.cache->find(table, key)) {
            pinned_ = std::move(entry);
            return pinned_->present ? std::optional<std::string_view>(pinned_->value) : std::nullopt;
        }
    }
    KeyBuffer buffer;
    MDB_val lmdb_key = buffer.set(table, key), stored{};
    if (appended && core_.partitions[place.partition]->is_past_last(table, view(lmdb_key)))
        return std::nullopt;
    core_.lmdb_reads.fetch_add(1, std::memory_order_relaxed);
    const int code = mdb_get(transaction(place.partition), core_.partitions[place.partition]->dbi(table),
                             &lmdb_key, &stored);
    if (code == MDB_NOTFOUND) {
        if (cached && cache_absences_) core_.cache->insert(table, key, {false, {}});
        return std::nullopt;
    }
    if (code != 0) core_.fail_read(core_.tables.describe(place.partition, table, key) + ": read", code);
    const std::string_view row = checked(place.partition, view(lmdb_key), stored, buffer_);
    // What the apply thread reads of a written-back table it mostly writes: the write-back rows will have it.
    if (cached && (cache_absences_ || !spec.written_back))
        core_.cache->insert(table, key, {true, std::string(row)});
    return row;
}

void Snapshot::scan(TableId table, std::string_view low, std::string_view high, Direction direction,
                    const Reader::Visitor& visit) {
    const Tables& tables = core_.tables;
    KONTOR_ASSERT(tables.spec(tables.slot(table)).ordered, "scan of a table that is not ordered");
    KONTOR_ASSERT(low.size() >= tables.spec(tables.slot(table)).partition_key_bytes,
                  "a scan starts within one partition key");
    const Place place = tables.place(table, low);
    // A `high` outside the partition key ends at the end of the partition key: the rows between live in other
    // partitions.
    Range range{std::string(low), successor(tables.partition_key(table, low))};
    if (!high.empty() && (!range.high || high < *range.high)) range.high = std::string(high);
    if (range.is_empty()) return;

    MemRows active(core_.active.get(), place.slot, place.partition, range, direction);
    MemRows frozen(core_.frozen.get(), place.slot, place.partition, range, direction);
    DiskRows disk(core_, transaction(place.partition), place.partition, table, range, direction);
    RowBuffer buffer;  // of its own: the visitor may read
    const auto before = [&](std::string_view a, std::string_view b) {
        return direction == Direction::ascending ? a < b : b < a;
    };
    while (active.valid() || frozen.valid() || disk.valid()) {
        std::optional<std::string_view> key;
        if (disk.valid()) key = disk.key();
        if (frozen.valid() && (!key || before(frozen.key(), *key))) key = frozen.key();
        if (active.valid() && (!key || before(active.key(), *key))) key = active.key();
        const bool in_active = active.valid() && active.key() == *key;
        const bool in_frozen = frozen.valid() && frozen.key() == *key;
        const bool on_disk = disk.valid() && disk.key() == *key;
        const std::uint64_t writes = core_.active->writes();
        bool more = true;
        if (in_active || in_frozen) {
            const MemRow& row = in_active ? active.row() : frozen.row();
            if (!row.erased) more = visit(*key, row.value());
        } else {
            more = visit(*key, checked(place.partition, disk.lmdb_key(), disk.stored(), buffer));
        }
        if (!more) return;
        // A visitor that writes sees, further on, what it wrote: the same whether a row was in memory or on
        // disk, since that differs between nodes.
        if (core_.active->writes() != writes)
            active.seek_past(*key);
        else if (in_active)
            active.next();
        if (in_frozen) frozen.next();
        if (on_disk) disk.next();
    }
}

bool Snapshot::is_in_memory(unsigned slot, std::string_view key) const {
    const TableSpec& spec = core_.tables.spec(slot);
    const Place place = core_.tables.place(spec.id, key);
    if (find_in_memory(place, key) != nullptr) return true;
    return spec.written_back && core_.write_back[place.partition]->find(place, key) != nullptr;
}

bool Snapshot::each_on_disk(unsigned slot, unsigned partition, const Reader::Visitor& visit) {
    const TableId table = core_.tables.spec(slot).id;
    // Transactions of its own: renewing the snapshot's would pull views away from a visitor that reads.
    ReadTransactions transactions(core_.partitions);
    std::string last;
    RowBuffer buffer;
    while (true) {
        MDB_txn* const transaction = core_.transaction_of(transactions, partition);
        DiskRows rows(core_, transaction, partition, table, Range{last, std::nullopt}, Direction::ascending);
        if (rows.valid() && !last.empty() && rows.key() == last) rows.next();
        for (unsigned seen = 0; seen < kRowsPerTransaction && rows.valid(); ++seen, rows.next()) {
            last = rows.key();
            if (is_in_memory(slot, last)) continue;
            if (!visit(last, checked(partition, rows.lmdb_key(), rows.stored(), buffer))) return false;
        }
        if (!rows.valid()) return true;
        transactions.reset();
    }
}

bool Snapshot::each_in_memory(unsigned slot, unsigned partition, const Reader::Visitor& visit) {
    const auto show = [&](std::string_view key, const MemRow& row) {
        return row.erased || visit(key, row.value());
    };
    const TableId table = core_.tables.spec(slot).id;
    if (core_.tables.spec(slot).written_back) {
        const bool more = core_.write_back[partition]->each(slot, [&](const WriteBackRow& row) {
            // Whether something shadows it comes first: such a row may be changing.
            return find_in_memory(core_.tables.place(table, row.key()), row.key()) != nullptr || row.erased ||
                   visit(row.key(), row.value());
        });
        if (!more) return false;
    }
    if (core_.frozen) {
        const bool more = core_.frozen->each(slot, partition, [&](std::string_view key, const MemRow& row) {
            return core_.active->find(core_.tables.place(table, key), key) != nullptr || show(key, row);
        });
        if (!more) return false;
    }
    return core_.active->each(slot, partition, show);
}

void Snapshot::for_each(TableId table, const Reader::Visitor& visit) {
    const unsigned slot = core_.tables.slot(table);
    const std::uint64_t writes = core_.active->writes();
    const std::shared_lock no_eviction(core_.eviction);  // between the visits of disk and memory
    for (unsigned partition = 0; partition < core_.tables.partitions(); ++partition) {
        if (!each_on_disk(slot, partition, visit)) return;
        if (!each_in_memory(slot, partition, visit)) return;
        KONTOR_ASSERT(core_.active->writes() == writes, "a visitor of for_each() that writes");
    }
}

}  // namespace kontor::store
