#include "checkpointer.h"

#include <pthread.h>

#include <algorithm>
#include <chrono>
#include <exception>
#include <utility>

#include "kontor/base/log.h"

namespace kontor::store {
namespace {

// What checkpoints of a memtable that is not full keep redo files to, of their limit: there is time for it,
// and the next start has less to read.
constexpr std::uint64_t kIdleShare = 16;
constexpr std::uint64_t kRedoOverheadBytes = 1U << 20;
constexpr unsigned kPiecesOverLimit = 2;  // of a merge, after one checkpoint
// Without a hurry, what one transaction of a partition may touch (8 MiB). The log's next sync stands behind
// what the disk was just given.
constexpr std::uint64_t kGentlePagesPerCommit = 2048;

template <typename Piece>
Result<void> caught(const Piece& piece) {
    try {
        return piece();
    } catch (const std::exception& error) {
        return fail(ErrorCode::internal, std::string("checkpoint: ") + error.what());
    }
}

}  // namespace

Checkpointer::Checkpointer(Core& core, EntryLock& entry_lock, const StoreOptions& options,
                           std::string redo_folder, std::vector<std::uint64_t> merged, CheckpointMeta at,
                           Hooks hooks)
    : core_(core),
      entry_lock_(entry_lock),
      options_(options),
      redo_folder_(std::move(redo_folder)),
      hooks_(std::move(hooks)),
      max_pages_([this] {
          return hurried_.load(std::memory_order_relaxed)
                     ? options_.max_pages_per_commit
                     : std::min(options_.max_pages_per_commit, kGentlePagesPerCommit);
      }),
      merged_(std::move(merged)),
      at_(std::move(at)),
      wanted_(options.partitions, 0) {
    note_merged();
    thread_ = std::thread([this] { loop(); });
}

Checkpointer::~Checkpointer() {
    {
        const std::scoped_lock lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
}

void Checkpointer::start(CheckpointMeta from, CheckpointMeta to) {
    KONTOR_ASSERT(!is_running(), "one checkpoint at a time");
    {
        const std::scoped_lock lock(mutex_);
        from_ = std::move(from);
        to_ = std::move(to);
        hurried_.store(false, std::memory_order_relaxed);
        running_.store(true, std::memory_order_release);
    }
    changed_.notify_all();
}

void Checkpointer::wait() {
    if (is_running()) hurry();
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !is_running(); });
}

void Checkpointer::hurry() {
    if (hurried_.load(std::memory_order_relaxed)) return;
    {
        const std::scoped_lock lock(mutex_);
        hurried_.store(true, std::memory_order_relaxed);
    }
    changed_.notify_all();
    // The pieces that are under way: somebody else may have the processor.
    first_worker_.hurry();
    second_worker_.hurry();
}

void Checkpointer::merge(unsigned partition) {
    {
        const std::scoped_lock lock(mutex_);
        wanted_[partition] = 1;
    }
    changed_.notify_all();
}

void Checkpointer::merge_all() {
    std::unique_lock lock(mutex_);
    std::fill(wanted_.begin(), wanted_.end(), 1);
    changed_.notify_all();
    changed_.wait(lock, [&] { return stopping_ || std::count(wanted_.begin(), wanted_.end(), 1) == 0; });
}

// Merges that were asked for and checkpoints take turns: neither waits for all of the others.
void Checkpointer::loop() {
    pthread_setname_np(pthread_self(), "checkpoint");
    std::unique_lock lock(mutex_);
    while (true) {
        const auto wants_merge = [&] { return std::count(wanted_.begin(), wanted_.end(), 1) != 0; };
        changed_.wait(lock, [&] { return is_running() || stopping_ || wants_merge(); });
        if (!is_running() && stopping_) return;
        if (wants_merge()) run_wanted_merge(lock);
        if (is_running()) run_checkpoint(lock);
    }
}

// Closing the store does not wait until the disk has room, or until there are descriptors: the log has
// everything.
void Checkpointer::fail_unless_closing(const Error& error) {
    if (error.code != ErrorCode::unavailable) core_.fail(error);
}

