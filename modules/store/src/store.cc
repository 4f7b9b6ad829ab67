#include "kontor/store/store.h"

#include <array>
#include <mutex>

#include "checkpointer.h"
#include "copy_source.h"
#include "entry_hasher.h"
#include "entry_lock.h"
#include "folder.h"
#include "kept_redo.h"
#include "kontor/cache/row_cache.h"
#include "kontor/store/hashing.h"
#include "kontor/store/replace_folder.h"
#include "kontor/store/tables.h"
#include "snapshot.h"
#include "views.h"

namespace kontor::store {
namespace {

constexpr std::uint64_t kMaxPagesPerCommit = 60'000;  // LMDB spills dirty pages near 131,000
constexpr std::size_t kCheckpointHistory = 16;
constexpr std::uint64_t kHurryAt = 2;  // a checkpoint hurries once the next memtable is full to a half

// Which stores this thread is inside read() of: a second read lock could wait for a writer that waits for the
// first.
struct ReadFrame {
    const void* store;
    const ReadFrame* outer;
};
thread_local const ReadFrame* innermost_read = nullptr;

bool is_reading(const void* store) {
    for (const ReadFrame* frame = innermost_read; frame != nullptr; frame = frame->outer)
        if (frame->store == store) return true;
    return false;
}

class ReadScope {
 public:
    ReadScope(const void* store, EntryLock& lock)
        : lock_(is_reading(store) ? nullptr : &lock), frame_{store, innermost_read} {
        if (lock_ != nullptr) lock_->lock_shared();
        innermost_read = &frame_;
    }
    ~ReadScope() {
        innermost_read = frame_.outer;
        if (lock_ != nullptr) lock_->unlock_shared();
    }
    ReadScope(const ReadScope&) = delete;
    ReadScope& operator=(const ReadScope&) = delete;

 private:
    EntryLock* lock_;
    ReadFrame frame_;
};

class SnapshotReader final : public Reader {
 public:
    explicit SnapshotReader(Core& core) : snapshot_(core, true) {}
    std::optional<std::string_view> get(TableId table, std::string_view key) const override {
        return snapshot_.get(table, key);
    }
    void prefetch(TableId table, std::string_view key, Fetch what) const override {
        snapshot_.prefetch(table, key, what);
    }
    void scan(TableId table, std::string_view low, std::string_view high, Direction direction,
              const Visitor& visit) const override {
        snapshot_.scan(table, low, high, direction, visit);
    }
    [[nodiscard]] Snapshot& snapshot() const { return snapshot_; }

 private:
    mutable Snapshot snapshot_;
};

class EntryWriter final : public Writer {
 public:
    explicit EntryWriter(Core& core) : core_(core), snapshot_(core, false), hash_(core.tables) {}

    void begin(std::string_view previous_hash) {
        KONTOR_ASSERT(!open_, "begin() inside an entry");
        open_ = true;
        hash_.begin(previous_hash);
    }
    EntryHash commit(std::uint64_t index) {
        KONTOR_ASSERT(open_, "commit() without begin()");
        open_ = false;
        snapshot_.release();
        return hash_.finish(index);
    }
    [[nodiscard]] bool is_open() const { return open_; }
    [[nodiscard]] std::string_view changed_rows() const { return hash_.rows(); }
    [[nodiscard]] Snapshot& snapshot() const { return snapshot_; }

    std::optional<std::string_view> get(TableId table, std::string_view key) const override {
        KONTOR_ASSERT(open_, "the writer reads between begin() and commit() only");
        return snapshot_.get(table, key);
    }
    void prefetch(TableId table, std::string_view key, Fetch what) const override {
        snapshot_.prefetch(table, key, what);
    }
    void scan(TableId table, std::string_view low, std::string_view high, Direction direction,
              const Visitor& visit) const override {
        KONTOR_ASSERT(open_, "the writer reads between begin() and commit() only");
        snapshot_.scan(table, low, high, direction, visit);
    }
    void put(TableId table, std::string_view key, std::string_view value) override {
        check(key);
        KONTOR_ASSERT(value.size() <= kMaxValueBytes, "row value too long");
        const Place place = core_.tables.place(table, key);
        hash_.put(place, key, value);
        core_.active->put(place, key, value);
    }
    void erase(TableId table, std::string_view key) override {
        check(key);
        const Place place = core_.tables.place(table, key);
        hash_.erase(place, key);
        core_.active->erase(place, key);
    }

