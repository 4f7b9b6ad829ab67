#pragma once
// The store's side of kontor/store/copy_source.h.
//
// Threading: as there; enforce() before a checkpoint starts.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "kept_redo.h"
#include "kontor/store/copy_source.h"
#include "snapshot.h"

namespace kontor::store {

class CopySourceImpl final : public CopySource {
 public:
    struct Hooks {
        // The newest checkpoint that all partitions have in all tables.
        std::function<CheckpointMeta()> merged;
        // Brings all tables of a partition to where it is.
        std::function<void(unsigned partition)> merge;
    };
    CopySourceImpl(Core& core, const StoreOptions& options, std::string redo_folder, KeptRedo& kept,
                   Hooks hooks);
    [[nodiscard]] std::optional<Error> failure() const override { return core_.failure(); }
    Result<CopyBegin> begin(std::uint64_t copy) override;
    void end(std::uint64_t copy) override;
    std::optional<std::string> renew(std::uint64_t copy, std::uint64_t applied) override;
    Result<bool> rows(std::uint64_t copy, unsigned partition, TableId tree, std::string_view after,
                      const StoredVisitor& visit) override;
    Result<CopyRedo> redo(std::uint64_t index, std::uint64_t offset, std::size_t max_bytes) override;
    Result<CopyCheck> check_begin(std::uint64_t copy, unsigned partition, std::uint64_t index) override;
    Result<CopyCheck> check_step(std::uint64_t copy, unsigned partition, std::uint64_t max_bytes) override;
    [[nodiscard]] CopyStats stats() const override { return kept_.stats(); }
    // Ends comparisons that keep freed pages for too long, or whose copy is gone. Waits for nobody.
    void enforce();

 private:
    struct Check;
    struct Copy;
    [[nodiscard]] Result<void> check_partition(unsigned partition) const;
    [[nodiscard]] std::string beyond_limits(const Check& check) const;
    [[nodiscard]] std::shared_ptr<Copy> find(std::uint64_t id);
    void forget(std::uint64_t id);

    Core& core_;
    const StoreOptions& options_;
    const std::string redo_folder_;
    const std::vector<TableId> trees_;
    KeptRedo& kept_;
    const Hooks hooks_;
    std::mutex mutex_;
    std::map<std::uint64_t, std::shared_ptr<Copy>> copies_;  // guarded by mutex_
};

}  // namespace kontor::store