void Checkpointer::run_checkpoint(std::unique_lock<std::mutex>& lock) {
    lock.unlock();
    const auto result = caught([this] { return run(); });
    if (!result) {
        log::error("store", "checkpoint of index " + std::to_string(to_.index) +
                                " failed, nothing is lost: " + result.error().describe());
        fail_unless_closing(result.error());
    }
    lock.lock();
    running_.store(false, std::memory_order_release);
    changed_.notify_all();
}

void Checkpointer::run_wanted_merge(std::unique_lock<std::mutex>& lock) {
    const auto number = static_cast<unsigned>(std::find(wanted_.begin(), wanted_.end(), 1) - wanted_.begin());
    lock.unlock();
    Result<void> result;
    if (!core_.failure()) result = caught([&] { return merge_partition(number); });
    if (!result) {
        log::error("store", "merging into partition " + partition_name(number) +
                                " failed, nothing is lost: " + result.error().describe());
        fail_unless_closing(result.error());
    }
    lock.lock();
    wanted_[number] = 0;
    changed_.notify_all();
}

Result<void> Checkpointer::run() {
    const auto started = std::chrono::steady_clock::now();  // for the duration only
    const bool is_full = core_.frozen->bytes() >= options_.memtable_bytes / 2;
    std::vector<PartitionRows> rows(options_.partitions);
    KONTOR_CHECK(each_partition(
        [&](unsigned number) -> Result<void> {
            rows[number] = {core_.frozen->images(number, false), core_.frozen->images(number, true)};
            return {};
        },
        [] { return Result<void>{}; }));
    KONTOR_CHECK(
        with_room(options_, core_.frozen->bytes() + kRedoOverheadBytes, [&] { return write_redo(rows); }));
    KONTOR_CHECK(hooks_.redo_complete(to_.index));
    KONTOR_CHECK(write_partitions(rows));
    rows.clear();  // they point into the memtable
    KONTOR_CHECK(drop_frozen());
    make_room_in_memory();
    const auto took = std::chrono::steady_clock::now() - started;
    last_ms_.store(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()),
        std::memory_order_relaxed);
    completed_.fetch_add(1, std::memory_order_relaxed);
    hooks_.done(to_);
    KONTOR_CHECK(merge_due(is_full ? options_.redo_bytes : options_.redo_bytes / kIdleShare));
    KONTOR_CHECK(hooks_.remove_old_redo(first_needed_redo(merged_, to_.index)));
    if (options_.crash_point) options_.crash_point("redo-removed");
    return {};
}

// The entry lock was just held: nobody looks any more at what was taken out before, and what is clean by now
// is in every transaction that readers may begin.
void Checkpointer::make_room_in_memory() {
    const std::unique_lock lock(core_.eviction, std::try_to_lock);  // somebody visits: the next time
    for (const auto& write_back : core_.write_back) {
        write_back->reclaim();
        if (lock.owns_lock()) write_back->evict(options_.write_back_bytes / options_.partitions);
    }
}

// The partition that has waited longest, once redo files above what it stands for exceed the limit; that it
// is one a checkpoint spreads the work. (So they may exceed it, by what is written in as many checkpoints as
// there are partitions.) A large one goes in pieces and begins earlier, since the next checkpoint waits.
// Before memory is full, those with most to write.
Result<void> Checkpointer::merge_due(std::uint64_t redo_limit) {
    const unsigned next = pieces_ ? pieces_->partition : longest_waiting();
    const std::uint64_t waiting = hooks_.redo_bytes_above(merged_[longest_waiting()]);
    const bool is_large = pieces_ || core_.write_back[next]->dirty_bytes() > options_.merge_bytes;
    if (waiting > (is_large ? redo_limit / 2 : redo_limit)) {
        bool is_done = false;
        for (unsigned left = waiting > redo_limit ? kPiecesOverLimit : 1; left > 0 && !is_done; --left) {
            KONTOR_TRY(is_done, merge_piece(next));
        }
    }
    const std::uint64_t most_dirty = options_.write_back_bytes / 4 * 3;
    while (true) {
        std::uint64_t dirty = 0;
        unsigned fullest = 0;
        for (unsigned number = 0; number < options_.partitions; ++number) {
            dirty += core_.write_back[number]->dirty_bytes();
            if (core_.write_back[number]->dirty_bytes() > core_.write_back[fullest]->dirty_bytes())
                fullest = number;
        }
        if (dirty == 0 || dirty <= most_dirty) return {};
        KONTOR_CHECK(merge_partition(fullest));
    }
}