 private:
    void check(std::string_view key) const {
        KONTOR_ASSERT(open_, "rows change between begin() and commit() only");
        KONTOR_ASSERT(!key.empty() && key.size() <= kMaxKeyBytes, "row key of an impossible length");
    }

    Core& core_;
    mutable Snapshot snapshot_;
    EntryHasher hash_;
    bool open_ = false;
};

class StoreImpl final : public Store {
 public:
    StoreImpl(StoreOptions options, Folder folder)
        : options_(std::move(options)),
          lock_file_(std::move(folder.lock)),
          core_(std::move(folder), options_),
          writer_(core_),
          views_(core_, options_.max_view_ms, options_.max_view_growth_bytes),
          kept_redo_(folder.redo_folder, folder.checkpoint.index,
                     first_needed_redo(folder.merged, folder.checkpoint.index),
                     {options_.transfer_lease_ms, options_.max_transfers, options_.transfer_max_kept_bytes}),
          source_(core_, options_, folder.redo_folder, kept_redo_,
                  {[this] { return merged_checkpoint(); },
                   [this](unsigned partition) { checkpointer_.merge(partition); }}),
          checkpointer_(core_, entry_lock_, options_, folder.redo_folder, folder.merged, folder.checkpoint,
                        {[this](const CheckpointMeta& meta) { publish_checkpoint(meta); },
                         [this](const CheckpointMeta& meta) {
                             if (on_checkpoint) on_checkpoint(meta);
                         },
                         [this](std::uint64_t index) { return kept_redo_.note_complete(index); },
                         [this](std::uint64_t index) { return kept_redo_.remove_old(index); },
                         [this](std::uint64_t index) { return kept_redo_.bytes_above(index); }}) {
        applied_index_.store(folder.checkpoint.index);
        applied_time_ms_ = folder.checkpoint.time_ms;
        state_hash_ = folder.checkpoint.state_hash;
        checkpoint_index_.store(folder.checkpoint.index);
        checkpoints_[0] = std::move(folder.checkpoint);
        // Rows of another life of this store would be stale.
        if (options_.cache != nullptr) options_.cache->clear();
    }
    ~StoreImpl() override {
        if (writer_.is_open() && !abandoned_) {  // an entry that failed half-way: it never was
            writer_.snapshot().release();
            entry_lock_.unlock();
        }
    }

    [[nodiscard]] const CheckpointMeta& checkpoint() const override {
        return checkpoints_[newest_checkpoint_.load(std::memory_order_acquire) % kCheckpointHistory];
    }

    Writer& writer() override { return writer_; }

    void begin() override {
        KONTOR_ASSERT(!is_reading(this), "begin() inside read() of the same thread");
        entry_lock_.lock();
        writer_.begin(state_hash_);
    }

    void commit(std::uint64_t index, std::int64_t time_ms) override {
        KONTOR_ASSERT(index > applied_index(), "log indexes only grow");
        EntryHash hash = writer_.commit(index);
        {
            const std::scoped_lock lock(hash_mutex_);
            state_hash_ = hash.hash;
        }
        entry_hashes_.add(std::move(hash));
        entry_rows_.add(index, writer_.changed_rows());
        applied_time_ms_ = time_ms;
        applied_index_.store(index, std::memory_order_release);
        active_bytes_.store(core_.active->bytes(), std::memory_order_relaxed);
        active_rows_.store(core_.active->rows(), std::memory_order_relaxed);
        entry_lock_.unlock();
    }

    void abandon() override {
        KONTOR_ASSERT(writer_.is_open(), "abandon() of no entry");
        abandoned_ = true;
        writer_.snapshot().release();
        entry_lock_.unlock();
    }

    [[nodiscard]] bool should_checkpoint(std::uint64_t now_ms) const override {
        if (options_.read_only) return false;
        if (is_busy()) {
            if (core_.active->bytes() >= options_.memtable_bytes / kHurryAt) checkpointer_.hurry();
            return false;
        }
        if (applied_index() == checkpoint().index) return false;
        if (core_.active->bytes() >= options_.memtable_bytes) return true;
        if (!dirty_since_ms_) dirty_since_ms_ = now_ms;
        return now_ms - *dirty_since_ms_ >= options_.checkpoint_interval_ms;
    }

    [[nodiscard]] bool must_wait() const override {
        return is_busy() && core_.active->bytes() >= options_.memtable_bytes;
    }

