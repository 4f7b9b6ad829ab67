#pragma once
// A store that is being put together from a peer's rows and redo files, and is none yet:
//
//     LOCK                                  one at a time
//     TRANSFER                              a note of how far it is, its maker's own; gone when it is
//     finished partitions.incoming/00/data.mdb …     become partitions/ at the end
//
// How far the rows are within a tree is not for the note: they come in key order, so the last key of the tree
// says it, durable with the rows themselves.
//
// Threading: one thread at a time. Ownership: of the folder, by its lock file; scan()s end before it. Errors:
// those of the disk; after one, open it anew.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/content_sum.h"
#include "kontor/store/redo_stream.h"
#include "kontor/store/store.h"

namespace kontor::store {

// As a partition keeps it: its key with the table before it, its value with a checksum before it.
struct StoredRow {
    std::string_view key, stored;
};
// The row matches its checksum.
[[nodiscard]] bool is_whole(const StoredRow& row);

struct CopyDraftOptions {
    std::string folder;
    std::vector<TableSpec> tables;
    std::uint64_t map_bytes = 0;
    // Test seam: called with a step's name after each durable step; may _exit the process.
    std::function<void(const char* step)> crash_point;
};

class CopyDraft {
 public:
    // Makes the folder or goes on with what is there. conflict: another process is at it.
    static Result<std::unique_ptr<CopyDraft>> open(CopyDraftOptions options);
    virtual ~CopyDraft() = default;

    [[nodiscard]] virtual Result<std::optional<std::string>> read_note() const = 0;
    [[nodiscard]] virtual Result<void> write_note(std::string_view note, const char* step) = 0;  // durable
    struct Finished {
        std::uint32_t partitions = 0;
        CheckpointMeta at;
    };
    // Without a note: the store that it became.
    [[nodiscard]] virtual Result<std::optional<Finished>> finished() const = 0;
    [[nodiscard]] virtual Result<void> clear() = 0;  // all but LOCK
    [[nodiscard]] virtual const std::vector<TableId>& trees() const = 0;

    // --- rows: one partition of so many is open ---
    // Opens the partition for the tree at this place of trees(); the last key that it holds.
    [[nodiscard]] virtual Result<std::string> open_tree(std::uint32_t partitions, unsigned partition,
                                                        std::size_t tree) = 0;
    // One durable transaction; keys ascending, behind all that are there.
    [[nodiscard]] virtual Result<void> append(unsigned partition, std::size_t tree,
                                              const std::vector<StoredRow>& rows) = 0;

    // --- from the first redo file on: all partitions are open ---
    [[nodiscard]] virtual Result<void> open_all(std::uint32_t partitions) = 0;
    [[nodiscard]] virtual Result<void> apply(unsigned partition, const std::vector<RedoRow>& rows) = 0;
    // Nothing is applied to the partition while it is summed up. `tables` outlives it.
    [[nodiscard]] virtual std::unique_ptr<ContentScan> scan(unsigned partition,
                                                            const Tables& tables) const = 0;
    // Makes it a store at this checkpoint, and removes the note.
    [[nodiscard]] virtual Result<void> finish(std::uint32_t partitions, const CheckpointMeta& at) = 0;
};

}  // namespace kontor::store
