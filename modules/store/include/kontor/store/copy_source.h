#pragma once
// What a copy of a store is made from, while the store keeps applying and checkpointing: stored rows, redo
// files and sums of rows. Who asks and how it travels is the module state_transfer's.
//
// A copy has a number that its maker chose, and a lease: from begin() on the redo files that it needs stay,
// as long as it is renewed (StoreOptions::transfer_lease_ms), up to transfer_max_kept_bytes for all, beyond
// which the oldest copy is ended.
//
// Threading: any; what is asked for one copy is done one after the other. It reads the disk: not on a network
// thread. Ownership: the store's. Errors: invalid_argument: no such partition or tree; overloaded:
// max_transfers live; corruption: a damaged row, named; io. Limits: StoreOptions.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/content_sum.h"
#include "kontor/store/store.h"

namespace kontor::store {

// A row as it is stored; its key with the table before it. False: no more of them.
using StoredVisitor = std::function<bool(std::string_view lmdb_key, std::string_view stored)>;

struct CopyBegin {
    std::uint32_t partitions = 0;
    std::uint64_t bytes_estimate = 0;
    CheckpointMeta checkpoint;  // the newest one that all partitions have in all tables
    std::vector<TableSpec> tables;
};

struct CopyRedo {
    bool is_some = false;         // false: there is none above the index asked for
    bool is_gone = false;         // it was removed: the copy begins again
    std::uint64_t index = 0;      // of the file next to it
    std::uint64_t size = 0;       // of the file
    std::uint64_t newest = 0;     // the last one,
    std::uint64_t remaining = 0;  // and bytes up to it, this one included
    std::string piece;
};

enum class CheckState : std::uint8_t { later = 0, going_on = 1, done = 2, ended = 3 };
struct CopyCheck {
    CheckState state = CheckState::later;
    std::uint64_t index = 0;  // the checkpoint that the sums are of
    std::string why;          // of ended
    ContentSums sums;         // of done
};

struct CopyStats {
    std::uint64_t transfers = 0;        // that live
    std::uint64_t kept_redo_bytes = 0;  // of files that are kept for them only
};

class CopySource {
 public:
    virtual ~CopySource() = default;
    // The first failure of the store, in which case nothing is answered any more.
    [[nodiscard]] virtual std::optional<Error> failure() const = 0;
    [[nodiscard]] virtual Result<CopyBegin> begin(std::uint64_t copy) = 0;
    virtual void end(std::uint64_t copy) = 0;
    // The copy has everything up to `applied`. What it answers is why the lease has ended.
    [[nodiscard]] virtual std::optional<std::string> renew(std::uint64_t copy, std::uint64_t applied) = 0;
    // The rows of a tree behind `after` (""; from the first), in key order; true: to its end. `tree`: the
    // table of an appended one, or kMetaTable: the main one.
    [[nodiscard]] virtual Result<bool> rows(std::uint64_t copy, unsigned partition, TableId tree,
                                            std::string_view after, const StoredVisitor& visit) = 0;
    // A piece of the first redo file above `index`.
    [[nodiscard]] virtual Result<CopyRedo> redo(std::uint64_t index, std::uint64_t offset,
                                                std::size_t max_bytes) = 0;
    // Begins to sum up a partition at a checkpoint that is not older than `index`; `later`: there was none at
    // the moment. Ended beyond max_view_ms or max_view_growth_bytes.
    [[nodiscard]] virtual Result<CopyCheck> check_begin(std::uint64_t copy, unsigned partition,
                                                        std::uint64_t index) = 0;
    [[nodiscard]] virtual Result<CopyCheck> check_step(std::uint64_t copy, unsigned partition,
                                                       std::uint64_t max_bytes) = 0;
    [[nodiscard]] virtual CopyStats stats() const = 0;
};

}  // namespace kontor::store
