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

class View final : public CheckpointView, private Reader {
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
        for (unsigned partition = 0; more && partition < views_.core_.partitions.size(); ++partition) {
            auto done = each(partition, table, visit, more);
            if (done) continue;
            const std::scoped_lock lock(mutex_);
            if (ended_) release();
            return done;
        }
        return {};
    }

    [[nodiscard]] const Reader& reader() const override { return *this; }

    // Does not wait for a visit that is going on: that one looks by itself.
    void end_if_beyond_limits() {
        const std::unique_lock lock(mutex_, std::try_to_lock);
        if (!lock.owns_lock() || visits_ != 0) return;  // also one on this thread
        check_limits();
        if (ended_) release();
    }
    [[nodiscard]] std::uint64_t age_ms() const { return ms_since(began_); }

 private:
    // With mutex_ held. A cursor may be open: the transactions go later.
    void check_limits() const {
        if (ended_) return;
        const std::uint64_t age = age_ms();
        const std::uint64_t now = views_.used_bytes();
        const std::uint64_t growth = now > used_bytes_ ? now - used_bytes_ : 0;
        if (age <= views_.max_age_ms_ && growth <= views_.max_growth_bytes_) return;
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

    // While it goes on the transactions stay.
    struct Visit {
        explicit Visit(const View& view) : lock(view.mutex_), visits(view.visits_) { ++visits; }
        ~Visit() { --visits; }
        Visit(const Visit&) = delete;
        Visit& operator=(const Visit&) = delete;
        const std::scoped_lock<std::recursive_mutex> lock;
        unsigned& visits;
    };
    // A cursor of a read transaction is closed by its owner.
    using Cursor = std::unique_ptr<MDB_cursor, void (*)(MDB_cursor*)>;
    [[nodiscard]] Result<Cursor> open_cursor(unsigned partition, TableId table) const {
        MDB_cursor* opened = nullptr;
        if (const int code = mdb_cursor_open(transactions_[partition],
                                             views_.core_.partitions[partition]->dbi(table), &opened);
            code != 0)
            return fail(lmdb_error("partition " + partition_name(partition) + ": open a cursor", code));
        return Cursor(opened, mdb_cursor_close);
    }
    [[nodiscard]] std::string_view checked(unsigned partition, std::string_view key, const MDB_val& value,
                                           RowBuffer& rows) const {
        const auto row = checked_row(key, view_of(value), rows);
        if (!row) {
            Core& core = views_.core_;
            const auto table = static_cast<TableId>(key[0]);
            core.fail_read(
                Error{ErrorCode::corruption, core.tables.describe(partition, table, key.substr(1)) +
                                                 ": the row does not match its checksum"});
        }
        return *row;
    }
    void still_open() const {
        check_limits();
        if (ended_) throw ViewEnded(*ended_);
    }

    // ---- Reader
    [[nodiscard]] std::optional<std::string_view> get(TableId table, std::string_view key) const override {
        if (key.empty() || key.size() > kMaxKeyBytes) return std::nullopt;  // no such row can exist
        const std::scoped_lock lock(mutex_);
        if (ended_) throw ViewEnded(*ended_);
        Core& core = views_.core_;
        const unsigned partition = core.tables.place(table, key).partition;
        KeyBuffer buffer;
        MDB_val lmdb_key = buffer.set(table, key), value{};
        const int code =
            mdb_get(transactions_[partition], core.partitions[partition]->dbi(table), &lmdb_key, &value);
        if (code == MDB_NOTFOUND) return std::nullopt;
        if (code != 0)
            core.fail_read(lmdb_error(core.tables.describe(partition, table, key) + ": read", code));
        RowBuffer rows;
        found_ = checked(partition, view_of(lmdb_key), value, rows);  // a copy: the view may end behind it
        return found_;
    }
    void scan(TableId table, std::string_view low, std::string_view high, Direction direction,
              const Visitor& visit) const override {
        const Visit visiting(*this);
        still_open();
        Core& core = views_.core_;
        const unsigned partition = core.tables.place(table, low).partition;
        const std::string partition_key(core.tables.partition_key(table, low));
        auto cursor = open_cursor(partition, table);
        if (!cursor) core.fail_read(cursor.error());
        const bool up = direction == Direction::ascending;
        const std::string lowest(low), end(high);
        // Descending: from the first row behind, one back. Without `high`, that is behind the partition key.
        KeyBuffer buffer;
        MDB_val key = buffer.set(table, up ? lowest : end.empty() ? partition_key : end), value{};
        int code = mdb_cursor_get(cursor->get(), &key, &value, MDB_SET_RANGE);
        if (!up && end.empty()) {
            while (code == 0 && static_cast<TableId>(view_of(key)[0]) == table &&
                   view_of(key).substr(1).starts_with(partition_key))
                code = mdb_cursor_get(cursor->get(), &key, &value, MDB_NEXT);
        }
        if (!up)
            code = mdb_cursor_get(cursor->get(), &key, &value, code == MDB_NOTFOUND ? MDB_LAST : MDB_PREV);
        RowBuffer rows;  // of its own: the visitor may read
        for (unsigned seen = 1; code == 0; ++seen) {
            const std::string_view whole = view_of(key), rest = whole.substr(1);
            if (static_cast<TableId>(whole[0]) != table || !rest.starts_with(partition_key)) return;
            if (up ? (!end.empty() && rest >= end) : rest < lowest) return;
            if (!visit(rest, checked(partition, whole, value, rows))) return;
            if (seen % kRowsPerLook == 0) still_open();
            code = mdb_cursor_get(cursor->get(), &key, &value, up ? MDB_NEXT : MDB_PREV);
        }
        if (code != MDB_NOTFOUND)
            core.fail_read(lmdb_error(core.tables.describe(partition, table, low) + ": move a cursor", code));
    }

    Result<void> each(unsigned partition, TableId table, const Reader::Visitor& visit, bool& more) {
        const Visit visiting(*this);
        check_limits();
        if (ended_) return fail(*ended_);
        Core& core = views_.core_;
        KONTOR_TRY(const Cursor cursor, open_cursor(partition, table));
        KeyBuffer buffer;
        RowBuffer rows;
        MDB_val key = buffer.set(table, {}), value{};
        int code = mdb_cursor_get(cursor.get(), &key, &value, MDB_SET_RANGE);
        for (unsigned seen = 1; code == 0 && static_cast<TableId>(view_of(key)[0]) == table; ++seen) {
            more = visit(view_of(key).substr(1), checked(partition, view_of(key), value, rows));
            if (!more) return {};
            if (seen % kRowsPerLook == 0) {
                check_limits();
                if (ended_) return fail(*ended_);
            }
            code = mdb_cursor_get(cursor.get(), &key, &value, MDB_NEXT);
        }
        if (code != 0 && code != MDB_NOTFOUND)
            return fail(lmdb_error(core.tables.describe(partition, table, {}) + ": move a cursor", code));
        return {};
    }

    Views& views_;
    const CheckpointMeta meta_;
    const Time::time_point began_;
    const std::uint64_t used_bytes_;      // of the store, when it began
    mutable std::recursive_mutex mutex_;  // a visitor may read
    mutable std::optional<Error> ended_;  // guarded by mutex_
    mutable unsigned visits_ = 0;         // guarded by mutex_
    mutable std::string found_;           // guarded by mutex_; of the last get()
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
