#pragma once
// The rows of a partition as they are stored, for copies, and their content as sums
// (docs/formats/transfer.md).
//
// Threading: one thread at a time. Errors: a row that does not match its checksum is corruption, named.

#include <lmdb.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/copy_source.h"
#include "partition.h"

namespace kontor::store {

// Visits the rows of a tree behind `after` (an LMDB key; "": from the first) until `visit` answers false;
// true: to the end. The store's own keys at the end of the main tree are not visited.
[[nodiscard]] Result<bool> visit_stored(MDB_txn* txn, MDB_dbi tree, std::string_view after,
                                        const StoredVisitor& visit);
// Of a tree: pages that a visit mapped do not count as this process's memory any more (see
// Partition::release_mapped_pages).
void release_visited_pages(const Partition& partition, MDB_txn* txn, MDB_dbi tree);

// What makes the sums of one partition; nobody writes meanwhile, or all steps are in one transaction.
class StoredScan {
 public:
    StoredScan(const Partition& partition, unsigned number, const Tables& tables, std::vector<TableId> trees)
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