    void freeze(std::string replication_meta) override {
        KONTOR_ASSERT(!writer_.is_open(), "freeze() between commit() and begin() only");
        KONTOR_ASSERT(replication_meta.size() <= kMaxReplicationMetaBytes, "replication meta too long");
        if (options_.read_only) return;
        checkpointer_.wait();
        if (has_frozen_.load() || core_.failure() || applied_index() == checkpoint().index)
            return;  // failed before; nothing new
        CheckpointMeta from = checkpoint();
        CheckpointMeta to{applied_index(), std::move(replication_meta), state_hash(), applied_time_ms_};
        auto next = std::make_unique<MemTable>(core_.tables, core_.huge_blocks);
        entry_lock_.lock();
        frozen_rows_.store(core_.active->rows(), std::memory_order_relaxed);
        core_.frozen = std::exchange(core_.active, std::move(next));
        has_frozen_.store(true);
        active_bytes_.store(0, std::memory_order_relaxed);
        active_rows_.store(0, std::memory_order_relaxed);
        entry_lock_.unlock();
        dirty_since_ms_.reset();
        views_.enforce();
        source_.enforce();
        const std::scoped_lock no_views(views_.checkpoint_mutex());
        checkpointer_.start(std::move(from), std::move(to));
    }

    void wait_for_checkpoint() override { checkpointer_.wait(); }

    void read(const std::function<void(const Reader&, std::uint64_t)>& body) const override {
        const ReadScope scope(this, entry_lock_);
        if (abandoned_)
            throw StoreFailure("an entry failed half-way: nothing is read from this store any more");
        const SnapshotReader reader(core_);
        body(reader, applied_index());
    }

    [[nodiscard]] std::uint64_t applied_index() const override {
        return applied_index_.load(std::memory_order_acquire);
    }
    [[nodiscard]] std::string state_hash() const override {
        const std::scoped_lock lock(hash_mutex_);
        return state_hash_;
    }

    [[nodiscard]] std::optional<EntryHash> entry_hash(std::uint64_t index) const override {
        return entry_hashes_.find(index);
    }
    [[nodiscard]] std::optional<EntryHash> entry_hash_from(std::uint64_t index) const override {
        return entry_hashes_.find_from(index);
    }
    [[nodiscard]] std::string entry_rows(std::uint64_t index, TableId table,
                                         unsigned partition) const override {
        return entry_rows_.find(index, table, partition);
    }

    [[nodiscard]] StoreStats stats() const override {
        StoreStats stats;
        stats.memtable_bytes = active_bytes_.load(std::memory_order_relaxed);
        stats.memtable_rows = active_rows_.load(std::memory_order_relaxed);
        stats.frozen_rows = frozen_rows_.load(std::memory_order_relaxed);
        stats.checkpoints = checkpointer_.completed();
        stats.last_checkpoint_index = checkpoint_index_.load(std::memory_order_relaxed);
        stats.last_checkpoint_ms = checkpointer_.last_duration_ms();
        stats.lmdb_reads = core_.lmdb_reads.load(std::memory_order_relaxed);
        stats.merges = checkpointer_.merges();
        stats.write_back_hits = core_.write_back_hits.load(std::memory_order_relaxed);
        for (const auto& write_back : core_.write_back) {
            stats.write_back_rows += write_back->rows();
            stats.write_back_bytes += write_back->bytes();
            stats.write_back_dirty_bytes += write_back->dirty_bytes();
        }
        stats.redo_bytes = kept_redo_.bytes_above(0);
        views_.fill(stats);
        return stats;
    }

    [[nodiscard]] Result<void> failure() const override {
        if (auto error = core_.failure()) return fail(*std::move(error));
        return {};
    }

    [[nodiscard]] Result<std::unique_ptr<CheckpointView>> view_checkpoint() const override {
        KONTOR_ASSERT(!is_reading(this), "view_checkpoint() inside read()");
        if (options_.read_only)
            return fail(ErrorCode::unsupported, "a store that is only looked at has no checkpoints");
        // Most of it while checkpoints go on, then what came meanwhile; and the rest while no checkpoint
        // begins: not at leisure, since apply waits when the memtable is full.
        for (int round = 0; round < 2; ++round) checkpointer_.merge_all();
        return views_.open([this] {
            checkpointer_.wait();
            checkpointer_.hurry();
            checkpointer_.merge_all();
            return checkpoint();
        });
    }

