#pragma once
// A replicated state machine that is the list of what was applied. Its checkpoint is a copy of that list,
// which another node gets instead of the entries.
//
// Threading: apply() and idle() on the replica's thread, the rest on any.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kontor/replication/replica.h"

namespace kontor_test {

struct Applied {
    kontor::replication::Position at;
    std::string payload;
    friend bool operator==(const Applied&, const Applied&) = default;
};

// What a checkpoint is here.
struct Copy {
    std::vector<Applied> applied;
    std::string meta;
};

class RecordingMachine : public kontor::replication::StateMachine {
 public:
    RecordingMachine() = default;
    explicit RecordingMachine(std::vector<Applied> from_checkpoint) : applied_(std::move(from_checkpoint)) {}

    void apply(kontor::replication::Position at, std::string_view payload) override {
        if (before_apply) before_apply(at);
        const std::lock_guard lock(mutex_);
        applied_.push_back({at, std::string(payload)});
        if (wants_copy_ && replica != nullptr) {
            copy_ = Copy{applied_, replica.load()->snapshot_meta(at.index)};
            wants_copy_ = false;
        }
        changed_.notify_all();
    }
    void idle() override {
        const std::lock_guard lock(mutex_);
        ++idles_;
        changed_.notify_all();
    }

    [[nodiscard]] std::vector<Applied> applied() const {
        const std::lock_guard lock(mutex_);
        return applied_;
    }
    [[nodiscard]] bool contains(kontor::replication::Position at) const {
        const std::lock_guard lock(mutex_);
        return std::any_of(applied_.rbegin(), applied_.rend(), [&](const Applied& a) { return a.at == at; });
    }
    bool wait_for(std::size_t count) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kPatience, [&] { return applied_.size() >= count; });
    }
    bool wait_idle() {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, kPatience, [&] { return idles_ > 0; });
    }
    // At the next entry, when `replica` is known.
    void ask_for_copy() {
        const std::lock_guard lock(mutex_);
        copy_.reset();
        wants_copy_ = true;
    }
    [[nodiscard]] std::optional<Copy> copy() const {
        const std::lock_guard lock(mutex_);
        return copy_;
    }

    std::function<void(kontor::replication::Position)> before_apply;
    std::atomic<kontor::replication::Replica*> replica{nullptr};

 private:
    static constexpr std::chrono::seconds kPatience{20};

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Applied> applied_;
    std::optional<Copy> copy_;
    int idles_ = 0;
    bool wants_copy_ = false;
};

}  // namespace kontor_test