Result<void> Checkpointer::merge_partition(unsigned number) {
    if (pieces_ && pieces_->partition == number) pieces_.reset();
    if (merged_[number] == at_.index) return {};
    KONTOR_CHECK(merge_rows(number, {}, at_.index));
    return note_merge(number, at_.index);
}

// The pieces see rows of different checkpoints, none older than that of the first piece: for that one the
// partition stands when the last is done. What changed later in it is in redo files above. True: it is done.
Result<bool> Checkpointer::merge_piece(unsigned number) {
    // It had nothing left to bring there, and stands for more already.
    if (pieces_ && merged_[number] >= pieces_->index) pieces_.reset();
    if (!pieces_) {
        if (merged_[number] == at_.index) return true;
        pieces_ = Pieces{number, at_.index, core_.write_back[number]->cut(options_.merge_bytes), {}, 0};
    }
    Pieces& pieces = *pieces_;
    const bool is_last = pieces.next == pieces.ends.size();
    const std::string upto = is_last ? std::string() : pieces.ends[pieces.next];
    KONTOR_CHECK(merge_rows(number, {pieces.after, upto}, is_last ? pieces.index : merged_[number]));
    if (!is_last) {
        pieces.after = upto;
        ++pieces.next;
        return false;
    }
    const std::uint64_t stands_for = pieces.index;
    pieces_.reset();
    KONTOR_CHECK(note_merge(number, stands_for));
    return true;
}

// The rows are durable in redo files until the meta row says that the partition has them; written twice, they
// are the same.
Result<void> Checkpointer::merge_rows(unsigned number, const WriteBackRows::Part& part,
                                      std::uint64_t stands_for) {
    Partition& partition = *core_.partitions[number];
    WriteBackRows& write_back = *core_.write_back[number];
    return do_piece([&]() -> Result<void> {
        const std::vector<RowImage> rows = write_back.dirty_rows(part);
        const PartitionMeta during{options_.partitions, number, 0, at_, merged_[number]};
        const PartitionMeta after{options_.partitions, number, 0, at_, stands_for};
        KONTOR_CHECK(write_partition(partition, during, after, rows, options_, max_pages_, "merge-"));
        write_back.mark_clean();
        partition.release_mapped_pages();
        return {};
    });
}

Result<void> Checkpointer::note_merge(unsigned number, std::uint64_t stands_for) {
    merged_[number] = stands_for;
    note_merged();
    merges_.fetch_add(1, std::memory_order_relaxed);
    return hooks_.remove_old_redo(first_needed_redo(merged_, at_.index));
}

unsigned Checkpointer::longest_waiting() const {
    return static_cast<unsigned>(std::min_element(merged_.begin(), merged_.end()) - merged_.begin());
}

void Checkpointer::note_merged() {
    merged_index_.store(*std::min_element(merged_.begin(), merged_.end()), std::memory_order_release);
}

template <typename Piece>
Result<void> Checkpointer::do_piece(const Piece& piece) {
    if (hurried_.load(std::memory_order_relaxed)) return caught(piece);
    Result<void> result;
    start_on(first_worker_, [&] { result = caught(piece); });
    first_worker_.wait();
    return result;
}

// A hurry that begins meanwhile finds the worker at work, or is seen here.
void Checkpointer::start_on(BackgroundWorker& worker, std::function<void()> work) {
    worker.start(std::move(work));
    if (hurried_.load(std::memory_order_relaxed)) worker.hurry();
}

Result<void> Checkpointer::write_redo(const std::vector<PartitionRows>& rows) {
    RedoWriter writer(redo_folder_, RedoHeader{options_.partitions, from_.index, to_}, options_.crash_point);
    KONTOR_CHECK(writer.begin());
    for (unsigned number = 0; number < options_.partitions; ++number)
        KONTOR_CHECK(do_piece([&] { return writer.add(number, rows[number]); }));
    return do_piece([&] { return writer.finish(); });
}

