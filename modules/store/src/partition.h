#pragma once
// One LMDB environment: a part of the rows and the meta row that says which log index it stands for.
// Format: docs/formats/partition.md.
//
// Threading: write() and write_meta() on one thread at a time; read transactions anywhere.
// Errors: I/O as Result (a full disk or map is no_space); bytes that do not match their checksum are
// corruption, as StoreFailure on the read path.

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "kontor/base/result.h"
#include "kontor/store/store.h"
#include "mem_table.h"

namespace kontor::store {

inline constexpr std::uint32_t kLayoutVersion = 1;
inline constexpr std::size_t kMaxReplicationMetaBytes = 512U << 10U;  // with the rest below kMaxValueBytes
inline constexpr unsigned kMaxReadTransactions = 1022;
inline constexpr std::size_t kRowCrcBytes = 4;

struct PartitionMeta {
    std::uint32_t partitions = 0;
    std::uint32_t number = 0;
    // Not 0: rows up to this index were being written in several transactions, and not all of them are in.
    std::uint64_t pending_index = 0;
    CheckpointMeta checkpoint;
};

// The LMDB key of a row. Reused per thread of control, so that a lookup allocates nothing.
struct KeyBuffer {
    char bytes[1 + kMaxKeyBytes];
    MDB_val set(TableId table, std::string_view key);
};

[[nodiscard]] Error lmdb_error(const std::string& what, int code);
[[nodiscard]] std::string partition_name(unsigned number);  // "03"

// The row in a stored value; nullopt if it does not match its checksum. `key` with its table byte.
[[nodiscard]] std::optional<std::string_view> checked_row(std::string_view key, std::string_view stored);

class Partition {
 public:
    static Result<std::unique_ptr<Partition>> open(const std::string& folder, unsigned number,
                                                   std::uint64_t map_bytes);
    ~Partition();
    Partition(const Partition&) = delete;
    Partition& operator=(const Partition&) = delete;

    [[nodiscard]] Result<PartitionMeta> read_meta() const;
    // One durable transaction: the rows, then the meta row.
    [[nodiscard]] Result<void> write(std::span<const RowImage> rows, const PartitionMeta& meta);

    // Visits all of it, in one read transaction: while nobody writes, or it holds up the reuse of pages.
    [[nodiscard]] Result<void> check() const;
    [[nodiscard]] std::uint64_t used_bytes() const;

    [[nodiscard]] MDB_env* env() const { return env_; }
    [[nodiscard]] MDB_dbi dbi() const { return dbi_; }

 private:
    Partition(std::string folder, unsigned number) : folder_(std::move(folder)), number_(number) {}
    [[nodiscard]] Result<void> write_in(MDB_txn* txn, std::span<const RowImage> rows,
                                        const PartitionMeta& meta);
    [[nodiscard]] Error error(const char* what, int code) const;

    std::string folder_;
    unsigned number_;
    MDB_env* env_ = nullptr;
    MDB_dbi dbi_ = 0;
};

}  // namespace kontor::store
