#pragma once
// The checkpoint thread: takes the frozen memtable to the disk (redo file, then partition by partition) and
// drops it; and merges write-back rows into partitions: one partition a checkpoint when the redo files that
// hold them have grown to a limit, more when memory asks for it, and whenever somebody needs partitions that
// stand for one index in all tables (docs/adr/0009-write-back-rows.md).
//
// Payments go first: sorting, encoding and writing is done by two threads of the lowest
// priority, partition by partition. Only while the store waits or will soon (hurry()), they have the usual
// priority, and the checkpoint thread does such pieces too. It alone takes locks that others wait for.
//
// Threading: start() on the apply thread; hurry(), wait(), merge() and merge_all() on any that holds no entry
// lock; hooks on the checkpoint thread.
// Errors: any failed write or fsync is the store's failure; the frozen memtable stays and keeps serving.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "entry_lock.h"
#include "folder.h"
#include "kontor/base/background_worker.h"
#include "snapshot.h"

namespace kontor::store {

class Checkpointer {
 public:
    // `published` is called with the entry lock held, right after the frozen memtable is gone; `done` without
    // it.
    struct Hooks {
        std::function<void(const CheckpointMeta&)> published;
        std::function<void(const CheckpointMeta&)> done;
        // The redo file is durable and no partition has begun with it; files below an index may go.
        std::function<Result<void>(std::uint64_t index)> redo_complete;
        std::function<Result<void>(std::uint64_t index)> remove_old_redo;
        // Of files above an index.
        std::function<std::uint64_t(std::uint64_t index)> redo_bytes_above;
    };
    Checkpointer(Core& core, EntryLock& entry_lock, const StoreOptions& options, std::string redo_folder,
                 std::vector<std::uint64_t> merged, CheckpointMeta at, Hooks hooks);
    ~Checkpointer();  // waits for the one that runs
    Checkpointer(const Checkpointer&) = delete;
    Checkpointer& operator=(const Checkpointer&) = delete;

    // The rows are in core.frozen, which nobody changes from now on.
    void start(CheckpointMeta from, CheckpointMeta to);
    void wait();
    // The active memtable is getting full, or somebody waits: no longer at the lowest priority.
    void hurry();
    // Asks for partitions whose rows of written-back tables stand for what the others do. merge_all() waits
    // until each was merged once since, or was just then; or for a failure, which is the core's.
    void merge(unsigned partition);
    void merge_all();
    [[nodiscard]] bool is_running() const { return running_.load(std::memory_order_acquire); }
    [[nodiscard]] std::uint64_t last_duration_ms() const { return last_ms_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t completed() const { return completed_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t merges() const { return merges_.load(std::memory_order_relaxed); }
    // What all partitions stand for in all tables. Redo files above are there.
    [[nodiscard]] std::uint64_t merged_index() const { return merged_index_.load(std::memory_order_acquire); }

 private:
    void loop();
    [[nodiscard]] Result<void> run();
    // One piece of the work after the other, each by a thread of the priority that is right when it begins.
    void start_on(BackgroundWorker& worker, std::function<void()> work);
    template <typename Piece>
    [[nodiscard]] Result<void> do_piece(const Piece& piece);
    [[nodiscard]] Result<void> each_partition(const std::function<Result<void>(unsigned)>& piece,
                                              const std::function<Result<void>()>& meanwhile);
    [[nodiscard]] Result<void> write_redo(const std::vector<PartitionRows>& rows);
    void fail_unless_closing(const Error& error);
    [[nodiscard]] Result<void> write_partitions(const std::vector<PartitionRows>& rows);
    void refresh_cache(const std::vector<PartitionRows>& rows);
    [[nodiscard]] Result<void> drop_frozen();
    void make_room_in_memory();
    [[nodiscard]] Result<void> merge_due(std::uint64_t redo_limit);
    [[nodiscard]] Result<void> merge_partition(unsigned number);
    [[nodiscard]] Result<bool> merge_piece(unsigned number);
    [[nodiscard]] Result<void> merge_rows(unsigned number, const WriteBackRows::Part& part,
                                          std::uint64_t stands_for);
    [[nodiscard]] Result<void> note_merge(unsigned number, std::uint64_t stands_for);
    [[nodiscard]] unsigned longest_waiting() const;
    void note_merged();
    void run_checkpoint(std::unique_lock<std::mutex>& lock);
    void run_wanted_merge(std::unique_lock<std::mutex>& lock);

    // Constant after construction.
    Core& core_;
    EntryLock& entry_lock_;
    const StoreOptions& options_;
    const std::string redo_folder_;
    const Hooks hooks_;
    const MaxPages max_pages_;

    std::atomic<bool> running_{false};
    std::atomic<std::uint64_t> last_ms_{0}, completed_{0}, merges_{0}, merged_index_{0};
    CheckpointMeta from_, to_;  // handed over with running_
    // The checkpoint thread's.
    std::vector<std::uint64_t> merged_;  // by partition: what rows of written-back tables stand for
    CheckpointMeta at_;                  // what all partitions are at, but for those
    struct Pieces {
        unsigned partition = 0;
        std::uint64_t index = 0;        // at the first piece
        std::vector<std::string> ends;  // of all but the last
        std::string after;              // the end of the one before
        std::size_t next = 0;
    };
    std::optional<Pieces> pieces_;  // a merge that goes on after the next checkpoint
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;             // guarded by mutex_
    std::vector<char> wanted_;          // guarded by mutex_; by partition: to be merged
    std::atomic<bool> hurried_{false};  // set under mutex_, since the checkpoint thread sleeps until it is
    BackgroundWorker first_worker_{"checkpoint-1"}, second_worker_{"checkpoint-2"};
    std::thread thread_;  // last: it uses the rest
};

}  // namespace kontor::store
