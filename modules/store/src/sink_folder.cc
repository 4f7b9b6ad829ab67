#include "sink_folder.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/log.h"
#include "state_wire.h"

namespace kontor::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "KTRN";
constexpr std::uint32_t kVersion = 1;
constexpr const char* kStateFile = "/TRANSFER";

std::string encode_state(const SinkState& state) {
    std::string out(kMagic);
    put_le(out, kVersion);
    put_le(out, static_cast<std::uint32_t>(state.phase));
    put_le(out, state.partitions);
    put_le(out, state.partition);
    put_le(out, state.tree);
    put_le(out, state.transfer);
    put_le(out, state.base_index);
    put_le(out, state.bytes_done);
    put_le(out, state.bytes_estimate);
    put_checkpoint(out, state.at);
    put_le(out, crc32c(out));
    return out;
}

// Nullopt: it is none that this binary could go on with.
std::optional<SinkState> decode_state(std::string_view bytes) {
    if (bytes.size() < 4) return std::nullopt;
    const std::string_view body = bytes.substr(0, bytes.size() - 4);
    if (crc32c(body) != get_le<std::uint32_t>(bytes.substr(body.size()))) return std::nullopt;
    ByteReader in(body);
    if (in.take(4) != kMagic || in.number<std::uint32_t>() != kVersion) return std::nullopt;
    SinkState state;
    const auto phase = in.number<std::uint32_t>();
    state.phase = static_cast<StateTransferPhase>(phase);
    state.partitions = in.number<std::uint32_t>();
    state.partition = in.number<std::uint32_t>();
    state.tree = in.number<std::uint32_t>();
    state.transfer = in.number<std::uint64_t>();
    state.base_index = in.number<std::uint64_t>();
    state.bytes_done = in.number<std::uint64_t>();
    state.bytes_estimate = in.number<std::uint64_t>();
    state.at = get_checkpoint(in);
    const bool is_some = phase >= static_cast<std::uint32_t>(StateTransferPhase::rows) &&
                         phase <= static_cast<std::uint32_t>(StateTransferPhase::finishing);
    if (!in.is_at_end() || !is_some || state.partitions == 0 || state.partitions > kMaxPartitions ||
        state.partition > state.partitions)
        return std::nullopt;
    return state;
}

std::string_view view(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

// One write transaction, aborted unless it is committed.
class Write {
 public:
    explicit Write(const Partition& partition) { code_ = mdb_txn_begin(partition.env(), nullptr, 0, &txn_); }
    ~Write() {
        if (txn_ != nullptr) mdb_txn_abort(txn_);
    }
    Write(const Write&) = delete;
    Write& operator=(const Write&) = delete;
    [[nodiscard]] int code() const { return code_; }
    [[nodiscard]] MDB_txn* txn() const { return txn_; }
    int commit() { return mdb_txn_commit(std::exchange(txn_, nullptr)); }

 private:
    MDB_txn* txn_ = nullptr;
    int code_;
};

using Cursor = std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)>;
Cursor open_cursor(MDB_txn* txn, MDB_dbi tree, int& code) {
    MDB_cursor* cursor = nullptr;
    code = mdb_cursor_open(txn, tree, &cursor);
    return Cursor(cursor, mdb_cursor_close);
}

std::string last_key(MDB_cursor* cursor) {
    MDB_val key{}, value{};
    return mdb_cursor_get(cursor, &key, &value, MDB_LAST) == 0 ? std::string(view(key)) : std::string();
}

int put(MDB_cursor* cursor, std::string_view key, std::size_t size, unsigned flags, char*& into) {
    MDB_val at{key.size(), const_cast<char*>(key.data())}, value{size, nullptr};
    const int code = mdb_cursor_put(cursor, &at, &value, MDB_RESERVE | flags);
    into = static_cast<char*>(value.mv_data);
    return code;
}

Error failed(unsigned partition, const char* what, int code) {
    return lmdb_error("copy of partition " + partition_name(partition) + ": " + what, code);
}

}  // namespace

Result<SinkState> SinkFolder::open() {
    KONTOR_CHECK(make_folder(options_.folder));
    KONTOR_TRY(lock_, lock_folder(options_.folder));
    const std::string path = options_.folder + kStateFile;
    if (!fs::exists(path)) {
        if (fs::exists(options_.folder + "/partitions")) return read_finished();
        KONTOR_CHECK(clear());
        return SinkState{};
    }
    KONTOR_TRY(const std::string bytes, read_file(path));
    const auto state = decode_state(bytes);
    if (state && (options_.partitions == 0 || options_.partitions == state->partitions) &&
        state->tree < trees_.size())
        return *state;
    log::warning("store", "what " + path + " says is not of this node: the copy begins again");
    KONTOR_CHECK(clear());
    return SinkState{};
}

Result<SinkState> SinkFolder::read_finished() {
    SinkState state;
    state.phase = StateTransferPhase::done;
    KONTOR_TRY(const auto partition,
               Partition::open(options_.folder + "/partitions/00", 0, options_.map_bytes, options_.tables));
    KONTOR_TRY(PartitionMeta meta, partition->read_meta());
    state.partitions = state.partition = meta.partitions;
    state.at = std::move(meta.checkpoint);
    return state;
}

