#include "stored_rows.h"

#include <sys/mman.h>

#include <algorithm>

#include "kontor/base/bytes.h"
#include "kontor/store/hashing.h"

namespace kontor::store {
namespace {

constexpr std::uint64_t kReleaseEveryBytes = 64ULL << 20;

std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

}  // namespace

void ContentSum::add(std::string_view lmdb_key, std::string_view value) {
    const Hash128 hash = hash128(value, hash64(lmdb_key));
    ++rows;
    low += hash.low;
    high += hash.high + (low < hash.low ? 1 : 0);
}

std::string name_difference(const ContentSums& here, const ContentSums& there, const Tables& tables) {
    const auto in = [](const ContentSums& sums, unsigned table) {
        const auto found = sums.find(static_cast<TableId>(table));
        return found == sums.end() ? ContentSum{} : found->second;
    };
    for (unsigned table = 0; table < kTreeNameTable; ++table) {
        const ContentSum mine = in(here, table), theirs = in(there, table);
        if (mine == theirs) continue;
        const std::string name = tables.name(static_cast<TableId>(table));
        if (mine.rows == theirs.rows)
            return name + ": " + std::to_string(mine.rows) + " rows in both, with other content";
        return name + ": " + std::to_string(mine.rows) + " rows here, " + std::to_string(theirs.rows) +
               " there";
    }
    return "";
}

std::vector<TableId> trees_of(const std::vector<TableSpec>& tables) {
    std::vector<TableId> trees;
    for (const TableSpec& spec : tables)
        if (spec.appended) trees.push_back(spec.id);
    std::sort(trees.begin(), trees.end());
    trees.insert(trees.begin(), kMetaTable);
    return trees;
}

Result<bool> visit_stored(MDB_txn* txn, MDB_dbi tree, std::string_view after, const StoredVisitor& visit) {
    MDB_cursor* opened = nullptr;
    if (const int code = mdb_cursor_open(txn, tree, &opened); code != 0)
        return fail(lmdb_error("open a cursor", code));
    const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> cursor(opened, mdb_cursor_close);
    MDB_val key{after.size(), const_cast<char*>(after.data())}, value{};
    int code = mdb_cursor_get(opened, &key, &value, after.empty() ? MDB_FIRST : MDB_SET_RANGE);
    if (code == 0 && !after.empty() && view(key) == after)
        code = mdb_cursor_get(opened, &key, &value, MDB_NEXT);
    while (code == 0) {
        if (static_cast<TableId>(view(key)[0]) >= kTreeNameTable) return true;
        if (!visit(view(key), view(value))) return false;
        code = mdb_cursor_get(opened, &key, &value, MDB_NEXT);
    }
    if (code != MDB_NOTFOUND) return fail(lmdb_error("move a cursor", code));
    return true;
}

void release_visited_pages(const Partition& partition, MDB_txn* txn, MDB_dbi tree) {
    // LMDB does not tell where its map is. Each page begins with its own number, so any row tells.
    (void)visit_stored(txn, tree, {}, [&](std::string_view key, std::string_view) {
        MDB_stat stat{};
        mdb_stat(txn, tree, &stat);
        const auto at = reinterpret_cast<std::uintptr_t>(key.data());
        const std::uintptr_t page = at - at % stat.ms_psize;
        const auto number = get_le<std::uint64_t>({reinterpret_cast<const char*>(page), 8});
        (void)::madvise(reinterpret_cast<void*>(page - number * stat.ms_psize), partition.used_bytes(),
                        MADV_DONTNEED);
        return false;
    });
}

Result<void> StoredScan::step(MDB_txn* txn, std::uint64_t max_bytes) {
    std::uint64_t bytes = 0;
    RowBuffer buffer;
    ContentSum* sum = nullptr;
    TableId table = kMetaTable;
    std::string bad;
    while (!done() && bytes < max_bytes) {
        const MDB_dbi tree = partition_.dbi(trees_[tree_]);
        const auto add = [&](std::string_view key, std::string_view stored) {
            const auto row = checked_row(key, stored, buffer);
            if (!row) {
                bad = tables_.describe(number_, static_cast<TableId>(key[0]), key.substr(1)) +
                      ": the row does not match its checksum";
                return false;
            }
            if (sum == nullptr || static_cast<TableId>(key[0]) != table) {
                table = static_cast<TableId>(key[0]);
                sum = &sums_[table];
            }
            sum->add(key, *row);
            bytes += key.size() + stored.size();
            if (bytes < max_bytes) return true;
            after_ = key;
            return false;
        };
        KONTOR_TRY(const bool at_end, visit_stored(txn, tree, after_, add));
        if (!bad.empty()) return fail(ErrorCode::corruption, bad);
        since_release_ += bytes;
        if (since_release_ >= kReleaseEveryBytes) {
            release_visited_pages(partition_, txn, tree);
            since_release_ = 0;
        }
        if (!at_end) return {};
        ++tree_;
        after_.clear();
    }
    return {};
}

}  // namespace kontor::store