// Two at a time: while one waits for the disk, the other searches and copies pages. Partitions know nothing
// of each other, and recovery takes any of them at either index. `meanwhile` is for the checkpoint thread.
Result<void> Checkpointer::each_partition(const std::function<Result<void>(unsigned)>& piece,
                                          const std::function<Result<void>()>& meanwhile) {
    std::atomic<unsigned> next{0}, working{2};
    std::atomic<bool> failed{false};
    std::mutex result_mutex;
    Result<void> result;  // guarded by result_mutex
    const auto work = [&] {
        while (!failed.load(std::memory_order_relaxed)) {
            const unsigned number = next.fetch_add(1);
            if (number >= options_.partitions) break;
            const Result<void> done = caught([&] { return piece(number); });
            if (done) continue;
            fail_unless_closing(done.error());  // at once: a reader that meets what it left says why
            failed.store(true, std::memory_order_relaxed);
            const std::scoped_lock lock(result_mutex);
            if (result) result = done;
        }
    };
    // Who wants to die at a certain step (tests) gets the partitions one after the other; any subset of them
    // is what the simulated power cuts leave.
    if (options_.crash_point) {
        work();
        KONTOR_CHECK(std::move(result));
        return caught(meanwhile);
    }
    const auto leave = [&] {
        work();
        {
            const std::scoped_lock lock(mutex_);
            working.fetch_sub(1);
        }
        changed_.notify_all();
    };
    start_on(first_worker_, leave);
    start_on(second_worker_, leave);
    const Result<void> own = caught(meanwhile);
    {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return hurried_.load() || working.load() == 0; });
    }
    work();  // nothing is left, or there is a hurry
    first_worker_.wait();
    second_worker_.wait();
    return result ? own : result;
}

// Ordinary rows go to the disk, those of written-back tables into memory only: until the frozen memtable
// goes, it shadows them all.
Result<void> Checkpointer::write_partitions(const std::vector<PartitionRows>& rows) {
    std::vector<std::uint64_t> merged = merged_;
    const auto advance = [&](unsigned number) -> Result<void> {
        Partition& partition = *core_.partitions[number];
        WriteBackRows& write_back = *core_.write_back[number];
        if (rows[number].written_back.empty() && write_back.dirty_bytes() == 0) merged[number] = to_.index;
        KONTOR_CHECK(advance_partition(partition, number, from_, to_, merged[number], rows[number].ordinary,
                                       options_, max_pages_));
        partition.release_mapped_pages();
        write_back.absorb(rows[number].written_back);
        if (options_.crash_point) options_.crash_point("rows-write_back");
        return {};
    };
    const auto refresh = [&]() -> Result<void> {
        refresh_cache(rows);
        return {};
    };
    KONTOR_CHECK(each_partition(advance, refresh));
    merged_ = std::move(merged);
    at_ = to_;
    note_merged();
    return {};
}

// Without any lock, and before or after the partitions' commits: until the frozen memtable goes, it shadows
// these rows, so nobody reads them from the cache and nobody inserts what LMDB held before.
void Checkpointer::refresh_cache(const std::vector<PartitionRows>& rows) {
    if (core_.cache == nullptr) return;
    for (const PartitionRows& of : rows) {
        for (const RowImage& row : of.ordinary)
            if (!core_.tables.spec(core_.tables.slot(row.table)).appended)
                core_.cache->replace(row.table, row.key, !row.erased, row.value);
        for (const RowImage& row : of.written_back) core_.cache->erase(row.table, row.key);
    }
}

Result<void> Checkpointer::drop_frozen() {
    std::unique_ptr<MemTable> dropped;  // freed after the lock is released
    std::vector<Partition::LastKeys> last_keys;
    for (const auto& partition : core_.partitions) {
        KONTOR_TRY(last_keys.emplace_back(), partition->read_last_keys());
    }
    entry_lock_.lock();
    for (std::size_t i = 0; i < last_keys.size(); ++i)
        core_.partitions[i]->keep_last_keys(std::move(last_keys[i]));
    dropped = std::move(core_.frozen);
    hooks_.published(to_);
    entry_lock_.unlock();
    return {};
}

}  // namespace kontor::store