    [[nodiscard]] CopySource& copy_source() const override { return source_; }

    void for_each(const Reader& reader, TableId table, const Reader::Visitor& visit) const override {
        if (&reader == &writer_) {
            KONTOR_ASSERT(writer_.is_open(), "the writer reads between begin() and commit() only");
            writer_.snapshot().for_each(table, visit);
            return;
        }
        const auto* mine = dynamic_cast<const SnapshotReader*>(&reader);
        KONTOR_ASSERT(mine != nullptr, "for_each() with a reader that is not this store's");
        mine->snapshot().for_each(table, visit);
    }

 private:
    // A checkpoint that all partitions have in all tables. If it is not the newest one, redo files above it
    // say the rest, and only its index is known.
    [[nodiscard]] CheckpointMeta merged_checkpoint() const {
        const std::uint64_t index = checkpointer_.merged_index();
        const CheckpointMeta& newest = checkpoint();
        if (newest.index <= index) return newest;  // less: about to be published
        return CheckpointMeta{index, "", std::string(kStateHashBytes, '\0'), 0};
    }

    // From freeze() until the frozen memtable is gone and reported; for ever after a failure.
    [[nodiscard]] bool is_busy() const { return checkpointer_.is_running() || has_frozen_.load(); }

    // On the checkpoint thread, under the entry lock.
    void publish_checkpoint(const CheckpointMeta& meta) {
        const std::size_t next = newest_checkpoint_.load(std::memory_order_relaxed) + 1;
        checkpoints_[next % kCheckpointHistory] = meta;
        newest_checkpoint_.store(next, std::memory_order_release);
        checkpoint_index_.store(meta.index, std::memory_order_relaxed);
        frozen_rows_.store(0, std::memory_order_relaxed);
        has_frozen_.store(false);
    }

    const StoreOptions options_;
    File lock_file_;
    mutable EntryLock entry_lock_;
    mutable Core core_;
    EntryWriter writer_;      // apply thread
    bool abandoned_ = false;  // guarded by entry_lock_
    mutable Views views_;

    std::atomic<std::uint64_t> applied_index_{0};
    std::int64_t applied_time_ms_ = 0;                     // apply thread
    mutable std::optional<std::uint64_t> dirty_since_ms_;  // apply thread
    mutable std::mutex hash_mutex_;
    std::string state_hash_;  // written by the apply thread under hash_mutex_

    EntryHashes entry_hashes_;
    EntryRows entry_rows_;

    // checkpoint() returns a reference that any thread may read: the last few stay in place.
    std::array<CheckpointMeta, kCheckpointHistory> checkpoints_;
    std::atomic<std::size_t> newest_checkpoint_{0};
    std::atomic<std::uint64_t> checkpoint_index_{0};
    std::atomic<bool> has_frozen_{false};
    std::atomic<std::uint64_t> active_bytes_{0}, active_rows_{0}, frozen_rows_{0};

    KeptRedo kept_redo_;
    mutable CopySourceImpl source_;
    mutable Checkpointer checkpointer_;  // last: its thread uses the rest
};

Result<void> check_options(const StoreOptions& options) {
    const auto bad = [](const std::string& what) {
        return fail(ErrorCode::invalid_argument, "store: " + what);
    };
    if (options.folder.empty()) return bad("no folder");
    if (options.partitions > kMaxPartitions)
        return bad("partitions must be 1.." + std::to_string(kMaxPartitions));
    if (options.max_pages_per_commit < 1 || options.max_pages_per_commit > kMaxPagesPerCommit)
        return bad("max_pages_per_commit must be 1.." + std::to_string(kMaxPagesPerCommit));
    if (options.write_back_bytes == 0 || options.redo_bytes == 0)
        return bad("write_back_bytes and redo_bytes must not be 0");
    if (options.merge_bytes == 0) return bad("merge_bytes must not be 0");
    if (options.memtable_bytes == 0) return bad("memtable_bytes must not be 0");
    return Tables::check(options.tables);
}

}  // namespace

Result<std::unique_ptr<Store>> Store::open(StoreOptions options) {
    KONTOR_CHECK(check_options(options));
    KONTOR_CHECK(finish_store_replacement(options.folder, options.crash_point));
    KONTOR_TRY(auto folder, open_folder(options));
    return std::unique_ptr<Store>(std::make_unique<StoreImpl>(std::move(options), std::move(folder)));
}

}  // namespace kontor::store