Result<void> SinkFolder::note(const SinkState& state, const char* step) {
    const std::string path = options_.folder + kStateFile, draft = path + ".new";
    {
        KONTOR_TRY(const File file, create_file(draft));
        KONTOR_CHECK(file.write(encode_state(state), draft));
        KONTOR_CHECK(file.sync(draft));
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return fail(errno_error("rename " + draft, errno));
    KONTOR_CHECK(sync_path(options_.folder));
    crash(step);
    return {};
}

Result<void> SinkFolder::clear() {
    open_.clear();
    // First what says that there is something.
    for (const char* name : {kStateFile, "/TRANSFER.new", "/partitions", "/partitions.incoming", "/redo"}) {
        std::error_code code;
        fs::remove_all(options_.folder + name, code);
        if (code) return fail(errno_error("remove " + options_.folder + name, code.value()));
        KONTOR_CHECK(sync_path(options_.folder));
    }
    return {};
}

Result<std::unique_ptr<Partition>> SinkFolder::open_partition(unsigned number, bool with_trees) const {
    KONTOR_CHECK(make_folder(draft(number)));
    // As a power cut may leave one that was just made: nothing is lost by making it again.
    const std::string file = draft(number) + "/data.mdb";
    if (std::error_code code; fs::file_size(file, code) == 0 && !code) fs::remove(file, code);
    KONTOR_TRY(auto partition, Partition::open(draft(number), number, options_.map_bytes,
                                               with_trees ? options_.tables : std::vector<TableSpec>{}));
    KONTOR_CHECK(sync_path(draft(number)));
    KONTOR_CHECK(sync_path(draft()));
    return partition;
}

Result<std::string> SinkFolder::open_tree(const SinkState& state) {
    open_.clear();
    open_.resize(state.partitions);
    // The trees of appended tables have their names at the end of the main tree, whose rows must all be in
    // before: they are appended, too.
    KONTOR_TRY(open_[state.partition], open_partition(state.partition, state.tree > 0));
    const Partition& partition = *open_[state.partition];
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(partition.env(), nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(failed(state.partition, "begin", code));
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    int code = 0;
    const Cursor cursor = open_cursor(txn, partition.dbi(trees_[state.tree]), code);
    if (code != 0) return fail(failed(state.partition, "open a cursor", code));
    return last_key(cursor.get());
}

Result<void> SinkFolder::append(const SinkState& state, const std::vector<StoredRow>& rows) {
    const Partition& partition = *open_[state.partition];
    Write write(partition);
    int code = write.code();
    if (code == 0) {
        const Cursor cursor = open_cursor(write.txn(), partition.dbi(trees_[state.tree]), code);
        for (std::size_t i = 0; code == 0 && i < rows.size(); ++i) {
            char* into = nullptr;
            code = put(cursor.get(), rows[i].key, rows[i].stored.size(), MDB_APPEND, into);
            if (code == 0) std::memcpy(into, rows[i].stored.data(), rows[i].stored.size());
        }
    }
    if (code == 0) code = write.commit();
    if (code != 0) return fail(failed(state.partition, "append rows", code));
    crash("rows-committed");
    return {};
}

Result<void> SinkFolder::open_all(const SinkState& state) {
    open_.clear();
    for (unsigned number = 0; number < state.partitions; ++number) {
        KONTOR_TRY(open_.emplace_back(), open_partition(number, true));
    }
    return {};
}

Result<void> SinkFolder::apply(unsigned number, const std::vector<RedoRow>& rows) {
    const Partition& partition = *open_[number];
    Write write(partition);
    int code = write.code();
    Cursor cursor(nullptr, mdb_cursor_close);
    int table = -1;
    bool appended = false;
    std::string last;
    KeyBuffer buffer;
    for (std::size_t i = 0; code == 0 && i < rows.size(); ++i) {
        const RedoRow& row = rows[i];
        if (row.table != table) {
            table = row.table;
            appended = partition.dbi(row.table) != partition.dbi(kMetaTable);
            cursor = open_cursor(write.txn(), partition.dbi(row.table), code);
            if (code == 0 && appended) last = last_key(cursor.get());
            if (code != 0) break;
        }
        MDB_val key = buffer.set(row.table, row.key);
        if (row.erased) {
            code = mdb_del(write.txn(), partition.dbi(row.table), &key, nullptr);
            if (code == MDB_NOTFOUND) code = 0;
            continue;
        }
        char* into = nullptr;
        const unsigned flags = appended && view(key) > last ? MDB_APPEND : 0U;
        code = put(cursor.get(), view(key), row.form.size() + kRowCrcBytes, flags, into);
        if (code != 0) break;
        const std::uint32_t crc = crc32c(row.form, crc32c(view(key)));
        std::memcpy(into, &crc, sizeof crc);
        std::memcpy(into + kRowCrcBytes, row.form.data(), row.form.size());
    }
    cursor.reset();
    if (code == 0) code = write.commit();
    if (code != 0) return fail(failed(number, "write rows of a redo file", code));
    crash("redo-committed");
    return {};
}

Result<void> SinkFolder::finish(const SinkState& state) {
    const std::string path = options_.folder + "/partitions";
    if (fs::exists(draft())) {
        KONTOR_CHECK(open_all(state));
        for (unsigned number = 0; number < state.partitions; ++number) {
            KONTOR_CHECK(open_[number]->write(
                {}, PartitionMeta{state.partitions, number, 0, state.at, state.at.index}));
            crash("meta-written");
        }
        open_.clear();
        KONTOR_CHECK(sync_path(draft()));
        if (::rename(draft().c_str(), path.c_str()) != 0)
            return fail(errno_error("rename " + draft(), errno));
        KONTOR_CHECK(sync_path(options_.folder));
        crash("partitions-named");
    }
    KONTOR_CHECK(make_folder(options_.folder + "/redo"));
    KONTOR_CHECK(sync_path(options_.folder));
    const std::string note = options_.folder + kStateFile;
    if (::unlink(note.c_str()) != 0) return fail(errno_error("remove " + note, errno));
    KONTOR_CHECK(sync_path(options_.folder));
    crash("copy-finished");
    return {};
}

}  // namespace kontor::store
