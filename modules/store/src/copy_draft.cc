#include "kontor/store/copy_draft.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "files.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "partition.h"
#include "stored_rows.h"

namespace kontor::store {
namespace {

namespace fs = std::filesystem;

constexpr const char* kNote = "/TRANSFER";

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

class DraftScan final : public ContentScan {
 public:
    DraftScan(const Partition& partition, unsigned number, const Tables& tables, std::vector<TableId> trees)
        : partition_(partition), scan_(partition, number, tables, std::move(trees)) {}
    Result<void> step(std::uint64_t max_bytes) override {
        MDB_txn* txn = nullptr;
        if (const int code = mdb_txn_begin(partition_.env(), nullptr, MDB_RDONLY, &txn); code != 0)
            return fail(lmdb_error("begin to compare the copy", code));
        const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
        return scan_.step(txn, max_bytes);
    }
    [[nodiscard]] bool done() const override { return scan_.done(); }
    [[nodiscard]] const ContentSums& sums() const override { return scan_.sums(); }

 private:
    const Partition& partition_;
    StoredScan scan_;
};

class CopyDraftImpl final : public CopyDraft {
 public:
    explicit CopyDraftImpl(CopyDraftOptions options)
        : options_(std::move(options)), trees_(trees_of(options_.tables)) {}
    Result<void> open();

    Result<std::optional<std::string>> read_note() const override;
    Result<void> write_note(std::string_view note, const char* step) override;
    Result<std::optional<Finished>> finished() const override;
    Result<void> clear() override;
    [[nodiscard]] const std::vector<TableId>& trees() const override { return trees_; }
    Result<std::string> open_tree(std::uint32_t partitions, unsigned number, std::size_t tree) override;
    Result<void> append(unsigned number, std::size_t tree, const std::vector<StoredRow>& rows) override;
    Result<void> open_all(std::uint32_t partitions) override;
    Result<void> apply(unsigned number, const std::vector<RedoRow>& rows) override;
    std::unique_ptr<ContentScan> scan(unsigned number, const Tables& tables) const override {
        return std::make_unique<DraftScan>(*open_[number], number, tables, trees_);
    }
    Result<void> finish(std::uint32_t partitions, const CheckpointMeta& at) override;

 private:
    [[nodiscard]] std::string draft() const { return options_.folder + "/partitions.incoming"; }
    [[nodiscard]] std::string draft(unsigned number) const { return draft() + "/" + partition_name(number); }
    [[nodiscard]] Result<std::unique_ptr<Partition>> open_partition(unsigned number, bool with_trees) const;
    void crash(const char* step) const {
        if (options_.crash_point) options_.crash_point(step);
    }

