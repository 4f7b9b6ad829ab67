#pragma once
// The store's folder: making it, checking it, recovering it, and writing checkpoints into it.
//
//     LOCK                                one process at a time
//     partitions/00/data.mdb …            docs/formats/partition.md
//     redo/00000000000000000042.redo      docs/formats/redo.md
//
// Threading: none of its own; open_folder() before the threads, the rest on the checkpoint thread.

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "files.h"
#include "kontor/base/result.h"
#include "kontor/store/store.h"
#include "partition.h"
#include "redo_file.h"

namespace kontor::store {

struct Folder {
    File lock;
    std::string redo_folder;
    std::vector<std::unique_ptr<Partition>> partitions;
    CheckpointMeta checkpoint;  // where all partitions are
};

// Fills in options.partitions when it is 0.
[[nodiscard]] Result<Folder> open_folder(StoreOptions& options);

// Brings one partition from a checkpoint to the next, in one durable transaction or, if the rows may touch
// more than max_pages_per_commit pages, in several: all but the last say "pending" in the meta row, and the
// redo file makes good for a crash between them.
[[nodiscard]] Result<void> advance_partition(Partition& partition, std::uint32_t number,
                                             const CheckpointMeta& from, const CheckpointMeta& to,
                                             std::span<const RowImage> rows, const StoreOptions& options);

// Removes the redo files before `index`; the newest one stays (the increment for backups and slow followers).
[[nodiscard]] Result<void> remove_old_redo_files(const std::string& redo_folder, std::uint64_t index);

}  // namespace kontor::store
