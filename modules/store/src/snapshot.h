#pragma once
// Reading the rows as of one applied index: active memtable, then frozen memtable, then, of written-back
// tables, the write-back rows (write_back_rows.h), then cache, then LMDB.
//
// Why this is one consistent state: a Snapshot lives inside the entry lock (shared in read(), exclusive from
// begin() to commit()), and the memtables change or go only under its exclusive side. A checkpoint commits
// partitions without that lock, but every row it changes is in the frozen memtable, or in the write-back rows
// if it merges, and both shadow LMDB until all are in. So it does not matter whether a read transaction
// begins before or after a partition's commit.
//
// Why the cache is never stale: only rows that neither memtable nor the write-back rows know are read from
// LMDB and inserted, and the value LMDB holds for such a row cannot change before the lock is released. The
// checkpointer puts the new values of frozen rows into the cache while the frozen memtable still shadows
// them. Rows of written-back tables are taken out of it then instead: the write-back rows have them, and LMDB
// only later.
//
// Threading: one thread per Snapshot. Errors: StoreFailure, also noted as the store's failure.

#include <lmdb.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <shared_mutex>
#include <string_view>
#include <vector>

#include "folder.h"
#include "kontor/cache/row_cache.h"
#include "kontor/store/row_store.h"
#include "kontor/store/tables.h"
#include "mem_table.h"
#include "partition.h"
#include "write_back_rows.h"

namespace kontor::store {

// One read transaction per partition, begun when first needed; reset (not held) between uses.
class ReadTransactions {
 public:
    explicit ReadTransactions(const std::vector<std::unique_ptr<Partition>>& partitions);
    ~ReadTransactions();
    ReadTransactions(const ReadTransactions&) = delete;
    ReadTransactions& operator=(const ReadTransactions&) = delete;

    // Answers LMDB's code; 0: `transaction` is set.
    [[nodiscard]] int get(unsigned partition, MDB_txn*& transaction);
    void reset();

 private:
    const std::vector<std::unique_ptr<Partition>>& partitions_;
    std::vector<MDB_txn*> transactions_;
    std::vector<unsigned> live_;
    std::vector<char> is_live_;
};

// What store, checkpointer and snapshots share.
struct Core {
    Core(Folder&& folder, const StoreOptions& options);

    const std::unique_ptr<const Tables> declared;
    const Tables& tables;
    const std::vector<std::unique_ptr<Partition>> partitions;
    const std::vector<std::unique_ptr<WriteBackRows>> write_back;  // by partition
    // Held (shared) while write-back rows are visited, so that none goes meanwhile.
    mutable std::shared_mutex eviction;
    cache::RowCache* const cache;
    HugeBlocks huge_blocks;  // of the memtables

    // Guarded by the store's entry lock.
    std::unique_ptr<MemTable> active;
    std::unique_ptr<MemTable> frozen;

    std::atomic<std::uint64_t> lmdb_reads{0}, write_back_hits{0};

    void fail(Error error);  // the first one stays
    [[nodiscard]] std::optional<Error> failure() const;
    [[noreturn]] void fail_read(Error error);                        // notes and throws it
    [[noreturn]] void fail_read(const std::string& what, int code);  // of LMDB, the same
    [[nodiscard]] MDB_txn* transaction_of(ReadTransactions& transactions, unsigned partition);

    std::unique_ptr<ReadTransactions> borrow_transactions();
    void give_back(std::unique_ptr<ReadTransactions> transactions);

 private:
    mutable std::mutex mutex_;
    std::optional<Error> failure_;                          // guarded by mutex_
    std::vector<std::unique_ptr<ReadTransactions>> spare_;  // guarded by mutex_
};

class Snapshot {
 public:
    // `cache_absences`: not on the apply thread, whose misses are mostly ids that are about to be used once.
    Snapshot(Core& core, bool cache_absences) : core_(core), cache_absences_(cache_absences) {}
    ~Snapshot() { release(); }
    Snapshot(const Snapshot&) = delete;
    Snapshot& operator=(const Snapshot&) = delete;

    [[nodiscard]] std::optional<std::string_view> get(TableId table, std::string_view key);
    void prefetch(TableId table, std::string_view key, Fetch what) const;
    void scan(TableId table, std::string_view low, std::string_view high, Direction direction,
              const Reader::Visitor& visit);
    void for_each(TableId table, const Reader::Visitor& visit);
    void release();  // ends the read transactions; views die with them

 private:
    [[nodiscard]] MDB_txn* transaction(unsigned partition);
    [[nodiscard]] std::string_view checked(unsigned partition, std::string_view lmdb_key,
                                           const MDB_val& stored, RowBuffer& buffer);
    [[nodiscard]] const MemRow* find_in_memory(const Place& place, std::string_view key) const;
    [[nodiscard]] bool is_in_memory(unsigned slot, std::string_view key) const;
    bool each_on_disk(unsigned slot, unsigned partition, const Reader::Visitor& visit);
    bool each_in_memory(unsigned slot, unsigned partition, const Reader::Visitor& visit);
    friend class DiskRows;

    Core& core_;
    const bool cache_absences_;
    std::unique_ptr<ReadTransactions> transactions_;
    RowBuffer buffer_;                                      // or this, or LMDB's page
    std::shared_ptr<const cache::RowCache::Entry> pinned_;  // what the last get() returned a view of
};

}  // namespace kontor::store
