#pragma once
// One LMDB environment: a part of the rows and the meta row that says which log index it stands for.
// Format: docs/formats/partition.md.
//
// Threading: write() on one thread at a time; read transactions anywhere.
// Errors: I/O as Result (a full disk is no_space, a full map too_large); bytes that do not match their
// checksum are corruption, as StoreFailure on the read path.

#include <lmdb.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/store.h"
#include "kontor/store/tables.h"
#include "mem_table.h"
#include "row_form.h"

namespace kontor::store {

inline constexpr unsigned kMaxReadTransactions = 1022;
inline constexpr std::size_t kRowCrcBytes = 4;

struct PartitionMeta {
    std::uint32_t partitions = 0;
    std::uint32_t number = 0;
    // Not 0: rows up to this index were being written in several transactions, and not all of them are in.
    std::uint64_t pending_index = 0;
    CheckpointMeta checkpoint;
    // What rows of written-back tables stand for; newer ones are in the redo files above.
    std::uint64_t merged_index = 0;
};

// The LMDB key of a row. Reused per thread of control, so that a lookup allocates nothing.
struct KeyBuffer {
    char bytes[1 + kMaxKeyBytes];
    MDB_val set(TableId table, std::string_view key);
};

[[nodiscard]] Error lmdb_error(const std::string& what, int code);

// The row in a stored value, into `buffer` where it has to be put together; nullopt if it does not match its
// checksum. `key` with its table byte.
[[nodiscard]] std::optional<std::string_view> checked_row(std::string_view key, std::string_view stored,
                                                          RowBuffer& buffer);

class Partition {
 public:
    // Makes what is not there yet: the environment, and the trees of appended tables. `read_only`: makes and
    // writes nothing, and nobody else may; a tree that is not there has no rows.
    static Result<std::unique_ptr<Partition>> open(const std::string& folder, unsigned number,
                                                   std::uint64_t map_bytes, std::span<const TableSpec> tables,
                                                   bool read_only = false);
    ~Partition();
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    [[nodiscard]] Result<PartitionMeta> read_meta() const;
    // One durable transaction: the rows, then the meta row.
    [[nodiscard]] Result<void> write(std::span<const RowImage> rows, const PartitionMeta& meta);

    // Visits all of it, in one read transaction: while nobody writes, or it holds up the reuse of pages.
    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] std::uint64_t used_bytes() const;

    // Pages of the file that reads have mapped count as this process's memory for as long as they stay
    // mapped, used again or not. Any thread; readers at work only map theirs anew.
    void release_mapped_pages() const;

    [[nodiscard]] MDB_env* env() const { return env_; }
    [[nodiscard]] MDB_dbi dbi(TableId table) const { return dbis_[table]; }
    // Pages of all trees: no transaction that only changes rows dirties more than these.
    [[nodiscard]] Result<std::uint64_t> pages() const;

    // Of appended tables: is the key above all that keep_last_keys() was told? (With its table byte.)
    [[nodiscard]] bool is_past_last(TableId table, std::string_view key) const {
        return knows_last_ && key > std::string_view(last_keys_[table]);
    }
    // The greatest keys as they are now; keep_last_keys() not while anybody asks is_past_last(): under the
    // store's entry lock, exclusive, once nothing shadows what was written before they were read.
    using LastKeys = std::array<std::string, 256>;
    [[nodiscard]] Result<LastKeys> read_last_keys() const;
    void keep_last_keys(LastKeys&& keys) {
        last_keys_ = std::move(keys);
        knows_last_ = true;
    }

 private:
    Partition(std::string folder, unsigned number) : folder_(std::move(folder)), number_(number) {}
    [[nodiscard]] Result<void> open_trees(std::span<const TableSpec> tables, bool read_only);
    [[nodiscard]] Result<void> write_in(MDB_txn* txn, std::span<const RowImage> rows,
                                        const PartitionMeta& meta);
    [[nodiscard]] Result<void> write_table(MDB_txn* txn, std::span<const RowImage> rows);
    [[nodiscard]] Result<std::string> last_key(MDB_txn* txn, TableId table) const;
    [[nodiscard]] Error error(const char* what, int code) const;

    std::string folder_;
    unsigned number_;
    MDB_env* env_ = nullptr;
    std::array<MDB_dbi, 256> dbis_{};  // by table
    std::vector<TableId> appended_;
    bool knows_last_ = false;
    LastKeys last_keys_;  // of appended tables
};

}  // namespace kontor::store
