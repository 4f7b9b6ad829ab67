#include "folder.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "kontor/base/disk_space.h"
#include "kontor/base/log.h"
#include "kontor/store/hashing.h"
#include "kontor/store/partitions_made.h"
#include "kontor/store/tables.h"
#include "partition_file.h"

namespace kontor::store {
namespace {

constexpr std::uint64_t kPageBytes = 4096;
constexpr std::uint64_t kRowOverheadBytes = 32;  // in a page: node, table byte, checksum, form
constexpr std::uint64_t kTreeHeight = 64;        // new branches and roots, generously
// LMDB keeps values up to about half a page in the leaf; longer ones get pages of their own.
constexpr std::uint64_t kInlineValueBytes = 1500;

// At worst every row lies on a leaf of its own.
std::uint64_t estimated_pages(const RowImage& row) {
    return row.value.size() <= kInlineValueBytes ? 1 : 2 + row.value.size() / kPageBytes;
}

Result<void> make_partitions(const StoreOptions& options, const std::string& path) {
    // Made beside and renamed, so that a crash leaves all partitions or none.
    const std::string draft = path + ".new";
    std::error_code code;
    std::filesystem::remove_all(draft, code);
    if (code) return fail(errno_error("remove " + draft, code.value()));
    PartitionMeta meta;
    meta.partitions = options.partitions;
    meta.checkpoint.state_hash.assign(kStateHashBytes, '\0');
    for (meta.number = 0; meta.number < options.partitions; ++meta.number) {
        const std::string folder = draft + "/" + partition_name(meta.number);
        KONTOR_CHECK(make_folder(folder));
        KONTOR_TRY(const auto partition,
                   Partition::open(folder, meta.number, options.map_bytes, options.tables));
        KONTOR_CHECK(partition->write({}, meta));
        KONTOR_CHECK(sync_path(folder));
    }
    KONTOR_CHECK(sync_path(draft));
    std::filesystem::rename(draft, path, code);
    if (code) return fail(errno_error("rename " + draft, code.value()));
    return sync_path(options.folder);
}

Result<unsigned> count_partitions(const std::string& path) {
    unsigned count = 0;
    std::error_code code;
    for (std::filesystem::directory_iterator it(path, code), end; !code && it != end; it.increment(code))
        ++count;
    if (code) return fail(errno_error("list " + path, code.value()));
    return count;
}

std::string data_file(const std::string& partitions, unsigned number) {
    return partitions + "/" + partition_name(number) + "/data.mdb";
}

// Brings all partitions to one checkpoint, and what they miss of written-back tables into memory: every
// partition goes through the redo files above its indexes, which have to follow one another.
class Recovery {
 public:
    Recovery(Folder& folder, const StoreOptions& options) : folder_(folder), options_(options) {}

    Result<void> run() {
        KONTOR_CHECK(read_metas());
        // Who opens a store to write has made it.
        if (!options_.read_only || std::filesystem::exists(folder_.redo_folder)) KONTOR_CHECK(read_redo());
        KONTOR_CHECK(check_agreement());
        folder_.checkpoint = metas_[0].checkpoint;
        // As the partitions say it, also where redo files brought nothing: the next start asks them.
        for (const PartitionMeta& meta : metas_) folder_.merged.push_back(meta.merged_index);
        if (files_ > 1) log::info("store", "read " + std::to_string(files_) + " redo files");
        if (options_.read_only) return {};
        return remove_old_redo_files(folder_.redo_folder,
                                     first_needed_redo(folder_.merged, folder_.checkpoint.index));
    }

 private:
    Result<void> read_redo() {
        KONTOR_TRY(const auto indexes, list_redo_files(folder_.redo_folder));
        for (const std::uint64_t index : indexes)
            if (is_needed(index)) KONTOR_CHECK(use(index));
        return {};
    }
    Result<void> read_metas() {
        for (unsigned number = 0; number < folder_.partitions.size(); ++number) {
            KONTOR_TRY(auto meta, folder_.partitions[number]->read_meta());
            const std::string who = "partition " + partition_name(number);
            if (meta.number != number || meta.partitions != folder_.partitions.size())
                return fail(ErrorCode::corruption,
                            who + " says that it is number " + std::to_string(meta.number) + " of " +
                                std::to_string(meta.partitions) + "; the folder holds " +
                                std::to_string(folder_.partitions.size()));
            if (meta.merged_index > meta.checkpoint.index)
                return fail(ErrorCode::corruption, who + " says that it is behind what is merged into it");
            settled_.push_back(meta.merged_index);
            metas_.push_back(std::move(meta));
        }
        return {};
    }

