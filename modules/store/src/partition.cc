#include "partition.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <functional>
#include <utility>

#include "files.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/log.h"
#include "kontor/store/damaged_file.h"
#include "kontor/store/hashing.h"
#include "kontor/store/tables.h"
#include "partition_file.h"

namespace kontor::store {
namespace {

constexpr std::string_view kMetaKey = "meta";
constexpr std::string_view kMetaMagic = "KPAR";
constexpr std::size_t kMetaFixedBytes = 68;
constexpr MDB_dbi kMaxTrees = 16;                                             // appended tables
constexpr std::size_t kMaxStoredBytes = kMaxValueBytes + kMaxValueBytes / 8;  // with checksum and form

std::string encode_meta(const PartitionMeta& meta) {
    std::string out(kMetaMagic);
    put_le<std::uint32_t>(out, kLayoutVersion);
    put_le<std::uint32_t>(out, meta.partitions);
    put_le<std::uint32_t>(out, meta.number);
    put_le<std::uint64_t>(out, meta.checkpoint.index);
    put_le<std::uint64_t>(out, meta.pending_index);
    put_le<std::int64_t>(out, meta.checkpoint.time_ms);
    out += meta.checkpoint.state_hash;
    put_le<std::uint64_t>(out, meta.merged_index);
    put_le<std::uint32_t>(out, static_cast<std::uint32_t>(meta.checkpoint.replication_meta.size()));
    KONTOR_ASSERT(out.size() == kMetaFixedBytes, "meta row layout");
    return out + meta.checkpoint.replication_meta;
}

Result<PartitionMeta> decode_meta(std::string_view in, const std::string& who) {
    const auto none = [&] { return fail(ErrorCode::corruption, who + ": the meta row is not one"); };
    if (in.size() < 8 || in.substr(0, 4) != kMetaMagic) return none();
    if (const auto version = get_le<std::uint32_t>(in.substr(4)); version != kLayoutVersion)
        return fail(ErrorCode::unsupported, who + ": layout version " + std::to_string(version) +
                                                "; this binary knows version " +
                                                std::to_string(kLayoutVersion));
    if (in.size() < kMetaFixedBytes) return none();
    PartitionMeta meta;
    meta.partitions = get_le<std::uint32_t>(in.substr(8));
    meta.number = get_le<std::uint32_t>(in.substr(12));
    meta.checkpoint.index = get_le<std::uint64_t>(in.substr(16));
    meta.pending_index = get_le<std::uint64_t>(in.substr(24));
    meta.checkpoint.time_ms = get_le<std::int64_t>(in.substr(32));
    meta.checkpoint.state_hash = in.substr(40, kStateHashBytes);
    meta.merged_index = get_le<std::uint64_t>(in.substr(56));
    if (in.size() != kMetaFixedBytes + get_le<std::uint32_t>(in.substr(64)))
        return fail(ErrorCode::corruption, who + ": the meta row has another length than it says");
    meta.checkpoint.replication_meta = in.substr(kMetaFixedBytes);
    return meta;
}

std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// Writes crc and form in place, without a copy in between. The cursor stays on its leaf, so that sorted rows
// find theirs without a way from the root.
int put_row(MDB_cursor* cursor, MDB_val key, std::string_view row, unsigned flags) {
    const RowForm form(row);
    MDB_val value{form.size() + kRowCrcBytes, nullptr};
    if (const int code = mdb_cursor_put(cursor, &key, &value, MDB_RESERVE | flags); code != 0) return code;
    char* bytes = static_cast<char*>(value.mv_data);
    form.write(bytes + kRowCrcBytes);
    const std::uint32_t crc = crc32c({bytes + kRowCrcBytes, form.size()}, crc32c(view(key)));
    std::memcpy(bytes, &crc, sizeof crc);
    return 0;
}

std::function<void(const Error&)>& end_of_process() {
    static std::function<void(const Error&)> end;
    return end;
}

// LMDB's own sanity checks abort when this returns.
void on_lmdb_assert(MDB_env* env, const char* message) {
    const char* folder = nullptr;
    (void)mdb_env_get_path(env, &folder);
    const Error error{ErrorCode::corruption, std::string(folder != nullptr ? folder : "?") +
                                                 "/data.mdb has a damaged page: " + message};
    if (end_of_process()) end_of_process()(error);
    log::error("store", error.describe());
}

// LMDB keeps the names of trees among the keys of the unnamed one: with a table byte that nobody may declare.
std::string tree_name(TableId table) {
    return std::string(1, static_cast<char>(kTreeNameTable)) + std::to_string(table);
}

}  // namespace

void end_at_damaged_file(std::function<void(const Error&)> end) {
    end_of_process() = std::move(end);
}

MDB_val KeyBuffer::set(TableId table, std::string_view key) {
    bytes[0] = static_cast<char>(table);
    if (!key.empty()) std::memcpy(bytes + 1, key.data(), key.size());
    return MDB_val{key.size() + 1, bytes};
}

Error lmdb_error(const std::string& what, int code) {
    // No amount of waiting for the disk would help.
    if (code == MDB_MAP_FULL)
        return Error{ErrorCode::too_large, what + ": the reserved map is full; raise the store's map size"};
    if (code > 0) return errno_error(what, code);
    const bool broken = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
                        code == MDB_VERSION_MISMATCH || code == MDB_PANIC;
    return Error{broken ? ErrorCode::corruption : ErrorCode::internal, what + ": " + mdb_strerror(code)};
}

std::optional<std::string_view> checked_row(std::string_view key, std::string_view stored,
                                            RowBuffer& buffer) {
    // A damaged length may lead past the end of the file: it is looked at before the bytes are.
    if (stored.size() < kRowCrcBytes || stored.size() > kMaxStoredBytes) return std::nullopt;
    const std::string_view form = stored.substr(kRowCrcBytes);
    if (crc32c(form, crc32c(key)) != get_le<std::uint32_t>(stored)) return std::nullopt;
    return decode_row_form(form, buffer);
}

Error Partition::error(const char* what, int code) const {
    return lmdb_error("partition " + partition_name(number_) + " (" + folder_ + "): " + what, code);
}

Result<std::unique_ptr<Partition>> Partition::open(const std::string& folder, unsigned number,
                                                   std::uint64_t map_bytes, std::span<const TableSpec> tables,
                                                   bool read_only) {
    std::unique_ptr<Partition> partition(new Partition(folder, number));
    const auto failed = [&](const char* what, int code) { return fail(partition->error(what, code)); };
    if (const int code = mdb_env_create(&partition->env_); code != 0) return failed("create", code);
    mdb_env_set_assert(partition->env_, on_lmdb_assert);
    if (const int code = mdb_env_set_mapsize(partition->env_, map_bytes); code != 0)
        return failed("map size", code);
    if (const int code = mdb_env_set_maxreaders(partition->env_, kMaxReadTransactions); code != 0)
        return failed("readers", code);
    if (const int code = mdb_env_set_maxdbs(partition->env_, kMaxTrees); code != 0)
        return failed("trees", code);
    // Durable by default: no MDB_NOSYNC, no MDB_WRITEMAP. NOTLS: a read transaction belongs to its owner, not
    // thread.
    KONTOR_CHECK(check_partition_file(folder + "/data.mdb"));
    const unsigned flags = MDB_NOTLS | (read_only ? MDB_RDONLY | MDB_NOLOCK : 0U);
    if (const int code = mdb_env_open(partition->env_, folder.c_str(), flags, 0600); code != 0)
        return failed("open", code);
    KONTOR_CHECK(partition->open_trees(tables, read_only));
    return partition;
}

Result<void> Partition::open_trees(std::span<const TableSpec> tables, bool read_only) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(error("begin", code));
    MDB_dbi main = 0;
    if (const int code = mdb_dbi_open(txn, nullptr, 0, &main); code != 0) {
        mdb_txn_abort(txn);
        return fail(error("open the tables", code));
    }
    bool missing = false;
    std::array<MDB_dbi, 256> trees{};
    for (const TableSpec& spec : tables) {
        if (!spec.appended) continue;
        appended_.push_back(spec.id);
        const int code = mdb_dbi_open(txn, tree_name(spec.id).c_str(), 0, &trees[spec.id]);
        if (read_only && code == MDB_NOTFOUND) {
            trees[spec.id] = main;
            continue;
        }
        missing = missing || code == MDB_NOTFOUND;
        if (code != 0 && code != MDB_NOTFOUND) {
            mdb_txn_abort(txn);
            return fail(error("open a tree", code));
        }
    }
    // Handles outlive the transaction that opened them only when it ends well.
    if (const int code = mdb_txn_commit(txn); code != 0) return fail(error("open the tables", code));
    if (missing) {
        if (const int code = mdb_txn_begin(env_, nullptr, 0, &txn); code != 0)
            return fail(error("begin", code));
        for (const TableId table : appended_) {
            const int code = mdb_dbi_open(txn, tree_name(table).c_str(), MDB_CREATE, &trees[table]);
            if (code == 0) continue;
            mdb_txn_abort(txn);
            return fail(error("make a tree", code));
        }
        if (const int code = mdb_txn_commit(txn); code != 0) return fail(error("make the trees", code));
    }
    dbis_.fill(main);
    for (const TableId table : appended_) dbis_[table] = trees[table];
    return {};
}

