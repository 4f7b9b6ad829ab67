#pragma once
// The store: memtable over checkpoints in P LMDB partitions.
//
//   apply thread:   begin(); writer().put(...); commit(index)      in memory only
//   any thread:     read([](const Reader&, index) { ... })          sees whole entries only
//   apply thread:   freeze(meta) when should_checkpoint()           starts a checkpoint in the background
//   checkpoint:     redo file + fsync -> one durable commit per partition -> on_checkpoint(index)
//                   (rows of written-back tables: redo file now, partitions later)
//
// Durability is the log's job: what was applied after the last checkpoint is replayed from the log.
// A crash at any moment, also between two partition commits, recovers to the last complete redo file.
//
// Threading: begin/commit/freeze/writer only on the apply thread; read() anywhere.
// Ownership: the Store owns its folder (lock file) and threads; destroy it after everything that reads.
// Errors: a failed write or fsync stops the checkpointer, is reported by failure(), and the node stops; so
// does a StoreFailure, which also shows in failure(). Thrown between begin() and commit(), it leaves an entry
// that must never be published: the node says abandon() and ends. Limits: see StoreOptions. Formats:
// docs/formats/redo.md, docs/formats/partition.md.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/entry_hash.h"
#include "kontor/store/row_store.h"

namespace kontor::cache {
class RowCache;
}

namespace kontor::store {

struct StoreOptions {
    std::string folder;
    std::vector<TableSpec> tables;
    unsigned partitions = 8;  // chosen when the folder is made; checked afterwards. 1..64; 0: as it was made
    std::uint64_t map_bytes = std::uint64_t{256} << 30;  // sparse address space per partition
    std::uint64_t memtable_bytes = 64ULL << 20;          // freeze above this
    std::uint64_t checkpoint_interval_ms = 5'000;        // or when this old (the node asks)
    std::uint64_t max_pages_per_commit = 40'000;         // below LMDB's spill threshold
    // Partitions that together are not larger are checked whole when opened (about 1 s a GiB, once in
    // memory): rows have checksums, but a damaged page of the tree can hide rows. Larger ones are only by
    // `verify` of a stopped node.
    std::uint64_t check_up_to_bytes = 64ULL << 20;
    // A view of a checkpoint keeps freed pages from being used again; beyond one of these it ends.
    std::uint64_t max_view_ms = 600'000;
    std::uint64_t max_view_growth_bytes = 2ULL << 30;
    // Copies for other nodes (copy_source.h): how long one lives that asks for nothing, how many live at
    // once, and how much of redo files is kept for them.
    std::uint64_t transfer_lease_ms = 60'000;
    std::size_t max_transfers = 4;
    std::uint64_t transfer_max_kept_bytes = 4ULL << 30;
    // Rows of written-back tables in memory: after a checkpoint at most three quarters of these bytes hold
    // what is not in the partitions yet, the rest is a cache. And about how large the redo files may become
    // that hold it, which is what a start after a crash reads: beyond, one partition a checkpoint is brought
    // up to date.
    std::uint64_t write_back_bytes = 256ULL << 20;
    std::uint64_t redo_bytes = 1ULL << 30;
    std::uint64_t merge_bytes = 64ULL << 20;  // of rows that are brought there in one piece
    // Only look: nothing in the folder is written, which may be on a read-only disk. What recovery would
    // write, and what is applied, stays in memory; there are no checkpoints.
    bool read_only = false;
    cache::RowCache* cache = nullptr;  // hot rows between memtable and LMDB; may be null
    // Before a try to take `bytes` on the disk, with how many failed since there was no room; may wait, on
    // threads of checkpoints or in open(). False: give up. Null: the first failure is the store's.
    std::function<bool(std::uint64_t bytes, unsigned failed)> wait_for_space;
    // Test seam: called with a step's name ("redo-synced", "partition-3-committed", …); may _exit the
    // process.
    std::function<void(const char* step)> crash_point;
};

inline constexpr std::uint32_t kLayoutVersion = 5;  // rows of the state among it (docs/formats/state.md)
inline constexpr std::size_t kMaxReplicationMetaBytes = 512U << 10U;  // with the rest below kMaxValueBytes

// What a checkpoint stands for. `replication_meta` is opaque to the store (term, configuration).
struct CheckpointMeta {
    std::uint64_t index = 0;  // last applied log index contained
    std::string replication_meta;
    std::string state_hash;    // 16 bytes; chained over the entries (entry_hash.h)
    std::int64_t time_ms = 0;  // batch time of that entry
};

class CopySource;  // copy_source.h

// By reads of a CheckpointView that ended at its limits: says nothing about the rows.
struct ViewEnded : StoreFailure {
    explicit ViewEnded(Error why) : StoreFailure(why.describe()), error(std::move(why)) {}
    Error error;
};

// The rows as of the newest checkpoint, all at one log index, for visits that take long: once it is open,
// nothing waits for it. It ends by itself beyond max_view_ms or max_view_growth_bytes; for_each() answers
// timeout then. One thread; destroy it before the store. A visitor must not block.
class CheckpointView {
 public:
    virtual ~CheckpointView() = default;
    [[nodiscard]] virtual const CheckpointMeta& meta() const = 0;
    // Every row of a table, in no particular order across partitions. StoreFailure as everywhere.
    [[nodiscard]] virtual Result<void> for_each(TableId table, const Reader::Visitor& visit) = 0;
    // Look-ups in the same rows, also by a visitor. It throws ViewEnded when the view has ended.
    [[nodiscard]] virtual const Reader& reader() const = 0;
};
inline constexpr std::size_t kMaxCheckpointViews = 4;

struct StoreStats {
    std::uint64_t memtable_bytes = 0, memtable_rows = 0, frozen_rows = 0;
    std::uint64_t checkpoints = 0, last_checkpoint_index = 0, last_checkpoint_ms = 0;
    std::uint64_t lmdb_reads = 0;
    // Of written-back tables: in memory, of that not in partitions yet, reads answered so, merges of a
    // partition; and bytes of the redo files that are needed or kept.
    std::uint64_t write_back_rows = 0, write_back_bytes = 0, write_back_dirty_bytes = 0, write_back_hits = 0,
                  merges = 0;
    std::uint64_t redo_bytes = 0;
    std::uint64_t partition_bytes = 0;            // pages of all partitions, free ones included
    std::uint64_t views = 0, oldest_view_ms = 0;  // of checkpoints
};

class Store {
 public:
    // Opens or makes the folder; applies complete redo files, drops an incomplete newest one; refuses
    // partitions at different indexes without one, and a folder of another layout version.
    static Result<std::unique_ptr<Store>> open(StoreOptions options);
    virtual ~Store() = default;

