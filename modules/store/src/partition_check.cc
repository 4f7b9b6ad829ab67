// The check of a partition's tree. Rows have checksums, LMDB's pages have none: a bit that flips in a page
// header or in a branch hides rows or shows them twice, and none of them is wrong by itself. What can be told
// without page checksums: rows in order, as many as LMDB counts, each found by search as by visit, and no
// page both used and free.

#include <algorithm>
#include <set>
#include <vector>

#include "kontor/base/bytes.h"
#include "kontor/store/tables.h"
#include "partition.h"

namespace kontor::store {
namespace {

constexpr MDB_dbi kFreeList = 0;  // LMDB's own table: transaction id -> pages that it freed

std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

class Cursor {
 public:
    Cursor(MDB_txn* txn, MDB_dbi dbi) : code_(mdb_cursor_open(txn, dbi, &cursor_)) {}
    ~Cursor() {
        if (cursor_ != nullptr) mdb_cursor_close(cursor_);
    }
    Cursor(const Cursor&) = delete;
    Cursor& operator=(const Cursor&) = delete;
    bool next() {
        if (cursor_ == nullptr) return false;
        code_ = mdb_cursor_get(cursor_, &key, &value, MDB_NEXT);  // the first one, first
        return code_ == 0;
    }
    [[nodiscard]] int failure() const { return code_ == MDB_NOTFOUND ? 0 : code_; }
    MDB_val key{}, value{};

 private:
    MDB_cursor* cursor_ = nullptr;
    int code_;
};

class Check {
 public:
    Check(MDB_env* env, MDB_txn* txn) : txn_(txn) {
        mdb_env_info(env, &info_);
        used_.resize(info_.me_last_pgno + 1);
    }

    // What is wrong; "": nothing. The main tree first, which names the others.
    std::string run(std::span<const MDB_dbi> trees) {
        for (const MDB_dbi tree : trees) {
            if (std::string found = rows(tree); !found.empty()) return found;
        }
        return free_pages();
    }

 private:
    std::string rows(MDB_dbi tree) {
        mdb_stat(txn_, tree, &stat_);
        Cursor cursor(txn_, tree);
        RowBuffer buffer;
        std::string last;
        std::size_t seen = 0;
        while (cursor.next()) {
            const std::string_view key = view(cursor.key);
            const std::string where = "row " + std::to_string(seen) + " (" + to_hex(key.substr(0, 32)) + ")";
            if (++seen > 1 && key <= last) return where + " is out of order";
            // Before its bytes are read: a damaged length reaches beyond the map.
            if (!use(cursor.key) || !use(cursor.value)) return where + " lies outside of the file";
            const bool names_tree = !key.empty() && static_cast<unsigned char>(key[0]) == kTreeNameTable;
            if (!names_tree && !checked_row(key, view(cursor.value), buffer))
                return where + " does not match its checksum";
            last = key;
            MDB_val wanted{last.size(), last.data()}, found{};
            // (A tree's name is no row: LMDB does not give it by its key.)
            if (!names_tree &&
                (mdb_get(txn_, tree, &wanted, &found) != 0 || found.mv_data != cursor.value.mv_data))
                return where + " is not found by its key";
        }
        if (cursor.failure() != 0)
            return "row " + std::to_string(seen) + ": " + mdb_strerror(cursor.failure());
        if (seen != stat_.ms_entries)
            return std::to_string(seen) + " rows are in its pages, " + std::to_string(stat_.ms_entries) +
                   " were written";
        return "";
    }

    std::string free_pages() {
        Cursor cursor(txn_, kFreeList);
        std::set<std::size_t> all;
        while (cursor.next()) {
            const std::string_view bytes = view(cursor.value);
            const std::size_t n = bytes.size() < 8 ? 0 : get_le<std::uint64_t>(bytes);
            if (n == 0 || bytes.size() < 8 || n > bytes.size() / 8 - 1)
                return "a list of free pages is no list";
            for (std::size_t i = 1; i <= n; ++i) {
                const std::size_t page = get_le<std::uint64_t>(bytes.substr(8 * i));
                const std::string name = "page " + std::to_string(page);
                if (page < 2 || page >= used_.size()) return name + " is free and not in the file";
                if (used_[page]) return name + " holds rows and is said to be free";
                if (!all.insert(page).second) return name + " is said to be free twice";
            }
        }
        return cursor.failure() == 0 ? "" : std::string("the free pages: ") + mdb_strerror(cursor.failure());
    }

    // Marks the pages of a key or value. The first one begins with its own number; so where the file is
    // mapped follows from any of them, and must from all.
    bool use(const MDB_val& value) {
        const auto at = reinterpret_cast<std::uintptr_t>(value.mv_data);
        const std::uintptr_t page_at = at - at % stat_.ms_psize;
        const auto number = get_le<std::uint64_t>({reinterpret_cast<const char*>(page_at), 8});
        const std::uintptr_t map = page_at - number * stat_.ms_psize;
        if (map_ == 0) map_ = map;
        if (map != map_) return false;
        const std::uint64_t end = at - map + std::max<std::size_t>(value.mv_size, 1);
        if (end > used_.size() * stat_.ms_psize) return false;
        for (std::uint64_t page = number; page * stat_.ms_psize < end; ++page) used_[page] = true;
        return true;
    }

    MDB_txn* txn_;
    MDB_envinfo info_{};
    MDB_stat stat_{};
    std::uintptr_t map_ = 0;
    std::vector<bool> used_;  // by page
};

}  // namespace

std::uint64_t Partition::used_bytes() const {
    MDB_envinfo info{};
    MDB_stat stat{};
    mdb_env_info(env_, &info);
    mdb_env_stat(env_, &stat);
    return (info.me_last_pgno + 1) * stat.ms_psize;
}

Result<void> Partition::check() const {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(error("begin", code));
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    std::vector<MDB_dbi> trees{dbis_[kMetaTable]};
    for (const TableId table : appended_) trees.push_back(dbis_[table]);
    const std::string wrong = Check(env_, txn).run(trees);
    if (wrong.empty()) return {};
    return fail(ErrorCode::corruption, "partition " + partition_name(number_) + " (" + folder_ +
                                           "/data.mdb): " + wrong +
                                           "; restore this node from a peer or a backup");
}

}  // namespace kontor::store
