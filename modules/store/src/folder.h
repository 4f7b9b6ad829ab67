#pragma once
// The store's folder: making it, checking it, recovering it, and writing checkpoints into it.
//
//     LOCK                                one process at a time
//     partitions/00/data.mdb …            docs/formats/partition.md
//     redo/00000000000000000042.redo      docs/formats/redo.md
//
// Threading: none of its own; open_folder() before the threads, the rest on the checkpoint thread.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "files.h"
#include "kontor/base/result.h"
#include "kontor/store/store.h"
#include "kontor/store/tables.h"
#include "partition.h"
#include "redo_file.h"
#include "write_back_rows.h"

namespace kontor::store {

struct Folder {
    File lock;
    std::string redo_folder;
    std::unique_ptr<Tables> tables;
    std::vector<std::unique_ptr<Partition>> partitions;
    // By partition: what is in redo files only, and what of written-back tables each partition stands for.
    std::vector<std::unique_ptr<WriteBackRows>> write_back;
    std::vector<std::uint64_t> merged;
    CheckpointMeta checkpoint;            // where all partitions are
    std::vector<RedoContents> unwritten;  // read_only: what partitions lack
};

// Fills in options.partitions when it is 0.
[[nodiscard]] Result<Folder> open_folder(StoreOptions& options);

// How many pages the next transaction may touch.
using MaxPages = std::function<std::uint64_t()>;

// Does it once there is room for `bytes`, and again after it met a full disk: LMDB makes "input/output error"
// of one, and what it cut short stays out of the tree. unavailable: nobody waits any more, nothing was done.
[[nodiscard]] Result<void> with_room(const StoreOptions& options, std::uint64_t bytes,
                                     const std::function<Result<void>()>& piece);

// Writes rows to one partition, in one durable transaction or, if they may touch more than max_pages() pages,
// in several: all but the last leave the meta row `during`, and redo files make good for a crash between
// them. Crash points begin with `step`.
[[nodiscard]] Result<void> write_partition(Partition& partition, const PartitionMeta& during,
                                           const PartitionMeta& after, std::span<const RowImage> rows,
                                           const StoreOptions& options, const MaxPages& max_pages,
                                           const char* step);
// Brings one partition from a checkpoint to the next; `merged`: what its rows of written-back tables stand
// for then.
[[nodiscard]] Result<void> advance_partition(Partition& partition, std::uint32_t number,
                                             const CheckpointMeta& from, const CheckpointMeta& to,
                                             std::uint64_t merged, std::span<const RowImage> rows,
                                             const StoreOptions& options, const MaxPages& max_pages);

// Removes the redo files before `index`; the newest one stays (the increment for backups and slow followers).
[[nodiscard]] Result<void> remove_old_redo_files(const std::string& redo_folder, std::uint64_t index);
// Of partitions that stand for `merged`, at checkpoint `index`: redo files before this one are not needed.
[[nodiscard]] std::uint64_t first_needed_redo(std::span<const std::uint64_t> merged, std::uint64_t index);

}  // namespace kontor::store