    // As of open; then the newest. Any thread; copy it: the place is used again after 15 further checkpoints.
    [[nodiscard]] virtual const CheckpointMeta& checkpoint() const = 0;

    // --- apply thread ---
    [[nodiscard]] virtual Writer& writer() = 0;  // reads and writes between begin() and commit() only
    virtual void begin() = 0;                    // takes the entry lock
    virtual void commit(std::uint64_t index, std::int64_t time_ms) = 0;  // publishes the entry to readers
    // Instead of commit(), after a StoreFailure: the entry is never published, and every later read() throws.
    virtual void abandon() = 0;
    [[nodiscard]] virtual bool should_checkpoint(std::uint64_t now_ms) const = 0;  // and none is running
    [[nodiscard]] virtual bool must_wait()
        const = 0;  // memtable full while a checkpoint still runs: back-pressure
    virtual void freeze(std::string replication_meta) = 0;  // between commit and begin
    virtual void wait_for_checkpoint() = 0;                 // blocks until none is running

    // --- any thread ---
    // Keep it short: the next entry waits. May be nested; not inside begin()..commit() of the same thread.
    virtual void read(const std::function<void(const Reader&, std::uint64_t index)>& body) const = 0;
    [[nodiscard]] virtual std::uint64_t applied_index() const = 0;
    [[nodiscard]] virtual std::string state_hash() const = 0;  // of applied_index()
    // What an entry did, as hashes to compare with other nodes' (entry_hash.h): of the newest 4,096, or so
    // many as fit into 4 MiB; none of before open().
    [[nodiscard]] virtual std::optional<EntryHash> entry_hash(std::uint64_t index) const = 0;
    // The oldest of those whose index is at least this one.
    [[nodiscard]] virtual std::optional<EntryHash> entry_hash_from(std::uint64_t index) const = 0;
    // What an entry changed in one bucket, as bytes for differing_keys(); "" when it is not kept any more: of
    // the newest entries, up to 16 MiB.
    [[nodiscard]] virtual std::string entry_rows(std::uint64_t index, TableId table,
                                                 unsigned partition) const = 0;
    [[nodiscard]] virtual StoreStats stats() const = 0;
    [[nodiscard]] virtual Result<void> failure() const = 0;  // the first background failure, if any
    // Visits every row of a table in no particular order across partitions, in bounded read transactions;
    // for verify, rebuilds and snapshots. Sees one consistent applied index only when nothing is applied
    // meanwhile (a stopped node, or under read()).
    virtual void for_each(const Reader& reader, TableId table, const Reader::Visitor& visit) const = 0;

    // Any thread, not inside read(). Waits for a checkpoint that runs, and until all partitions have what was
    // only in redo files; towards the end of that no other checkpoint begins. overloaded: kMaxCheckpointViews
    // are open.
    [[nodiscard]] virtual Result<std::unique_ptr<CheckpointView>> view_checkpoint() const = 0;

    // Any thread: what copies for other nodes are made from, while this one serves.
    [[nodiscard]] virtual CopySource& copy_source() const = 0;

    // Called on the checkpoint thread once everything up to `meta.index` is durable, in partitions or in redo
    // files that stay until it is.
    std::function<void(const CheckpointMeta& meta)> on_checkpoint;
};

}  // namespace kontor::store
