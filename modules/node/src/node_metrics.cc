// What the node tells about itself.

#include <mutex>

#include "node_impl.h"

namespace kontor::node {

void NodeImpl::register_metrics() {
    auto& metrics = *options_.metrics;
    metrics.gauge("kontor_log_applied_index", "Log index applied.", [this] {
        const std::shared_lock open(swap_mutex_);
        return static_cast<double>(store_->applied_index());
    });
    metrics.gauge("kontor_log_bytes", "Bytes of the log on disk.", [this] {
        const std::shared_lock open(swap_mutex_);
        return static_cast<double>(replica_->stats().log_bytes);
    });
    metrics.gauge("kontor_log_appended_bytes_total", "Bytes appended to the log since the start.", [this] {
        const std::shared_lock open(swap_mutex_);
        return static_cast<double>(replica_->stats().appended_bytes);
    });
    metrics.gauge("kontor_log_syncs_total", "fdatasync calls of the log.", [this] {
        const std::shared_lock open(swap_mutex_);
        return static_cast<double>(replica_->stats().syncs);
    });
    metrics.gauge("kontor_disk_free_bytes",
                  "Room on the disk of the data folder; the least, if there are several.",
                  [this] { return static_cast<double>(space_.free_bytes()); });
    metrics.gauge("kontor_disk_reserve_bytes", "With less room than this no command is taken.",
                  [this] { return static_cast<double>(space_.reserve_bytes()); });
    metrics.gauge("kontor_writes_refused",
                  "1 while commands are refused because a disk has no room, or the log no more indexes.",
                  [this] { return space_.refuses() || index_room_.refuses() ? 1.0 : 0.0; });
    metrics.gauge("kontor_log_index_used_ratio", "Share of the log's indexes that is used, 0 to 1.",
                  [this] { return stats().index_used; });
    metrics.gauge("kontor_memtable_bytes", "Bytes changed since the last checkpoint.", [this] {
        const std::shared_lock open(swap_mutex_);
        return static_cast<double>(store_->stats().memtable_bytes);
    });
    metrics.gauge("kontor_checkpoints_total", "Checkpoints since the start.", [this] {
        const std::shared_lock open(swap_mutex_);
        return static_cast<double>(store_->stats().checkpoints);
    });
    metrics.gauge("kontor_partition_bytes", "Bytes of the checkpointed rows on disk, free pages included.",
                  [this] {
                      const std::shared_lock open(swap_mutex_);
                      return static_cast<double>(store_->stats().partition_bytes);
                  });
    metrics.gauge("kontor_oldest_view_seconds", "Age of the oldest long read, such as a verification.",
                  [this] {
                      const std::shared_lock open(swap_mutex_);
                      return static_cast<double>(store_->stats().oldest_view_ms) / 1000;
                  });
    const auto of_store = [this, &metrics](const char* name, const char* help, auto value) {
        metrics.gauge(name, help, [this, value] {
            const std::shared_lock open(swap_mutex_);
            return static_cast<double>(value(store_->stats()));
        });
    };
    of_store("kontor_accounts_in_memory_bytes", "Bytes of accounts in memory.",
             [](const store::StoreStats& stats) { return stats.write_back_bytes; });
    of_store("kontor_accounts_to_merge_bytes", "Of these, newer than the partitions.",
             [](const store::StoreStats& stats) { return stats.write_back_dirty_bytes; });
    of_store("kontor_accounts_in_memory_hits_total", "Look-ups of accounts answered from there.",
             [](const store::StoreStats& stats) { return stats.write_back_hits; });
    of_store("kontor_merges_total", "Partitions into which changed accounts were merged.",
             [](const store::StoreStats& stats) { return stats.merges; });
    of_store("kontor_redo_bytes", "Bytes of redo files.",
             [](const store::StoreStats& stats) { return stats.redo_bytes; });
    metrics.gauge("kontor_clock_steps_total", "How often the wall clock was set since the start.",
                  [this] { return static_cast<double>(wall_watch_.stats().steps); });
    metrics.gauge("kontor_clock_last_step_seconds", "By how much, the last time; forward is positive.",
                  [this] { return static_cast<double>(wall_watch_.stats().last_step_ms) / 1000; });
    metrics.gauge("kontor_clock_behind_log_seconds",
                  "How far the wall clock lies before times that the log has.",
                  [this] { return static_cast<double>(wall_watch_.stats().behind_log_ms) / 1000; });
    metrics.gauge("kontor_queue_bytes", "Bytes of commands waiting for a batch.",
                  [this] { return static_cast<double>(proposals_.queued().first); });
    metrics.gauge("kontor_cache_hits_total", "Row cache hits.",
                  [this] { return static_cast<double>(cache_->stats().hits); });
    metrics.gauge("kontor_cache_misses_total", "Row cache misses.",
                  [this] { return static_cast<double>(cache_->stats().misses); });
    metrics.gauge("kontor_cache_bytes", "Bytes held by the row cache.",
                  [this] { return static_cast<double>(cache_->stats().bytes); });
    metrics.gauge("kontor_cache_hit_ratio", "Row cache hits over look-ups, 0 to 1.", [this] {
        const auto stats = cache_->stats();
        const auto lookups = static_cast<double>(stats.hits + stats.misses);
        return lookups > 0 ? static_cast<double>(stats.hits) / lookups : 0.0;
    });
}

}  // namespace kontor::node