    [[nodiscard]] static bool is_behind(const PartitionMeta& meta, std::uint64_t index) {
        return meta.checkpoint.index < index;
    }
    [[nodiscard]] bool is_needed(std::uint64_t index) const {
        return is_needed_by_partitions(index) ||
               std::any_of(settled_.begin(), settled_.end(), [&](auto at) { return at < index; });
    }
    [[nodiscard]] bool is_needed_by_partitions(std::uint64_t index) const {
        return std::any_of(metas_.begin(), metas_.end(), [&](const auto& m) { return is_behind(m, index); });
    }
    // Whether any partition holds rows of the checkpoint already: then there is no way back.
    [[nodiscard]] bool is_begun(std::uint64_t index) const {
        return std::any_of(metas_.begin(), metas_.end(),
                           [&](const auto& m) { return !is_behind(m, index) || m.pending_index >= index; });
    }

    Result<void> use(std::uint64_t index) {
        const std::string path = redo_path(folder_.redo_folder, index);
        auto redo = read_redo_file(path, is_needed_by_partitions(index));
        if (!redo) {
            if (redo.error().code != ErrorCode::corruption) return fail(redo.error());
            if (is_begun(index))
                return fail(ErrorCode::corruption, redo.error().message +
                                                       "; partitions were already being brought to index " +
                                                       std::to_string(index) +
                                                       " with it: restore this node from a peer or a backup");
            log::warning("store",
                         "dropped an incomplete checkpoint, the log replays it: " + redo.error().message);
            if (options_.read_only) return {};
            if (::unlink(path.c_str()) != 0) return fail(errno_error("remove " + path, errno));
            return sync_path(folder_.redo_folder);
        }
        const bool is_for_memory = options_.read_only && is_needed_by_partitions(index);
        KONTOR_CHECK(apply(*redo, index, path));
        if (is_for_memory) folder_.unwritten.push_back(*std::move(redo));
        return {};
    }

    Result<void> apply(const RedoContents& redo, std::uint64_t index, const std::string& path) {
        KONTOR_CHECK(check_fits(redo.header, index, path));
        if (is_needed_by_partitions(index) && options_.read_only) {
            for (PartitionMeta& meta : metas_) {
                if (!is_behind(meta, index)) continue;
                meta.checkpoint = redo.header.checkpoint;
                meta.pending_index = 0;
            }
        } else if (is_needed_by_partitions(index)) {
            // It may have been complete in memory only when the process died.
            KONTOR_CHECK(sync_path(path));
            KONTOR_CHECK(sync_path(folder_.redo_folder));
            KONTOR_CHECK(advance(redo));
            log::info("store",
                      "finished the checkpoint of index " + std::to_string(index) + " from its redo file");
        }
        ++files_;
        for (std::size_t number = 0; number < settled_.size(); ++number) {
            if (settled_[number] >= index) continue;
            KONTOR_CHECK(check_written_back(redo.rows[number].written_back, path));
            folder_.write_back[number]->absorb(redo.rows[number].written_back);
            settled_[number] = index;
        }
        return {};
    }

    // Rows that only redo files hold need tables whose rows stay in memory: another version of the software
    // may have declared them otherwise.
    [[nodiscard]] Result<void> check_written_back(std::span<const RowImage> rows,
                                                  const std::string& path) const {
        std::optional<TableId> fine;
        for (const RowImage& row : rows) {
            if (row.table == fine) continue;
            const auto declared = std::find_if(options_.tables.begin(), options_.tables.end(),
                                               [&](const TableSpec& spec) { return spec.id == row.table; });
            if (declared == options_.tables.end() || !declared->written_back)
                return fail(
                    ErrorCode::unsupported,
                    "redo file " + path + " holds rows of table " + std::to_string(row.table) +
                        " that no partition has, and this binary does not keep that table in memory: start "
                        "the version that wrote it");
            fine = row.table;
        }
        return {};
    }

