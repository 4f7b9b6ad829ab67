#pragma once
// The content of tables as sums that do not depend on the order of rows (docs/formats/transfer.md).
//
// Threading: none.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/tables.h"

namespace kontor::store {

struct ContentSum {
    std::uint64_t rows = 0;
    std::uint64_t low = 0, high = 0;  // of the sum modulo 2^128
    void add(std::string_view lmdb_key, std::string_view value);
    friend bool operator==(const ContentSum&, const ContentSum&) = default;
};
using ContentSums = std::map<TableId, ContentSum>;  // tables without rows have none

// "" or what differs: "table accounts (1): 12 rows here, 13 there".
[[nodiscard]] std::string name_difference(const ContentSums& here, const ContentSums& there,
                                          const Tables& tables);

// The trees of a partition, in the order in which they are copied: the main one (as kMetaTable), then those
// of appended tables by number.
[[nodiscard]] std::vector<TableId> trees_of(const std::vector<TableSpec>& tables);

// The sums of one partition's rows, in steps.
class ContentScan {
 public:
    virtual ~ContentScan() = default;
    // corruption: a row that does not match its checksum, named.
    [[nodiscard]] virtual Result<void> step(std::uint64_t max_bytes) = 0;
    [[nodiscard]] virtual bool done() const = 0;
    [[nodiscard]] virtual const ContentSums& sums() const = 0;
};

}  // namespace kontor::store
