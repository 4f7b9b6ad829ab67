#include "copy_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "files.h"
#include "kontor/base/shortage.h"
#include "redo_file.h"
#include "stored_rows.h"

namespace kontor::store {
namespace {

using Time = std::chrono::steady_clock;  // for durations only

constexpr std::uint64_t kReleaseEveryBytes = 64ULL << 20;
constexpr int kLooks = 50;  // for a moment at which a partition is at a checkpoint
constexpr auto kLookEvery = std::chrono::milliseconds(10);

using Transaction = std::unique_ptr<MDB_txn, void (*)(MDB_txn*)>;

Result<Transaction> begin_read(const Partition& partition, unsigned number) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(partition.env(), nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(lmdb_error("partition " + partition_name(number) + ": begin", code));
    return Transaction(txn, mdb_txn_abort);
}

}  // namespace

// One partition as of one checkpoint, being summed up.
struct CopySourceImpl::Check {
    unsigned partition;
    std::uint64_t index;
    Transaction txn;
    StoredScan scan;
    Time::time_point began;
    std::uint64_t used_bytes;
};

struct CopySourceImpl::Copy {
    std::mutex mutex;
    // Guarded by mutex.
    std::optional<Check> check;
    std::string check_ended;  // why
    std::uint64_t since_release = 0;
};

CopySourceImpl::CopySourceImpl(Core& core, const StoreOptions& options, std::string redo_folder,
                               KeptRedo& kept, Hooks hooks)
    : core_(core),
      options_(options),
      redo_folder_(std::move(redo_folder)),
      trees_(trees_of(options.tables)),
      kept_(kept),
      hooks_(std::move(hooks)) {}

std::shared_ptr<CopySourceImpl::Copy> CopySourceImpl::find(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    auto& copy = copies_[id];
    if (!copy) copy = std::make_shared<Copy>();
    return copy;
}

void CopySourceImpl::forget(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    copies_.erase(id);
}

Result<CopyBegin> CopySourceImpl::begin(std::uint64_t id) {
    CopyBegin out;
    forget(id);
    KONTOR_CHECK(kept_.hold(id, [&] {
        out.checkpoint = hooks_.merged();
        return out.checkpoint.index;
    }));
    out.partitions = options_.partitions;
    out.tables = options_.tables;
    for (const auto& partition : core_.partitions) {
        KONTOR_TRY(const std::uint64_t pages, partition->pages());
        MDB_stat stat{};
        mdb_env_stat(partition->env(), &stat);
        out.bytes_estimate += pages * stat.ms_psize;
    }
    return out;
}

void CopySourceImpl::end(std::uint64_t id) {
    forget(id);
    kept_.release(id);
}

std::optional<std::string> CopySourceImpl::renew(std::uint64_t id, std::uint64_t applied) {
    auto ended = kept_.renew(id, applied);
    if (ended) forget(id);
    return ended;
}

Result<void> CopySourceImpl::check_partition(unsigned partition) const {
    if (partition >= core_.partitions.size())
        return fail(ErrorCode::invalid_argument, "there is no partition " + std::to_string(partition));
    return {};
}

Result<bool> CopySourceImpl::rows(std::uint64_t id, unsigned number, TableId table, std::string_view after,
                                  const StoredVisitor& visit) {
    const std::shared_ptr<Copy> copy = find(id);
    const std::scoped_lock lock(copy->mutex);
    KONTOR_CHECK(check_partition(number));
    if (std::find(trees_.begin(), trees_.end(), table) == trees_.end())
        return fail(ErrorCode::invalid_argument, "there is no tree " + std::to_string(table));
    const Partition& partition = *core_.partitions[number];
    const MDB_dbi tree = partition.dbi(table);
    KONTOR_TRY(const Transaction txn, begin_read(partition, number));
    std::uint64_t bytes = 0;
    KONTOR_TRY(const bool at_end,
               visit_stored(txn.get(), tree, after, [&](std::string_view key, std::string_view row) {
                   bytes += key.size() + row.size();
                   return visit(key, row);
               }));
    copy->since_release += bytes;
    if (copy->since_release >= kReleaseEveryBytes) {
        release_visited_pages(partition, txn.get(), tree);
        copy->since_release = 0;
    }
    return at_end;
}

Result<CopyRedo> CopySourceImpl::redo(std::uint64_t index, std::uint64_t offset, std::size_t max_bytes) {
    CopyRedo out;
    const auto next = kept_.next_after(index);
    if (!next) return out;
    out = {true, false, next->index, next->bytes, next->newest, next->remaining, {}};
    if (offset >= next->bytes)
        return fail(ErrorCode::invalid_argument, "redo file " + std::to_string(next->index) + " has " +
                                                     std::to_string(next->bytes) + " bytes");
    const std::string path = redo_path(redo_folder_, next->index);
    const File file(open_file(path, O_RDONLY));
    if (file.fd() < 0 && errno == ENOENT) {
        out.is_gone = true;
        return out;
    }
    if (file.fd() < 0) return fail(errno_error("open " + path, errno));
    out.piece.resize(std::min<std::uint64_t>(max_bytes, next->bytes - offset));
    const ssize_t got = ::pread(file.fd(), out.piece.data(), out.piece.size(), static_cast<off_t>(offset));
    if (got <= 0) return fail(errno_error("read " + path, got < 0 ? errno : EIO));
    out.piece.resize(static_cast<std::size_t>(got));
    return out;
}

Result<CopyCheck> CopySourceImpl::check_begin(std::uint64_t id, unsigned number, std::uint64_t at_least) {
    const std::shared_ptr<Copy> copy = find(id);
    const std::scoped_lock lock(copy->mutex);
    KONTOR_CHECK(check_partition(number));
    const Partition& partition = *core_.partitions[number];
    copy->check.reset();
    copy->check_ended.clear();
    CopyCheck out;
    for (int look = 0; look < kLooks; ++look) {
        if (look > 0) std::this_thread::sleep_for(kLookEvery);
        // The same before and after: no commit came between, so the transaction sees just that.
        KONTOR_TRY(const PartitionMeta before, partition.read_meta());
        KONTOR_TRY(Transaction txn, begin_read(partition, number));
        KONTOR_TRY(const PartitionMeta after, partition.read_meta());
        const std::uint64_t index = after.checkpoint.index;
        if (before.pending_index != 0 || after.pending_index != 0 || before.checkpoint.index != index ||
            index < at_least)
            continue;
        if (after.merged_index != index || before.merged_index != index) {
            hooks_.merge(number);
            continue;
        }
        copy->check.emplace(Check{number, index, std::move(txn),
                                  StoredScan(partition, number, core_.tables, trees_), Time::now(),
                                  partition.used_bytes()});
        out.state = CheckState::going_on;
        out.index = index;
        break;
    }
    return out;
}

std::string CopySourceImpl::beyond_limits(const Check& check) const {
    const auto age = static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Time::now() - check.began).count());
    const std::uint64_t used = core_.partitions[check.partition]->used_bytes();
    const std::uint64_t growth = used > check.used_bytes ? used - check.used_bytes : 0;
    if (age <= options_.max_view_ms && growth <= options_.max_view_growth_bytes) return "";
    return "partition " + partition_name(check.partition) + " was compared for " + std::to_string(age) +
           " ms, in which it grew by " + std::to_string(growth) +
           " bytes (limits: " + std::to_string(options_.max_view_ms) + " ms, " +
           std::to_string(options_.max_view_growth_bytes) + " bytes)";
}