    [[nodiscard]] Result<void> check_fits(const RedoHeader& header, std::uint64_t index,
                                          const std::string& path) const {
        if (header.checkpoint.index != index || header.partitions != metas_.size())
            return fail(ErrorCode::corruption, "redo file " + path + " is of another store");
        const std::string leads = "; redo file " + path + " leads from " + std::to_string(header.base_index) +
                                  " to " + std::to_string(index);
        for (const PartitionMeta& meta : metas_) {
            const std::string who = "partition " + partition_name(meta.number);
            const bool fits =
                !is_behind(meta, index) || (meta.checkpoint.index == header.base_index &&
                                            (meta.pending_index == 0 || meta.pending_index == index));
            if (!fits)
                return fail(ErrorCode::corruption,
                            who + " is at index " + std::to_string(meta.checkpoint.index) + leads);
            const std::uint64_t write_back = settled_[meta.number];
            if (write_back < index && write_back != header.base_index)
                return fail(ErrorCode::corruption, who + " needs the redo file that follows index " +
                                                       std::to_string(write_back) + ", which is missing" +
                                                       leads + ": restore this node from a peer or a backup");
        }
        return {};
    }

    Result<void> advance(const RedoContents& redo) {
        const CheckpointMeta& target = redo.header.checkpoint;
        for (PartitionMeta& meta : metas_) {
            if (!is_behind(meta, target.index)) continue;
            KONTOR_CHECK(advance_partition(*folder_.partitions[meta.number], meta.number, meta.checkpoint,
                                           target, meta.merged_index, redo.rows[meta.number].ordinary,
                                           options_, [this] { return options_.max_pages_per_commit; }));
            meta.checkpoint = target;
            meta.pending_index = 0;
        }
        return {};
    }

    [[nodiscard]] Result<void> check_agreement() const {
        const CheckpointMeta& first = metas_[0].checkpoint;
        for (const PartitionMeta& meta : metas_) {
            if (meta.pending_index != 0)
                return fail(ErrorCode::corruption,
                            "partition " + partition_name(meta.number) + " holds a part of checkpoint " +
                                std::to_string(meta.pending_index) + ", whose redo file is missing");
            if (meta.checkpoint.index != first.index)
                return fail(ErrorCode::corruption,
                            "partitions are at different indexes: 00 at " + std::to_string(first.index) +
                                ", " + partition_name(meta.number) + " at " +
                                std::to_string(meta.checkpoint.index) +
                                ", and no redo file joins them: restore this node from a peer or a backup");
            if (meta.checkpoint.state_hash != first.state_hash || meta.checkpoint.time_ms != first.time_ms ||
                meta.checkpoint.replication_meta != first.replication_meta)
                return fail(ErrorCode::corruption, "partitions 00 and " + partition_name(meta.number) +
                                                       " are at one index but of different histories");
            if (settled_[meta.number] != first.index)
                return fail(ErrorCode::corruption,
                            "partition " + partition_name(meta.number) + " is at index " +
                                std::to_string(first.index) + ", and the redo file that follows index " +
                                std::to_string(settled_[meta.number]) +
                                " is missing: restore this node from a peer or a backup");
        }
        return {};
    }