    const CopyDraftOptions options_;
    const std::vector<TableId> trees_;
    File lock_;
    std::vector<std::unique_ptr<Partition>> open_;  // by number; while rows come all but one are null
};

Result<void> CopyDraftImpl::open() {
    KONTOR_CHECK(make_folder(options_.folder));
    KONTOR_TRY(lock_, lock_folder(options_.folder));
    return {};
}

Result<std::optional<std::string>> CopyDraftImpl::read_note() const {
    const std::string path = options_.folder + kNote;
    if (!fs::exists(path)) return std::optional<std::string>();
    KONTOR_TRY(std::string bytes, read_file(path));
    return std::optional<std::string>(std::move(bytes));
}

Result<std::optional<CopyDraft::Finished>> CopyDraftImpl::finished() const {
    if (!fs::exists(options_.folder + "/partitions")) return std::optional<Finished>();
    KONTOR_TRY(const auto partition,
               Partition::open(options_.folder + "/partitions/00", 0, options_.map_bytes, options_.tables));
    KONTOR_TRY(PartitionMeta meta, partition->read_meta());
    return std::optional<Finished>({meta.partitions, std::move(meta.checkpoint)});
}

Result<void> CopyDraftImpl::write_note(std::string_view note, const char* step) {
    const std::string path = options_.folder + kNote, draft = path + ".new";
    {
        KONTOR_TRY(const File file, create_file(draft));
        KONTOR_CHECK(file.write(note, draft));
        KONTOR_CHECK(file.sync(draft));
    }
    if (::rename(draft.c_str(), path.c_str()) != 0) return fail(errno_error("rename " + draft, errno));
    KONTOR_CHECK(sync_path(options_.folder));
    crash(step);
    return {};
}

Result<void> CopyDraftImpl::clear() {
    open_.clear();
    // First what says that there is something.
    for (const char* name : {kNote, "/TRANSFER.new", "/partitions", "/partitions.incoming", "/redo"}) {
        std::error_code code;
        fs::remove_all(options_.folder + name, code);
        if (code) return fail(errno_error("remove " + options_.folder + name, code.value()));
        KONTOR_CHECK(sync_path(options_.folder));
    }
    return {};
}

Result<std::unique_ptr<Partition>> CopyDraftImpl::open_partition(unsigned number, bool with_trees) const {
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

Result<std::string> CopyDraftImpl::open_tree(std::uint32_t partitions, unsigned number, std::size_t tree) {
    open_.clear();
    open_.resize(partitions);
    // The trees of appended tables have their names at the end of the main tree, whose rows must all be in
    // before: they are appended, too.
    KONTOR_TRY(open_[number], open_partition(number, tree > 0));
    const Partition& partition = *open_[number];
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(partition.env(), nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(failed(number, "begin", code));
    const std::unique_ptr<MDB_txn, void (*)(MDB_txn*)> abort(txn, mdb_txn_abort);
    int code = 0;
    const Cursor cursor = open_cursor(txn, partition.dbi(trees_[tree]), code);
    if (code != 0) return fail(failed(number, "open a cursor", code));
    return last_key(cursor.get());
}

Result<void> CopyDraftImpl::append(unsigned number, std::size_t tree, const std::vector<StoredRow>& rows) {
    const Partition& partition = *open_[number];
    Write write(partition);
    int code = write.code();
    if (code == 0) {
        const Cursor cursor = open_cursor(write.txn(), partition.dbi(trees_[tree]), code);
        for (std::size_t i = 0; code == 0 && i < rows.size(); ++i) {
            char* into = nullptr;
            code = put(cursor.get(), rows[i].key, rows[i].stored.size(), MDB_APPEND, into);
            if (code == 0) std::memcpy(into, rows[i].stored.data(), rows[i].stored.size());
        }
    }
    if (code == 0) code = write.commit();
    if (code != 0) return fail(failed(number, "append rows", code));
    crash("rows-committed");
    return {};
}

Result<void> CopyDraftImpl::open_all(std::uint32_t partitions) {
    open_.clear();
    for (unsigned number = 0; number < partitions; ++number) {
        KONTOR_TRY(open_.emplace_back(), open_partition(number, true));
    }
    return {};
}

Result<void> CopyDraftImpl::apply(unsigned number, const std::vector<RedoRow>& rows) {
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

Result<void> CopyDraftImpl::finish(std::uint32_t partitions, const CheckpointMeta& at) {
    const std::string path = options_.folder + "/partitions";
    if (fs::exists(draft())) {
        KONTOR_CHECK(open_all(partitions));
        for (unsigned number = 0; number < partitions; ++number) {
            KONTOR_CHECK(open_[number]->write({}, PartitionMeta{partitions, number, 0, at, at.index}));
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
    const std::string note = options_.folder + kNote;
    if (::unlink(note.c_str()) != 0) return fail(errno_error("remove " + note, errno));
    KONTOR_CHECK(sync_path(options_.folder));
    crash("copy-finished");
    return {};
}

}  // namespace

bool is_whole(const StoredRow& row) {
    return row.stored.size() > kRowCrcBytes &&
           crc32c(row.stored.substr(kRowCrcBytes), crc32c(row.key)) == get_le<std::uint32_t>(row.stored);
}

Result<std::unique_ptr<CopyDraft>> CopyDraft::open(CopyDraftOptions options) {
    auto draft = std::make_unique<CopyDraftImpl>(std::move(options));
    KONTOR_CHECK(draft->open());
    return std::unique_ptr<CopyDraft>(std::move(draft));
}

}  // namespace kontor::store
