#include "partition.h"

#include <cerrno>
#include <cstring>

#include "files.h"
#include "hashing.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"

namespace kontor::store {
namespace {

constexpr std::string_view kMetaKey = "meta";
constexpr std::string_view kMetaMagic = "KPAR";
constexpr std::size_t kMetaFixedBytes = 60;

std::string encode_meta(const PartitionMeta& meta) {
    std::string out(kMetaMagic);
    put_le<std::uint32_t>(out, kLayoutVersion);
    put_le<std::uint32_t>(out, meta.partitions);
    put_le<std::uint32_t>(out, meta.number);
    put_le<std::uint64_t>(out, meta.checkpoint.index);
    put_le<std::uint64_t>(out, meta.pending_index);
    put_le<std::int64_t>(out, meta.checkpoint.time_ms);
    out += meta.checkpoint.state_hash;
    put_le<std::uint32_t>(out, static_cast<std::uint32_t>(meta.checkpoint.replication_meta.size()));
    KONTOR_ASSERT(out.size() == kMetaFixedBytes, "meta row layout");
    return out + meta.checkpoint.replication_meta;
}

Result<PartitionMeta> decode_meta(std::string_view in, const std::string& who) {
    if (in.size() < kMetaFixedBytes || in.substr(0, 4) != kMetaMagic)
        return fail(ErrorCode::corruption, who + ": the meta row is not one");
    if (const auto version = get_le<std::uint32_t>(in.substr(4)); version != kLayoutVersion)
        return fail(ErrorCode::unsupported, who + ": layout version " + std::to_string(version) +
                                                "; this binary knows version " +
                                                std::to_string(kLayoutVersion));
    PartitionMeta meta;
    meta.partitions = get_le<std::uint32_t>(in.substr(8));
    meta.number = get_le<std::uint32_t>(in.substr(12));
    meta.checkpoint.index = get_le<std::uint64_t>(in.substr(16));
    meta.pending_index = get_le<std::uint64_t>(in.substr(24));
    meta.checkpoint.time_ms = get_le<std::int64_t>(in.substr(32));
    meta.checkpoint.state_hash = in.substr(40, kStateHashBytes);
    if (in.size() != kMetaFixedBytes + get_le<std::uint32_t>(in.substr(56)))
        return fail(ErrorCode::corruption, who + ": the meta row has another length than it says");
    meta.checkpoint.replication_meta = in.substr(kMetaFixedBytes);
    return meta;
}

std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// Writes crc and bytes in place, without a copy of the row in between.
int put_row(MDB_txn* txn, MDB_dbi dbi, MDB_val key, std::string_view row) {
    MDB_val value{row.size() + kRowCrcBytes, nullptr};
    if (const int code = mdb_put(txn, dbi, &key, &value, MDB_RESERVE); code != 0) return code;
    const std::uint32_t crc = crc32c(row, crc32c(view(key)));
    std::memcpy(value.mv_data, &crc, sizeof crc);
    if (!row.empty()) std::memcpy(static_cast<char*>(value.mv_data) + kRowCrcBytes, row.data(), row.size());
    return 0;
}

}  // namespace

MDB_val KeyBuffer::set(TableId table, std::string_view key) {
    bytes[0] = static_cast<char>(table);
    if (!key.empty()) std::memcpy(bytes + 1, key.data(), key.size());
    return MDB_val{key.size() + 1, bytes};
}

Error lmdb_error(const std::string& what, int code) {
    if (code == MDB_MAP_FULL)
        return Error{ErrorCode::no_space, what + ": the reserved map is full; raise the store's map size"};
    if (code > 0) return errno_error(what, code);
    const bool broken = code == MDB_CORRUPTED || code == MDB_PAGE_NOTFOUND || code == MDB_INVALID ||
                        code == MDB_VERSION_MISMATCH || code == MDB_PANIC;
    return Error{broken ? ErrorCode::corruption : ErrorCode::internal, what + ": " + mdb_strerror(code)};
}

std::string partition_name(unsigned number) {
    return (number < 10 ? "0" : "") + std::to_string(number);
}

std::optional<std::string_view> checked_row(std::string_view key, std::string_view stored) {
    if (stored.size() < kRowCrcBytes) return std::nullopt;
    const std::string_view row = stored.substr(kRowCrcBytes);
    if (crc32c(row, crc32c(key)) != get_le<std::uint32_t>(stored)) return std::nullopt;
    return row;
}

Error Partition::error(const char* what, int code) const {
    return lmdb_error("partition " + partition_name(number_) + " (" + folder_ + "): " + what, code);
}

Result<std::unique_ptr<Partition>> Partition::open(const std::string& folder, unsigned number,
                                                   std::uint64_t map_bytes) {
    std::unique_ptr<Partition> partition(new Partition(folder, number));
    const auto failed = [&](const char* what, int code) { return fail(partition->error(what, code)); };
    if (const int code = mdb_env_create(&partition->env_); code != 0) return failed("create", code);
    if (const int code = mdb_env_set_mapsize(partition->env_, map_bytes); code != 0)
        return failed("map size", code);
    if (const int code = mdb_env_set_maxreaders(partition->env_, kMaxReadTransactions); code != 0)
        return failed("readers", code);
    // Durable by default: no MDB_NOSYNC, no MDB_WRITEMAP. NOTLS: a read transaction belongs to its owner, not
    // thread.
    if (const int code = mdb_env_open(partition->env_, folder.c_str(), MDB_NOTLS, 0600); code != 0)
        return failed("open", code);
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(partition->env_, nullptr, MDB_RDONLY, &txn); code != 0)
        return failed("begin", code);
    if (const int code = mdb_dbi_open(txn, nullptr, 0, &partition->dbi_); code != 0) {
        mdb_txn_abort(txn);
        return failed("open the table", code);
    }
    mdb_txn_abort(txn);
    return partition;
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
    const int code = mdb_get(txn, dbi_, &key, &value);
    if (code == MDB_NOTFOUND) return fail(ErrorCode::corruption, who + ": the meta row is missing");
    if (code != 0) return fail(error("read the meta row", code));
    const auto row = checked_row(view(key), view(value));
    if (!row) return fail(ErrorCode::corruption, who + ": the meta row does not match its checksum");
    return decode_meta(*row, who);
}

Result<void> Partition::write_in(MDB_txn* txn, std::span<const RowImage> rows, const PartitionMeta& meta) {
    KeyBuffer buffer;
    for (const RowImage& row : rows) {
        MDB_val key = buffer.set(row.table, row.key);
        if (row.erased) {
            const int code = mdb_del(txn, dbi_, &key, nullptr);
            if (code != 0 && code != MDB_NOTFOUND) return fail(error("erase a row", code));
        } else if (const int code = put_row(txn, dbi_, key, row.value); code != 0) {
            return fail(error("write a row", code));
        }
    }
    const std::string encoded = encode_meta(meta);
    if (const int code = put_row(txn, dbi_, buffer.set(kMetaTable, kMetaKey), encoded); code != 0)
        return fail(error("write the meta row", code));
    return {};
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