Result<std::string> Partition::last_key(MDB_txn* txn, TableId table) const {
    MDB_cursor* cursor = nullptr;
    if (const int code = mdb_cursor_open(txn, dbis_[table], &cursor); code != 0)
        return fail(error("open a cursor", code));
    MDB_val key{}, value{};
    const int code = mdb_cursor_get(cursor, &key, &value, MDB_LAST);
    std::string last = code == 0 ? std::string(view(key)) : std::string();
    mdb_cursor_close(cursor);
    if (code != 0 && code != MDB_NOTFOUND) return fail(error("find the last row", code));
    return last;
}

Result<Partition::LastKeys> Partition::read_last_keys() const {
    LastKeys keys;
    if (appended_.empty()) return keys;
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(error("begin", code));
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    for (const TableId table : appended_) {
        KONTOR_TRY(keys[table], last_key(txn, table));
    }
    return keys;
}

Result<std::uint64_t> Partition::pages() const {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(error("begin", code));
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    std::uint64_t pages = 0;
    const auto count = [&](MDB_dbi dbi) {
        MDB_stat stat{};
        const int code = mdb_stat(txn, dbi, &stat);
        pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
        return code;
    };
    if (const int code = count(dbis_[kMetaTable]); code != 0) return fail(error("count pages", code));
    for (const TableId table : appended_) {
        if (const int code = count(dbis_[table]); code != 0) return fail(error("count pages", code));
    }
    return pages;
}

