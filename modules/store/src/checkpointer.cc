#include "checkpointer.h"

#include <pthread.h>

#include <chrono>
#include <exception>
#include <utility>

#include "kontor/base/log.h"

namespace kontor::store {
namespace {

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
                           std::string redo_folder, Hooks hooks)
    : core_(core),
      entry_lock_(entry_lock),
      options_(options),
      redo_folder_(std::move(redo_folder)),
      hooks_(std::move(hooks)),
      thread_([this] { loop(); }) {}

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
}

void Checkpointer::loop() {
    pthread_setname_np(pthread_self(), "checkpoint");
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [&] { return is_running() || stopping_; });
        if (!is_running()) return;
        lock.unlock();
        const auto result = caught([this] { return run(); });
        if (!result) {
            log::error("store", "checkpoint of index " + std::to_string(to_.index) +
                                    " failed, nothing is lost: " + result.error().describe());
            core_.fail(result.error());
        }
        lock.lock();
        running_.store(false, std::memory_order_release);
        changed_.notify_all();
    }
}

Result<void> Checkpointer::run() {
    const auto started = std::chrono::steady_clock::now();  // for the duration only
    std::vector<std::vector<RowImage>> rows(options_.partitions);
    KONTOR_CHECK(each_partition(
        [&](unsigned number) -> Result<void> {
            rows[number] = core_.frozen->images(number);
            return {};
        },
        [] { return Result<void>{}; }));
    KONTOR_CHECK(write_redo(rows));
    KONTOR_CHECK(hooks_.redo_complete(to_.index));
    KONTOR_CHECK(write_partitions(rows));
    KONTOR_CHECK(drop_frozen());
    const auto took = std::chrono::steady_clock::now() - started;
    last_ms_.store(
        static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(took).count()),
        std::memory_order_relaxed);
    completed_.fetch_add(1, std::memory_order_relaxed);
    hooks_.done(to_);
    KONTOR_CHECK(hooks_.remove_old_redo(to_.index));
    if (options_.crash_point) options_.crash_point("redo-removed");
    return {};
}

template <typename Piece>
Result<void> Checkpointer::do_piece(const Piece& piece) {
    if (hurried_.load(std::memory_order_relaxed)) return caught(piece);
    Result<void> result;
    first_worker_.run([&] { result = caught(piece); });
    return result;
}

Result<void> Checkpointer::write_redo(const std::vector<std::vector<RowImage>>& rows) {
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
            core_.fail(done.error());  // at once: a reader that meets what it left says why
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
    first_worker_.start(leave);
    second_worker_.start(leave);
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

Result<void> Checkpointer::write_partitions(const std::vector<std::vector<RowImage>>& rows) {
    const auto advance = [&](unsigned number) -> Result<void> {
        Partition& partition = *core_.partitions[number];
        KONTOR_CHECK(advance_partition(partition, number, from_, to_, rows[number], options_));
        partition.release_mapped_pages();
        return {};
    };
    return each_partition(advance, [&]() -> Result<void> {
        refresh_cache(rows);
        return {};
    });
}

// Without any lock, and before or after the partitions' commits: until the frozen memtable goes, it shadows
// these rows, so nobody reads them from the cache and nobody inserts what LMDB held before.
void Checkpointer::refresh_cache(const std::vector<std::vector<RowImage>>& rows) {
    if (core_.cache == nullptr) return;
    for (const auto& images : rows)
        for (const RowImage& row : images)
            if (!core_.tables.spec(core_.tables.slot(row.table)).appended)
                core_.cache->replace(row.table, row.key, !row.erased, row.value);
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
