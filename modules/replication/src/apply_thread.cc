#include "apply_thread.h"

#include <pthread.h>

#include <algorithm>

namespace kontor::replication {

namespace {
constexpr std::uint64_t kLowMark = kMaxQueuedEntries / 2;
}

ApplyThread::ApplyThread(const Log& log, StateMachine& machine, SnapshotMeta start, Callbacks callbacks)
    : log_(log),
      machine_(machine),
      callbacks_(std::move(callbacks)),
      at_applied_(std::move(start)),
      at_command_(at_applied_),
      applied_(at_applied_.index),
      applied_term_(at_applied_.term) {}

void ApplyThread::halt() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_one();
}

void ApplyThread::stop() {
    halt();
    if (thread_.joinable()) thread_.join();
}

void ApplyThread::post(std::uint64_t index, const Entry& entry) {
    const std::lock_guard lock(mutex_);
    const std::size_t size = entry.payload->size();
    if (!queue_.empty() && (queue_.size() >= kMaxQueuedEntries || queued_bytes_ + size > kMaxQueuedBytes))
        return;
    queue_.push_back({index, entry});
    queued_bytes_ += size;
}

void ApplyThread::notify(std::uint64_t commit, std::uint64_t durable) {
    {
        const std::lock_guard lock(mutex_);
        commit_.store(std::max(commit_.load(), commit));
        // What lies above the commit index can still be truncated and then is not durable any more.
        durable_ = std::max(durable_, std::min(commit, durable));
    }
    wake_.notify_one();
}

std::uint64_t ApplyThread::backlog() const {
    const std::uint64_t applied = applied_.load();
    const std::uint64_t commit = commit_.load();
    return commit > applied ? commit - applied : 0;
}

void ApplyThread::run() {
    pthread_setname_np(pthread_self(), "apply");
    bool idle_told = false;  // since the last entry
    for (;;) {
        const std::uint64_t next = applied_.load() + 1;
        std::optional<Entry> entry;
        {
            std::unique_lock lock(mutex_);
            // In memory, or durable on disk: a commit can run ahead of our own disk when the others have it.
            const auto runnable = [&] {
                while (!queue_.empty() && queue_.front().index < next) {
                    queued_bytes_ -= queue_.front().entry.payload->size();
                    queue_.pop_front();
                }
                const bool in_memory = !queue_.empty() && queue_.front().index == next;
                return next <= commit_.load() && (in_memory || next <= durable_);
            };
            if (!stopping_ && !runnable() && !idle_told && commit_.load() != 0) {
                lock.unlock();
                machine_.idle();
                idle_told = true;
                continue;
            }
            wake_.wait(lock, [&] { return stopping_ || runnable() || (!idle_told && commit_.load() != 0); });
            if (stopping_) return;
            if (!runnable()) continue;
            if (!queue_.empty() && queue_.front().index == next) {
                entry = std::move(queue_.front().entry);
                queued_bytes_ -= entry->payload->size();
                queue_.pop_front();
            }
        }
        if (auto done = apply_one(next, std::move(entry)); !done) {
            callbacks_.failed(done.error());
            return;
        }
        idle_told = false;
        if (backlog() == kLowMark) callbacks_.drained();
    }
}

Result<void> ApplyThread::apply_one(std::uint64_t index, std::optional<Entry> entry) {
    if (entry) {
        hand_out(index, entry->term, entry->type, *entry->payload);
        return {};
    }
    if (!reader_ || reader_next_ != index) reader_.emplace(log_, index);
    KONTOR_TRY(const Record record, reader_->next());
    reader_next_ = index + 1;
    hand_out(index, record.header.term, record.header.type, record.payload);
    if (index == commit_.load()) reader_.reset();  // replay is over: give its buffer back
    return {};
}

void ApplyThread::hand_out(std::uint64_t index, std::uint64_t term, EntryType type,
                           std::string_view payload) {
    at_applied_.index = index;
    at_applied_.term = term;
    if (type == EntryType::change) {
        at_applied_.configuration_index = index;
        at_applied_.configuration = payload;
    } else if (type == EntryType::command) {
        at_command_ = at_applied_;
        machine_.apply({index, term}, payload);
    }
    applied_term_.store(term);
    applied_.store(index);
}

SnapshotMeta ApplyThread::snapshot_meta(std::uint64_t index) const {
    KONTOR_ASSERT(index == at_command_.index || index == at_applied_.index,
                  "a checkpoint stands for the entry that was applied last");
    return index == at_command_.index ? at_command_ : at_applied_;
}

}  // namespace kontor::replication