Partition::~Partition() {
    if (env_ != nullptr) mdb_env_close(env_);
}

Result<PartitionMeta> Partition::read_meta() const {
    const std::string who = "partition " + partition_name(number_) + " (" + folder_ + ")";
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(error("begin", code));
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    KeyBuffer buffer;
    MDB_val key = buffer.set(kMetaTable, kMetaKey), value{};
    const int code = mdb_get(txn, dbis_[kMetaTable], &key, &value);
    if (code == MDB_NOTFOUND) return fail(ErrorCode::corruption, who + ": the meta row is missing");
    if (code != 0) return fail(error("read the meta row", code));
    RowBuffer scratch;
    const auto row = checked_row(view(key), view(value), scratch);
    if (!row) return fail(ErrorCode::corruption, who + ": the meta row does not match its checksum");
    return decode_meta(*row, who);
}

// Rows of one table, sorted by key.
Result<void> Partition::write_table(MDB_txn* txn, std::span<const RowImage> rows) {
    const TableId table = rows.front().table;
    const bool appended = dbis_[table] != dbis_[kMetaTable];
    std::string last;
    if (appended) {
        KONTOR_TRY(last, last_key(txn, table));
    }
    MDB_cursor* opened = nullptr;
    if (const int code = mdb_cursor_open(txn, dbis_[table], &opened); code != 0)
        return fail(error("open a cursor", code));
    const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> cursor(opened, mdb_cursor_close);
    KeyBuffer buffer;
    for (const RowImage& row : rows) {
        fetch_ahead(&row, rows.data() + rows.size());
        MDB_val key = buffer.set(row.table, row.key);
        if (row.erased) {
            const int code = mdb_del(txn, dbis_[table], &key, nullptr);
            if (code != 0 && code != MDB_NOTFOUND) return fail(error("erase a row", code));
            continue;
        }
        // Past the end, a full page stays full: LMDB halves it otherwise.
        const bool at_end = appended && view(key) > last;
        if (const int code = put_row(cursor.get(), key, row.value, at_end ? MDB_APPEND : 0U); code != 0)
            return fail(error("write a row", code));
    }
    return {};
}

Result<void> Partition::write_in(MDB_txn* txn, std::span<const RowImage> rows, const PartitionMeta& meta) {
    for (std::size_t first = 0; first < rows.size();) {
        std::size_t end = first + 1;
        while (end < rows.size() && rows[end].table == rows[first].table) ++end;
        KONTOR_CHECK(write_table(txn, rows.subspan(first, end - first)));
        first = end;
    }
    const std::string encoded = encode_meta(meta);
    const RowImage row{kMetaTable, false, kMetaKey, encoded};
    return write_table(txn, {&row, 1});
}

void Partition::release_mapped_pages() const {
    MDB_txn* txn = nullptr;
    if (mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn) != 0) return;
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    MDB_stat stat{};
    KeyBuffer buffer;
    MDB_val key = buffer.set(kMetaTable, kMetaKey), value{};
    if (mdb_stat(txn, dbis_[kMetaTable], &stat) != 0 || mdb_get(txn, dbis_[kMetaTable], &key, &value) != 0)
        return;
    // LMDB does not tell where its map is. Each page begins with its own number, so any row tells.
    const auto at = reinterpret_cast<std::uintptr_t>(value.mv_data);
    const std::uintptr_t page = at - at % stat.ms_psize;
    const auto number = get_le<std::uint64_t>({reinterpret_cast<const char*>(page), sizeof(std::uint64_t)});
    // Of a shared map of a file this only drops page table entries: the pages stay in the kernel's cache.
    (void)::madvise(reinterpret_cast<void*>(page - number * stat.ms_psize), used_bytes(), MADV_DONTNEED);
}

Result<void> Partition::write(std::span<const RowImage> rows, const PartitionMeta& meta) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(env_, nullptr, 0, &txn); code != 0) return fail(error("begin", code));
    if (auto written = write_in(txn, rows, meta); !written) {
        mdb_txn_abort(txn);
        return written;
    }
    if (const int code = mdb_txn_commit(txn); code != 0) return fail(error("commit", code));
    return {};
}

}  // namespace kontor::store
