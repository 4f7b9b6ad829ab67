#pragma once
// The source's side of a transfer (kontor/store/state_transfer.h, docs/formats/transfer.md).
//
// Threading: answer() and stats() any; enforce() before a checkpoint starts. Answers to one transfer are
// given one after the other.

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "content_sum.h"
#include "kept_redo.h"
#include "kontor/store/state_transfer.h"
#include "snapshot.h"
#include "state_wire.h"

namespace kontor::store {

class StateSourceImpl final : public StateSource {
 public:
    struct Hooks {
        // The newest checkpoint that all partitions have in all tables.
        std::function<CheckpointMeta()> merged;
        // Brings all tables of a partition to where it is.
        std::function<void(unsigned partition)> merge;
    };
    StateSourceImpl(Core& core, const StoreOptions& options, std::string redo_folder, KeptRedo& kept,
                    Hooks hooks);
    Result<std::string> answer(std::string_view request) override;
    [[nodiscard]] StateSourceStats stats() const override { return kept_.stats(); }
    // Ends comparisons that keep freed pages for too long, or whose transfer is gone. Waits for nobody.
    void enforce();

 private:
    struct Check;
    struct Transfer;
    [[nodiscard]] Result<std::string> body(const StateRequest& request, StateStatus& status);
    [[nodiscard]] Result<std::string> begin(std::uint64_t id);
    [[nodiscard]] Result<std::string> rows(Transfer& transfer, const StateRequest& request);
    [[nodiscard]] Result<std::string> redo(const StateRequest& request, StateStatus& status);
    [[nodiscard]] Result<std::string> check_begin(Transfer& transfer, const StateRequest& request);
    [[nodiscard]] Result<std::string> check_step(Transfer& transfer, const StateRequest& request);
    [[nodiscard]] Result<void> check_partition(const StateRequest& request) const;
    [[nodiscard]] std::string beyond_limits(const Check& check) const;
    [[nodiscard]] std::shared_ptr<Transfer> find(std::uint64_t id);
    void forget(std::uint64_t id);

    Core& core_;
    const StoreOptions& options_;
    const std::string redo_folder_;
    const std::vector<TableId> trees_;
    KeptRedo& kept_;
    const Hooks hooks_;
    std::mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<Transfer>> transfers_;  // guarded by mutex_
};

}  // namespace kontor::store
