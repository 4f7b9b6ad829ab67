#pragma once
// The declared tables, checked once, and where a row lives.
//
// Threading: constant after construction. Errors: check() names the table that is declared wrongly.

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/row_store.h"

namespace kontor::store {

inline constexpr TableId kMetaTable = 255;      // the store's own; nobody may declare it
inline constexpr TableId kTreeNameTable = 254;  // where LMDB keeps the names of appended tables' trees
inline constexpr unsigned kMaxPartitions = 64;

[[nodiscard]] std::string partition_name(unsigned number);  // "03"

// A row's place: everything that one hash of its partition key decides.
struct Place {
    unsigned slot;  // position of the table among the declared ones
    unsigned partition;
    bool ordered;
    std::uint64_t hash = 0;  // of the whole key; only where the table is not ordered
};

class Tables {
 public:
    Tables(const std::vector<TableSpec>& specs, unsigned partitions);
    Tables(Tables&&) = default;
    Tables(const Tables&) = delete;  // names would point into the original
    Tables& operator=(const Tables&) = delete;
    [[nodiscard]] static Result<void> check(const std::vector<TableSpec>& specs);

    [[nodiscard]] Place place(TableId table, std::string_view key) const;
    [[nodiscard]] std::string_view partition_key(TableId table, std::string_view key) const;
    [[nodiscard]] unsigned slot(TableId table) const;  // asserts that the table is declared
    [[nodiscard]] const TableSpec& spec(unsigned slot) const { return specs_[slot]; }
    [[nodiscard]] unsigned count() const { return static_cast<unsigned>(specs_.size()); }
    [[nodiscard]] unsigned partitions() const { return partitions_; }

    [[nodiscard]] std::string name(TableId table) const;  // "table accounts (7)"
    // "partition 03, table accounts (7), key 00ff": how failures name a row.
    [[nodiscard]] std::string describe(unsigned partition, TableId table, std::string_view key) const;

 private:
    std::vector<TableSpec> specs_;    // by id, so that slot order is key order
    std::vector<std::string> names_;  // what specs_ names point at
    std::array<std::uint8_t, 256> slots_{};
    unsigned partitions_;
};

}  // namespace kontor::store
