#pragma once
// Long visits of the newest checkpoint, beside applying and checkpoints (docs/adr/0005).
//
// A view is one read transaction a partition, all begun between two checkpoints: LMDB keeps the pages it
// needs, and once it is open nobody waits for it. The price is that pages which are freed meanwhile are not
// used again, so the files grow. Hence two limits, after which a view ends even while it is held: its age,
// and the growth since it began.
//
// Threading: open() anywhere; a view on one thread, which looks at the limits while it visits; enforce() on
// the apply thread, which takes away views that nobody visits just then.

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "kontor/store/store.h"
#include "partition.h"

namespace kontor::store {

struct Core;
class View;

class Views {
 public:
    Views(Core& core, std::uint64_t max_age_ms, std::uint64_t max_growth_bytes)
        : core_(core), max_age_ms_(max_age_ms), max_growth_bytes_(max_growth_bytes) {}
    Views(const Views&) = delete;
    Views& operator=(const Views&) = delete;

    // `newest` waits for a checkpoint that is running; none starts until this returns.
    [[nodiscard]] Result<std::unique_ptr<CheckpointView>> open(const std::function<CheckpointMeta()>& newest);
    // Ends those beyond their limits. Before a checkpoint starts; waits for nobody.
    void enforce();
    // Held to start a checkpoint.
    [[nodiscard]] std::mutex& checkpoint_mutex() { return checkpoint_mutex_; }
    void fill(StoreStats& stats) const;

 private:
    friend class View;
    [[nodiscard]] std::uint64_t used_bytes() const;
    void forget(const View* view);

    Core& core_;
    const std::uint64_t max_age_ms_, max_growth_bytes_;
    std::mutex checkpoint_mutex_;
    mutable std::mutex mutex_;
    std::vector<View*> open_;  // guarded by mutex_
};

}  // namespace kontor::store
