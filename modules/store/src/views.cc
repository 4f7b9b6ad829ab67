#include "views.h"

#include <algorithm>

#include "snapshot.h"

namespace kontor::store {
namespace {

using Time = std::chrono::steady_clock;  // for durations only

constexpr unsigned kRowsPerLook = 256;  // then a visit looks whether it is beyond its limits

std::string_view view_of(const MDB_val& value) {
    return {static_cast<const char*>(value.mv_data), value.mv_size};
}

std::uint64_t ms_since(Time::time_point then) {
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(Time::now() - then).count());
}

}  // namespace

class View final : public CheckpointView {
 public:
    View(Views& views, CheckpointMeta meta)
        : views_(views), meta_(std::move(meta)), began_(Time::now()), used_bytes_(views.used_bytes()) {}
    ~View() override {
        views_.forget(this);
        release();
    }
    View(const View&) = delete;
    View& operator=(const View&) = delete;

    Result<void> begin() {
        for (const auto& partition : views_.core_.partitions) {
            MDB_txn* transaction = nullptr;
            if (const int code = mdb_txn_begin(partition->env(), nullptr, MDB_RDONLY, &transaction);
                code != 0)
                return fail(lmdb_error("begin a view of the checkpoint", code));
            transactions_.push_back(transaction);
        }
        return {};
    }

    [[nodiscard]] const CheckpointMeta& meta() const override { return meta_; }

    Result<void> for_each(TableId table, const Reader::Visitor& visit) override {
        bool more = true;
        for (unsigned partition = 0; more && partition < views_.core_.partitions.size(); ++partition)
            KONTOR_CHECK(each(partition, table, visit, more));
        return {};
    }

    // Does not wait for a visit that is going on: that one looks by itself.
    void end_if_beyond_limits() {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (lock.owns_lock()) check_limits();
    }
    [[nodiscard]] std::uint64_t age_ms() const { return ms_since(began_); }

 private:
    // With mutex_ held.
    void check_limits() {
        if (ended_) return;
        const std::uint64_t age = age_ms();
        const std::uint64_t now = views_.used_bytes();
        const std::uint64_t growth = now > used_bytes_ ? now - used_bytes_ : 0;
        if (age <= views_.max_age_ms_ && growth <= views_.max_growth_bytes_) return;
        release();
        ended_ =
            Error{ErrorCode::timeout,
                  "the view of checkpoint " + std::to_string(meta_.index) + " was ended after " +
                      std::to_string(age) + " ms, in which the store grew by " + std::to_string(growth) +
                      " bytes (limits: " + std::to_string(views_.max_age_ms_) + " ms, " +
                      std::to_string(views_.max_growth_bytes_) + " bytes); visit a stopped node instead"};
    }
    void release() {
        for (MDB_txn* transaction : transactions_) mdb_txn_abort(transaction);
        transactions_.clear();
    }

    Result<void> each(unsigned partition, TableId table, const Reader::Visitor& visit, bool& more) {
        const std::scoped_lock lock(mutex_);
        check_limits();
        if (ended_) return fail(*ended_);
        Core& core = views_.core_;
        MDB_cursor* opened = nullptr;
        if (const int code =
                mdb_cursor_open(transactions_[partition], core.partitions[partition]->dbi(table), &opened);
            code != 0)
            return fail(lmdb_error("partition " + partition_name(partition) + ": open a cursor", code));
        // A cursor of a read transaction is closed by its owner, also when the transaction is gone.
        const std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)> cursor(opened, mdb_cursor_close);
        KeyBuffer buffer;
        RowBuffer rows;
        MDB_val key = buffer.set(table, {}), value{};
        int code = mdb_cursor_get(opened, &key, &value, MDB_SET_RANGE);
        for (unsigned seen = 1; code == 0 && static_cast<TableId>(view_of(key)[0]) == table; ++seen) {
            const auto row = checked_row(view_of(key), view_of(value), rows);
            if (!row)
                core.fail_read(Error{ErrorCode::corruption,
                                     core.tables.describe(partition, table, view_of(key).substr(1)) +
                                         ": the row does not match its checksum"});
            more = visit(view_of(key).substr(1), *row);
            if (!more) return {};
            if (seen % kRowsPerLook == 0) {
                check_limits();
                if (ended_) return fail(*ended_);
            }
            code = mdb_cursor_get(opened, &key, &value, MDB_NEXT);
        }
        if (code != 0 && code != MDB_NOTFOUND)
            return fail(lmdb_error(core.tables.describe(partition, table, {}) + ": move a cursor", code));
        return {};
    }

    Views& views_;
    const CheckpointMeta meta_;
    const Time::time_point began_;
    const std::uint64_t used_bytes_;  // of the store, when it began
    std::mutex mutex_;
    std::optional<Error> ended_;          // guarded by mutex_
    std::vector<MDB_txn*> transactions_;  // guarded by mutex_; by partition
};

Result<std::unique_ptr<CheckpointView>> Views::open(const std::function<CheckpointMeta()>& newest) {
    const std::scoped_lock no_checkpoint(checkpoint_mutex_);
    CheckpointMeta meta = newest();
    if (auto failure = core_.failure()) return fail(*std::move(failure));  // perhaps between two partitions
    auto view = std::make_unique<View>(*this, std::move(meta));
    KONTOR_CHECK(view->begin());
    const std::scoped_lock lock(mutex_);
    if (open_.size() >= kMaxCheckpointViews)
        return fail(ErrorCode::overloaded, "there are " + std::to_string(kMaxCheckpointViews) +
                                               " views of checkpoints already; try again when one has ended");
    open_.push_back(view.get());
    return std::unique_ptr<CheckpointView>(std::move(view));
}

void Views::enforce() {
    const std::scoped_lock lock(mutex_);
    for (View* view : open_) view->end_if_beyond_limits();
}

void Views::forget(const View* view) {
    const std::scoped_lock lock(mutex_);
    std::erase(open_, view);
}

std::uint64_t Views::used_bytes() const {
    std::uint64_t bytes = 0;
    for (const auto& partition : core_.partitions) bytes += partition->used_bytes();
    return bytes;
}

void Views::fill(StoreStats& stats) const {
    stats.partition_bytes = used_bytes();
    const std::scoped_lock lock(mutex_);
    stats.views = open_.size();
    for (const View* view : open_) stats.oldest_view_ms = std::max(stats.oldest_view_ms, view->age_ms());
}

}  // namespace kontor::store