Result<CopyCheck> CopySourceImpl::check_step(std::uint64_t id, unsigned number, std::uint64_t max_bytes) {
    const std::shared_ptr<Copy> copy = find(id);
    const std::scoped_lock lock(copy->mutex);
    CopyCheck out;
    if (copy->check) copy->check_ended = beyond_limits(*copy->check);
    if (!copy->check_ended.empty()) copy->check.reset();
    if (!copy->check || copy->check->partition != number) {
        out.state = CheckState::ended;
        out.why = copy->check_ended.empty() ? "it was not going on" : copy->check_ended;
        return out;
    }
    Check& check = *copy->check;
    KONTOR_CHECK(check.scan.step(check.txn.get(), max_bytes));
    out.index = check.index;
    out.state = check.scan.done() ? CheckState::done : CheckState::going_on;
    // The sums stay for who lost this answer; the pages need not.
    if (check.scan.done()) {
        check.txn.reset();
        out.sums = check.scan.sums();
    }
    return out;
}

void CopySourceImpl::enforce() {
    const std::scoped_lock lock(mutex_);
    for (auto it = copies_.begin(); it != copies_.end();) {
        const std::shared_ptr<Copy> copy = it->second;
        if (!kept_.is_held(it->first)) {
            it = copies_.erase(it);  // an answer that is being made from it is its last owner
            continue;
        }
        ++it;
        const std::unique_lock visit(copy->mutex, std::try_to_lock);
        if (!visit.owns_lock() || !copy->check || !copy->check->txn) continue;
        copy->check_ended = beyond_limits(*copy->check);
        if (!copy->check_ended.empty()) copy->check.reset();
    }
}

}  // namespace kontor::store
