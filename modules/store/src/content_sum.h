#pragma once
// The content of tables as sums that do not depend on the order of rows, and the scan of a partition that
// makes them (docs/formats/transfer.md).
//
// Threading: one thread at a time. Errors: a row that does not match its checksum is corruption, named.

#include <lmdb.h>

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "partition.h"
#include "tables.h"

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

// Visits the rows of a tree behind `after` (an LMDB key; "": from the first) until `visit` answers false;
// true: to the end. The store's own keys at the end of the main tree are not visited.
using StoredVisitor = std::function<bool(std::string_view lmdb_key, std::string_view stored)>;
[[nodiscard]] Result<bool> visit_stored(MDB_txn* txn, MDB_dbi tree, std::string_view after,
                                        const StoredVisitor& visit);
// Of a tree: pages that a visit mapped do not count as this process's memory any more (see
// Partition::release_mapped_pages).
void release_visited_pages(const Partition& partition, MDB_txn* txn, MDB_dbi tree);

// The sums of one partition, in steps; nobody writes meanwhile, or all steps are in one transaction.
class ContentScan {
 public:
    ContentScan(const Partition& partition, unsigned number, const Tables& tables, std::vector<TableId> trees)
        : partition_(partition), number_(number), tables_(tables), trees_(std::move(trees)) {}
    [[nodiscard]] Result<void> step(MDB_txn* txn, std::uint64_t max_bytes);
    [[nodiscard]] bool done() const { return tree_ == trees_.size(); }
    [[nodiscard]] const ContentSums& sums() const { return sums_; }

 private:
    const Partition& partition_;
    const unsigned number_;
    const Tables& tables_;
    const std::vector<TableId> trees_;
    std::size_t tree_ = 0;
    std::string after_;
    std::uint64_t since_release_ = 0;
    ContentSums sums_;
};

}  // namespace kontor::store