    Folder& folder_;
    const StoreOptions& options_;
    std::vector<PartitionMeta> metas_;
    std::vector<std::uint64_t> settled_;  // by partition: partition and memory together stand for this
    std::uint64_t files_ = 0;
};

// As far as a start would look at it.
Result<void> check_small_file(const std::string& path) {
    KONTOR_TRY(const std::uint64_t bytes, check_partition_file(path));
    return bytes <= StoreOptions().check_up_to_bytes ? check_partition_pages(path) : Result<void>{};
}

}  // namespace

Result<unsigned> partitions_made(const std::string& folder) {
    const std::string path = folder + "/partitions";
    Error last{ErrorCode::not_found, path + " holds no partition"};
    std::error_code code;
    for (std::filesystem::directory_iterator it(path, code), end; !code && it != end; it.increment(code)) {
        if (auto sound = check_small_file(it->path().string() + "/data.mdb"); !sound) {
            last = sound.error();
            continue;
        }
        const auto partition = Partition::open(it->path().string(), 0, StoreOptions().map_bytes, {}, true);
        const auto meta =
            partition ? (*partition)->read_meta() : Result<PartitionMeta>(fail(partition.error()));
        if (meta) return static_cast<unsigned>(meta->partitions);
        last = meta.error();
    }
    return fail(last);
}

Result<void> check_partition_files(const std::string& folder) {
    std::error_code code;
    for (std::filesystem::directory_iterator it(folder + "/partitions", code), end; !code && it != end;
         it.increment(code)) {
        for (const char* name : {"/data.mdb", "/lock.mdb"})
            if (std::error_code none; std::filesystem::is_directory(it->path().string() + name, none))
                return fail(ErrorCode::corruption, it->path().string() + name + " is a folder, not a file");
        KONTOR_CHECK(check_partition_file(it->path().string() + "/data.mdb"));
    }
    return {};
}

Result<void> check_no_partitions(const std::string& folder) {
    const std::string redo = folder + "/redo";
    if (std::error_code none; !std::filesystem::exists(redo, none)) return {};
    KONTOR_TRY(const auto indexes, list_redo_files(redo));
    if (indexes.empty()) return {};
    return fail(ErrorCode::corruption,
                "there are redo files in " + redo + " but no " + folder + "/partitions");
}

Result<void> check_store(const std::string& folder, std::span<const TableSpec> tables) {
    StoreOptions options;
    options.folder = folder;
    options.tables.assign(tables.begin(), tables.end());
    options.partitions = 0;  // whatever the folder has
    options.read_only = true;
    KONTOR_TRY([[maybe_unused]] const Folder opened, open_folder(options));
    return {};
}

Result<Folder> open_folder(StoreOptions& options) {
    Folder folder;
    folder.redo_folder = options.folder + "/redo";
    const std::string path = options.folder + "/partitions";
    // A look at a store must not make one.
    if ((options.partitions == 0 || options.read_only) && !std::filesystem::exists(path))
        return fail(ErrorCode::not_found, options.folder + " holds no store");
    if (!options.read_only) KONTOR_CHECK(make_folder(folder.redo_folder));
    KONTOR_TRY(folder.lock, lock_folder(options.folder, options.read_only));
    if (!std::filesystem::exists(path)) {
        KONTOR_CHECK(check_no_partitions(options.folder));
        KONTOR_CHECK(make_partitions(options, path));
    }
    KONTOR_TRY(const unsigned count, count_partitions(path));
    if (count == 0) return fail(ErrorCode::corruption, path + " is empty");
    if (options.partitions == 0) options.partitions = count;
    if (count != options.partitions || count > kMaxPartitions)
        return fail(ErrorCode::invalid_argument, path + " has " + std::to_string(count) +
                                                     " partitions, the options say " +
                                                     std::to_string(options.partitions) +
                                                     "; the number is chosen when the folder is made");
    std::uint64_t bytes = 0;
    for (unsigned number = 0; number < count; ++number) {
        const std::string file = data_file(path, number);
        if (!std::filesystem::exists(file)) return fail(ErrorCode::corruption, file + " is missing");
        KONTOR_TRY(const std::uint64_t more, check_partition_file(file));
        bytes += more;
    }
    const bool is_checked = bytes <= options.check_up_to_bytes;
    // Pages before rows: LMDB ends the process at one that is none.
    for (unsigned number = 0; is_checked && number < count; ++number)
        KONTOR_CHECK(check_partition_pages(data_file(path, number)));
    for (unsigned number = 0; number < count; ++number) {
        KONTOR_TRY(auto partition, Partition::open(path + "/" + partition_name(number), number,
                                                   options.map_bytes, options.tables, options.read_only));
        folder.partitions.push_back(std::move(partition));
    }
    if (is_checked)
        for (const auto& partition : folder.partitions) KONTOR_CHECK(partition->check());
    folder.tables = std::make_unique<Tables>(options.tables, count);
    for (unsigned number = 0; number < count; ++number)
        folder.write_back.push_back(std::make_unique<WriteBackRows>(*folder.tables));
    KONTOR_CHECK(Recovery(folder, options).run());
    // Not before: a redo file brings rows behind what was last.
    for (const auto& partition : folder.partitions) {
        KONTOR_TRY(auto keys, partition->read_last_keys());
        partition->keep_last_keys(std::move(keys));
    }
    return folder;
}

Result<void> with_room(const StoreOptions& options, std::uint64_t bytes,
                       const std::function<Result<void>()>& piece) {
    if (!options.wait_for_space) return piece();
    if (!options.wait_for_space(bytes, 0)) return fail(ErrorCode::unavailable, "the store is being closed");
    for (unsigned failed = 1;; ++failed) {
        auto done = piece();
        if (done) return done;
        bool is_full = done.error().code == ErrorCode::no_space;
        if (done.error().code == ErrorCode::io) {
            const auto space = disk_space(options.folder);
            is_full = space && space->free_bytes < bytes;
        }
        if (!is_full || !options.wait_for_space(bytes, failed)) return done;
    }
}

Result<void> advance_partition(Partition& partition, std::uint32_t number, const CheckpointMeta& from,
                               const CheckpointMeta& to, std::uint64_t merged, std::span<const RowImage> rows,
                               const StoreOptions& options, const MaxPages& max_pages) {
    // What is merged stands for no more than what is there.
    const PartitionMeta during{options.partitions, number, to.index, from, std::min(merged, from.index)};
    const PartitionMeta after{options.partitions, number, 0, to, merged};
    return write_partition(partition, during, after, rows, options, max_pages, "partition-");
}

Result<void> write_partition(Partition& partition, const PartitionMeta& during, const PartitionMeta& after,
                             std::span<const RowImage> rows, const StoreOptions& options,
                             const MaxPages& max_pages, const char* step) {
    const auto crash = [&](const char* what) {
        if (options.crash_point) options.crash_point((step + std::to_string(after.number) + what).c_str());
    };
    while (true) {
        // Sorted rows share leaves: never more pages than there are, and those that new rows fill (by half at
        // worst).
        KONTOR_TRY(const std::uint64_t present, partition.pages());
        const std::uint64_t page_limit = max_pages();
        std::uint64_t pages = 0, bytes = 0;
        std::size_t take = 0;
        while (take < rows.size()) {
            const RowImage& row = rows[take];
            const std::uint64_t more_pages = pages + estimated_pages(row);
            const std::uint64_t more_bytes = bytes + row.key.size() + row.value.size() + kRowOverheadBytes;
            const std::uint64_t most =
                std::min(more_pages, present + kTreeHeight + more_bytes / (kPageBytes / 2));
            if (take > 0 && most > page_limit) break;
            pages = more_pages;
            bytes = more_bytes;
            ++take;
        }
        const bool last = take == rows.size();
        // Every page that is changed is written elsewhere, the way to it too, and the list of free ones.
        const std::uint64_t most =
            (std::min(pages, present + kTreeHeight + bytes / (kPageBytes / 2)) + 4 * kTreeHeight) *
            kPageBytes;
        KONTOR_CHECK(with_room(options, most,
                               [&] { return partition.write(rows.first(take), last ? after : during); }));
        if (last) break;
        crash("-txn");
        rows = rows.subspan(take);
    }
    crash("-committed");
    return {};
}

std::uint64_t first_needed_redo(std::span<const std::uint64_t> merged, std::uint64_t index) {
    return std::min(index, *std::min_element(merged.begin(), merged.end()) + 1);
}

Result<void> remove_old_redo_files(const std::string& redo_folder, std::uint64_t index) {
    KONTOR_TRY(const auto indexes, list_redo_files(redo_folder));
    bool removed = false;
    for (const std::uint64_t old : indexes) {
        if (old >= index) break;
        const std::string path = redo_path(redo_folder, old);
        if (::unlink(path.c_str()) != 0) return fail(errno_error("remove " + path, errno));
        removed = true;
    }
    return removed ? sync_path(redo_folder) : Result<void>{};
}

}  // namespace kontor::store
