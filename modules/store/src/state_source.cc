#include "state_source.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <thread>

#include "files.h"
#include "redo_file.h"

#include "kontor/base/shortage.h"

namespace kontor::store {
namespace {

using Time = std::chrono::steady_clock;  // for durations only

constexpr std::uint64_t kReleaseEveryBytes = 64ULL << 20;
constexpr std::uint64_t kScanPerResponse = 32;  // bytes scanned for each byte that an answer may have
constexpr int kLooks = 50;                      // for a moment at which a partition is at a checkpoint
constexpr auto kLookEvery = std::chrono::milliseconds(10);

using Transaction = std::unique_ptr<MDB_txn, void (*)(MDB_txn*)>;

Result<Transaction> begin_read(const Partition& partition, unsigned number) {
    MDB_txn* txn = nullptr;
    if (const int code = mdb_txn_begin(partition.env(), nullptr, MDB_RDONLY, &txn); code != 0)
        return fail(lmdb_error("partition " + partition_name(number) + ": begin", code));
    return Transaction(txn, mdb_txn_abort);
}

std::uint32_t clamp(std::uint32_t bytes) {
    return std::clamp(bytes, kMinStateResponseBytes, kMaxStateResponseBytes);
}

}  // namespace

// One partition as of one checkpoint, being summed up.
struct StateSourceImpl::Check {
    unsigned partition;
    std::uint64_t index;
    Transaction txn;
    ContentScan scan;
    Time::time_point began;
    std::uint64_t used_bytes;
};

struct StateSourceImpl::Transfer {
    std::mutex mutex;
    // Guarded by mutex.
    std::optional<Check> check;
    std::string check_ended;  // why
    std::uint64_t since_release = 0;
};

StateSourceImpl::StateSourceImpl(Core& core, const StoreOptions& options, std::string redo_folder,
                                 KeptRedo& kept, Hooks hooks)
    : core_(core),
      options_(options),
      redo_folder_(std::move(redo_folder)),
      trees_(trees_of(options.tables)),
      kept_(kept),
      hooks_(std::move(hooks)) {}

Result<std::string> StateSourceImpl::answer(std::string_view bytes) {
    KONTOR_TRY(const StateRequest request, decode_request(bytes));
    StateAnswer answer;
    auto made = [&]() -> Result<std::string> {
        if (auto failure = core_.failure()) return fail(*std::move(failure));
        return body(request, answer.status);
    }();
    if (made) {
        answer.body = *std::move(made);
    } else {
        answer.status = StateStatus::failed;
        answer.code = made.error().code;
        answer.body = made.error().message;
    }
    return encode_answer(bytes, answer);
}

Result<std::string> StateSourceImpl::body(const StateRequest& request, StateStatus& status) {
    if (request.op == StateOp::begin) return begin(request.transfer);
    if (request.op == StateOp::end) {
        forget(request.transfer);
        kept_.release(request.transfer);
        return std::string();
    }
    if (auto ended = kept_.renew(request.transfer, request.index)) {
        forget(request.transfer);
        status = StateStatus::gone;
        return *std::move(ended);
    }
    const std::shared_ptr<Transfer> transfer = find(request.transfer);
    const std::scoped_lock lock(transfer->mutex);
    switch (request.op) {
        case StateOp::rows:
            return rows(*transfer, request);
        case StateOp::redo:
            return redo(request, status);
        case StateOp::check_begin:
            return check_begin(*transfer, request);
        case StateOp::check_step:
            return check_step(*transfer, request);
        default:
            return std::string();  // keep: the lease is renewed
    }
}

std::shared_ptr<StateSourceImpl::Transfer> StateSourceImpl::find(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    auto& transfer = transfers_[id];
    if (!transfer) transfer = std::make_shared<Transfer>();
    return transfer;
}

void StateSourceImpl::forget(std::uint64_t id) {
    const std::scoped_lock lock(mutex_);
    transfers_.erase(id);
}

Result<std::string> StateSourceImpl::begin(std::uint64_t id) {
    BeginBody body;
    forget(id);
    KONTOR_CHECK(kept_.hold(id, [&] {
        body.checkpoint = hooks_.merged();
        return body.checkpoint.index;
    }));
    body.layout = kLayoutVersion;
    body.partitions = options_.partitions;
    body.tables = options_.tables;
    for (const auto& partition : core_.partitions) {
        KONTOR_TRY(const std::uint64_t pages, partition->pages());
        MDB_stat stat{};
        mdb_env_stat(partition->env(), &stat);
        body.bytes_estimate += pages * stat.ms_psize;
    }
    return encode_begin(body);
}

Result<void> StateSourceImpl::check_partition(const StateRequest& request) const {
    if (request.partition >= core_.partitions.size())
        return fail(ErrorCode::invalid_argument,
                    "there is no partition " + std::to_string(request.partition));
    return {};
}

Result<std::string> StateSourceImpl::rows(Transfer& transfer, const StateRequest& request) {
    KONTOR_CHECK(check_partition(request));
    if (std::find(trees_.begin(), trees_.end(), request.tree) == trees_.end())
        return fail(ErrorCode::invalid_argument, "there is no tree " + std::to_string(request.tree));
    const Partition& partition = *core_.partitions[request.partition];
    const std::size_t most = clamp(request.max_bytes);
    std::string body(1, '\0');
    const MDB_dbi tree = partition.dbi(request.tree);
    KONTOR_TRY(const Transaction txn, begin_read(partition, request.partition));
    KONTOR_TRY(const bool at_end,
               visit_stored(txn.get(), tree, request.after, [&](std::string_view key, std::string_view row) {
                   // At least one: the limit of an answer leaves room for the longest.
                   if (body.size() > 1 && body.size() + key.size() + row.size() > most) return false;
                   put_row(body, key, row);
                   return true;
               }));
    body[0] = at_end ? '\1' : '\0';
    transfer.since_release += body.size();
    if (transfer.since_release >= kReleaseEveryBytes) {
        release_visited_pages(partition, txn.get(), tree);
        transfer.since_release = 0;
    }
    return body;
}

Result<std::string> StateSourceImpl::redo(const StateRequest& request, StateStatus& status) {
    RedoBody body;
    const auto next = kept_.next_after(request.index);
    if (!next) return encode_redo(body);
    body = {true, next->index, next->bytes, next->newest, next->remaining, {}};
    if (request.offset >= next->bytes)
        return fail(ErrorCode::invalid_argument, "redo file " + std::to_string(next->index) + " has " +
                                                     std::to_string(next->bytes) + " bytes");
    const std::string path = redo_path(redo_folder_, next->index);
    const File file(open_file(path, O_RDONLY));
    if (file.fd() < 0 && errno == ENOENT) {
        status = StateStatus::gone;
        return std::string("its redo files are gone");
    }
    if (file.fd() < 0) return fail(errno_error("open " + path, errno));
    std::string piece(std::min<std::uint64_t>(clamp(request.max_bytes), next->bytes - request.offset), '\0');
    const ssize_t got = ::pread(file.fd(), piece.data(), piece.size(), static_cast<off_t>(request.offset));
    if (got <= 0) return fail(errno_error("read " + path, got < 0 ? errno : EIO));
    body.piece = std::string_view(piece).substr(0, static_cast<std::size_t>(got));
    return encode_redo(body);
}

Result<std::string> StateSourceImpl::check_begin(Transfer& transfer, const StateRequest& request) {
    KONTOR_CHECK(check_partition(request));
    const Partition& partition = *core_.partitions[request.partition];
    transfer.check.reset();
    transfer.check_ended.clear();
    CheckBody body;
    for (int look = 0; look < kLooks; ++look) {
        if (look > 0) std::this_thread::sleep_for(kLookEvery);
        // The same before and after: no commit came between, so the transaction sees just that.
        KONTOR_TRY(const PartitionMeta before, partition.read_meta());
        KONTOR_TRY(Transaction txn, begin_read(partition, request.partition));
        KONTOR_TRY(const PartitionMeta after, partition.read_meta());
        const std::uint64_t index = after.checkpoint.index;
        if (before.pending_index != 0 || after.pending_index != 0 || before.checkpoint.index != index ||
            index < request.index)
            continue;
        if (after.merged_index != index || before.merged_index != index) {
            hooks_.merge(request.partition);
            continue;
        }
        transfer.check.emplace(Check{request.partition, index, std::move(txn),
                                     ContentScan(partition, request.partition, core_.tables, trees_),
                                     Time::now(), partition.used_bytes()});
        body.state = CheckState::going_on;
        body.index = index;
        break;
    }
    return encode_check(body);
}

std::string StateSourceImpl::beyond_limits(const Check& check) const {
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

Result<std::string> StateSourceImpl::check_step(Transfer& transfer, const StateRequest& request) {
    CheckBody body;
    if (transfer.check) transfer.check_ended = beyond_limits(*transfer.check);
    if (!transfer.check_ended.empty()) transfer.check.reset();
    if (!transfer.check || transfer.check->partition != request.partition) {
        body.state = CheckState::ended;
        body.why = transfer.check_ended.empty() ? "it was not going on" : transfer.check_ended;
        return encode_check(body);
    }
    Check& check = *transfer.check;
    KONTOR_CHECK(check.scan.step(check.txn.get(), clamp(request.max_bytes) * kScanPerResponse));
    body.index = check.index;
    body.state = check.scan.done() ? CheckState::done : CheckState::going_on;
    // The sums stay for a sink that lost this answer; the pages need not.
    if (check.scan.done()) {
        check.txn.reset();
        body.sums = check.scan.sums();
    }
    return encode_check(body);
}

void StateSourceImpl::enforce() {
    const std::scoped_lock lock(mutex_);
    for (auto it = transfers_.begin(); it != transfers_.end();) {
        const std::shared_ptr<Transfer> transfer = it->second;
        if (!kept_.is_held(it->first)) {
            it = transfers_.erase(it);  // whoever answers for it just now is its last owner
            continue;
        }
        ++it;
        const std::unique_lock visit(transfer->mutex, std::try_to_lock);
        if (!visit.owns_lock() || !transfer->check || !transfer->check->txn) continue;
        transfer->check_ended = beyond_limits(*transfer->check);
        if (!transfer->check_ended.empty()) transfer->check.reset();
    }
}

}  // namespace kontor::store
