#include "kontor/reporting/projection.h"

#include <pthread.h>

#include <atomic>
#include <condition_variable>
#include <deque>
#include <filesystem>
#include <map>
#include <mutex>
#include <thread>

#include "domains/accounts/accounts.h"
#include "kontor/base/background_worker.h"
#include "kontor/base/log.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/rows.h"
#include "kontor/machine/service.h"
#include "queries.h"
#include "schema.h"
#include "writer.h"

namespace kontor::reporting {
namespace {

constexpr std::size_t kJournalsPerTransaction = 2'000;
// A transaction costs a commit, and what it changes twice is written once: at most ten a second.
constexpr std::uint64_t kBetweenTransactionsMs = 100;
constexpr std::size_t kJournalsPerRead = 100;  // bounds how long a catch-up holds the reader's view
constexpr std::size_t kMerchantsPerRead = 500;
constexpr std::size_t kMaxChangedTold = 100;  // rows told to subscribers after a transaction
constexpr std::size_t kMaxIdleConnections = 4;
constexpr std::uint64_t kRetryMs = 1'000;

// The journals of one entry; none are in it when it wrote none.
struct Queued {
    machine::Journals journals;
    std::uint64_t log_index = 0;
    std::size_t bytes = 0;
};

class ProjectionImpl final : public Projection {
 public:
    explicit ProjectionImpl(ProjectionOptions options)
        : options_(std::move(options)), path_(options_.folder + "/projection.sqlite") {}
    ~ProjectionImpl() override { stop(); }

    Result<void> start() {
        std::error_code ec;
        std::filesystem::create_directories(options_.folder, ec);
        if (ec) return fail(ErrorCode::io, "cannot make " + options_.folder + ": " + ec.message());
        if (auto opened = open_database(); !opened) {
            // Nothing decides about money from reports: they wait for room, the node does not.
            if (opened.error().code != ErrorCode::no_space) return opened;
            log::error("reporting", opened.error().describe());
        }
        options_.metrics->gauge("kontor_projection_log_index", "Log index that the reports stand for.",
                                [this] { return static_cast<double>(log_index()); });
        service_subscription_ =
            options_.service->subscribe([this](const machine::AppliedEntry& entry) { enqueue(entry); });
        thread_ = std::thread([this] { run(); });
        return {};
    }

    void stop() override {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            stopping_ = true;
        }
        if (!thread_.joinable()) return;
        options_.service->unsubscribe(service_subscription_);
        changed_.notify_all();
        thread_.join();
    }

    std::uint64_t log_index() const override { return log_index_.load(std::memory_order_acquire); }

    Result<PaymentPage> payments(const PaymentQuery& query) const override {
        auto page = with_connection([&](QueryConnection& connection) { return connection.payments(query); });
        if (page) name_merchants(page->rows);
        return page;
    }
    Result<std::optional<PaymentRow>> payment(bool livemode, std::uint64_t intent_no) const override {
        auto row = with_connection(
            [&](QueryConnection& connection) { return connection.payment(livemode, intent_no); });
        if (row && *row) {
            std::vector<PaymentRow> one{**row};
            name_merchants(one);
            return std::optional<PaymentRow>(one.front());
        }
        return row;
    }
    Result<std::vector<RollupLine>> rollups(Bucket bucket, bool livemode, std::int64_t from_ms,
                                            std::int64_t until_ms) const override {
        return with_connection([&](QueryConnection& connection) {
            return connection.rollups(bucket, livemode, from_ms, until_ms);
        });
    }

    std::uint64_t subscribe(OnChange on_change) override {
        const std::lock_guard lock(subscribers_mutex_);
        subscribers_.emplace(++last_subscription_, std::move(on_change));
        return last_subscription_;
    }
    void unsubscribe(std::uint64_t subscription) override {
        const std::lock_guard lock(subscribers_mutex_);
        subscribers_.erase(subscription);
    }

 private:
    // --- opening ---

    Result<void> open_database() {
        auto opened = try_open();
        if (opened) return {};
        const ErrorCode code = opened.error().code;
        if (code != ErrorCode::corruption && code != ErrorCode::unsupported) return opened;
        log::warning("reporting",
                     opened.error().describe() + "; the reports are rebuilt from the ledger's journals");
        drop_files();
        return try_open();
    }

    Result<void> try_open() {
        writer_.reset();
        database_.reset();
        KONTOR_TRY(database_, Database::open(path_, Database::Mode::writer));
        KONTOR_TRY(auto version, database_->prepare("PRAGMA user_version"));
        KONTOR_TRY(const bool row, version.step());
        const std::int64_t found = row ? version.integer(0) : 0;
        version.reset();
        if (found == 0) {
            KONTOR_CHECK(database_->execute(std::string("BEGIN;") + kSchema + "PRAGMA user_version=" +
                                            std::to_string(kSchemaVersion) + ";COMMIT;"));
        } else if (found != kSchemaVersion) {
            return fail(ErrorCode::unsupported, "reports database of version " + std::to_string(found));
        }
        KONTOR_TRY(writer_, JournalWriter::open(*database_));
        KONTOR_TRY(const std::uint64_t index, writer_->stored_log_index());
        log_index_.store(index, std::memory_order_release);
        return {};
    }

    void drop_files() {
        writer_.reset();
        database_.reset();
        {
            const std::lock_guard lock(pool_mutex_);
            pool_.clear();
            ++generation_;
        }
        std::error_code ec;
        for (const char* suffix : {"", "-wal", "-shm"}) std::filesystem::remove(path_ + suffix, ec);
    }

    // --- apply thread of the node ---

    void enqueue(const machine::AppliedEntry& entry) {
        Queued queued{entry.journals, entry.log_index, 64};
        for (const pb::Journal& journal : *entry.journals) queued.bytes += journal.ByteSizeLong() + 64;
        bool wake = true;
        {
            const std::lock_guard lock(mutex_);
            // Too much waits: what comes from now on is read from the store, which has it all, once the queue
            // is written. (Not dropping the queue: freeing it here took payments a quarter of a second.)
            behind_ = behind_ || entry.is_gap || queue_bytes_ + queued.bytes > options_.max_queue_bytes;
            if (!behind_) {
                const bool was_full = queued_journals_ >= kJournalsPerTransaction;
                wake = queue_.empty();
                queue_bytes_ += queued.bytes;
                queued_journals_ += entry.journals->size();
                queue_.push_back(std::move(queued));
                wake = wake || (!was_full && queued_journals_ >= kJournalsPerTransaction);
            }
        }
        if (wake) changed_.notify_one();
    }

    // --- writer thread ---

    void run() {
        pthread_setname_np(pthread_self(), "projection");
        for (;;) {
            std::vector<Queued> batch;
            bool catch_up_first = false, broken = false;
            {
                std::unique_lock lock(mutex_);
                wait_for_work(lock);
                if (stopping_) return;
                broken = std::exchange(broken_, false);
                if (!broken && queue_.empty()) catch_up_first = std::exchange(behind_, false);
                if (!broken && !catch_up_first) batch = take_batch();
            }
            if (broken) {
                recover(
                    Error{ErrorCode::corruption, "a query found the reports database broken; it is rebuilt"});
                continue;
            }
            auto done = work(catch_up_first, batch);
            if (!done) recover(done.error());
            next_transaction_ms_ = options_.clock->monotonic_ms() + kBetweenTransactionsMs;
        }
    }

    // What comes after a pause is written at once; otherwise journals gather for a moment.
    void wait_for_work(std::unique_lock<std::mutex>& lock) {
        const auto urgent = [this] {
            return stopping_ || behind_ || broken_ || queued_journals_ >= kJournalsPerTransaction;
        };
        changed_.wait(lock, [&] { return urgent() || !queue_.empty(); });
        const std::uint64_t now = options_.clock->monotonic_ms();
        if (now < next_transaction_ms_)
            changed_.wait_for(lock, std::chrono::milliseconds(next_transaction_ms_ - now), urgent);
    }

    std::vector<Queued> take_batch() {  // under mutex_
        std::vector<Queued> batch;
        std::size_t journals = 0;
        while (!queue_.empty() && journals < kJournalsPerTransaction) {
            journals += queue_.front().journals->size();
            queue_bytes_ -= queue_.front().bytes;
            batch.push_back(std::move(queue_.front()));
            queue_.pop_front();
        }
        queued_journals_ -= journals;
        return batch;
    }

    // A failing store stops the node; this thread only has to survive until then.
    Result<void> work(bool catch_up_first, const std::vector<Queued>& batch) {
        try {
            return catch_up_first ? catch_up() : write(batch, batch.back().log_index);
        } catch (const std::exception& e) {
            return fail(ErrorCode::unavailable, e.what());
        }
    }

    // The disk may be full or the file broken: keep the node serving, try again from the store.
    void recover(const Error& error) {
        log::error("reporting", error.describe());
        if (auto rolled_back = writer_ ? writer_->rollback() : Result<void>{}; !rolled_back)
            log::debug("reporting", "no transaction was open");
        if (error.code == ErrorCode::corruption || !writer_) {
            if (error.code == ErrorCode::corruption) drop_files();
            if (auto opened = open_database(); !opened) log::error("reporting", opened.error().describe());
        }
        std::deque<Queued> dropped;  // what failed came before these; freed without the lock
        std::unique_lock lock(mutex_);
        behind_ = true;
        dropped.swap(queue_);
        queue_bytes_ = 0;
        queued_journals_ = 0;
        lock.unlock();
        dropped.clear();
        lock.lock();
        changed_.wait_for(lock, std::chrono::milliseconds(kRetryMs), [this] { return stopping_; });
    }

    Result<void> write(const std::vector<Queued>& batch, std::uint64_t log_index) {
        if (!writer_) return fail(ErrorCode::unavailable, "the reports database is not open");
        Result<void> written;
        background_.run([&] {
            try {
                written = write_transaction(batch, log_index);
            } catch (const std::exception& e) {
                written = fail(ErrorCode::unavailable, e.what());
            }
        });
        KONTOR_CHECK(std::move(written));
        log_index_.store(log_index, std::memory_order_release);
        tell();
        return {};
    }

    // On the background worker: the reports lag while payments take the whole machine, and catch up
    // afterwards.
    Result<void> write_transaction(const std::vector<Queued>& batch, std::uint64_t log_index) {
        KONTOR_CHECK(writer_->begin());
        for (const Queued& queued : batch)
            for (const pb::Journal& journal : *queued.journals) KONTOR_CHECK(writer_->apply(journal));
        return writer_->commit(log_index);
    }

    Result<void> catch_up() {
        std::uint64_t target = 0, after_no = 0;
        for (bool more = true; more;) {
            std::vector<std::uint64_t> merchants;
            options_.service->read([&](const store::Reader& rows, std::uint64_t index) {
                if (target == 0) target = index;
                for (const auto& merchant : accounts::list_merchants(rows, after_no, kMerchantsPerRead))
                    merchants.push_back(merchant.no());
            });
            more = merchants.size() == kMerchantsPerRead;
            for (const std::uint64_t no : merchants) {
                after_no = std::max(after_no, no);
                for (const bool livemode : {false, true}) KONTOR_CHECK(catch_up_scope({no, livemode}));
            }
            if (stopping()) return {};
        }
        return write({}, std::max(target, log_index()));
    }

    Result<void> catch_up_scope(machine::Scope scope) {
        if (!writer_) return fail(ErrorCode::unavailable, "the reports database is not open");
        KONTOR_TRY(std::uint64_t after, writer_->cursor(scope));
        for (bool more = true; more;) {
            std::vector<Queued> batch;
            for (std::size_t journals = 0; more && journals < kJournalsPerTransaction;) {
                std::vector<pb::Journal> found;
                options_.service->read([&](const store::Reader& rows, std::uint64_t) {
                    machine::visit_journals(rows, scope, after, kJournalsPerRead,
                                            [&](const pb::Journal& journal) {
                                                found.push_back(journal);
                                                return true;
                                            });
                });
                if (stopping()) return {};
                more = found.size() == kJournalsPerRead;
                if (found.empty()) break;
                after = found.back().no();
                journals += found.size();
                batch.push_back({std::make_shared<const std::vector<pb::Journal>>(std::move(found)), 0, 0});
            }
            if (!batch.empty()) KONTOR_CHECK(write(batch, log_index()));
        }
        return {};
    }

    bool stopping() {
        const std::lock_guard lock(mutex_);
        return stopping_;
    }

    void tell() {
        const std::lock_guard lock(subscribers_mutex_);
        if (subscribers_.empty() || writer_->changed().empty()) return;
        std::vector<PaymentRow> rows;
        const auto& changed = writer_->changed();
        std::size_t left = kMaxChangedTold;
        for (auto it = changed.rbegin(); it != changed.rend() && left > 0; ++it, --left)
            if (auto row = payment(it->livemode, it->intent_no); row && *row) rows.push_back(**row);
        for (const auto& [id, on_change] : subscribers_) on_change(rows);
    }

    // --- readers ---

    template <typename F>
    auto with_connection(F&& use) const -> decltype(use(std::declval<QueryConnection&>())) {
        std::unique_ptr<QueryConnection> connection;
        std::uint64_t generation = 0;
        {
            const std::lock_guard lock(pool_mutex_);
            generation = generation_;
            if (!pool_.empty()) {
                connection = std::move(pool_.back());
                pool_.pop_back();
            }
        }
        if (!connection) {
            auto opened = QueryConnection::open(path_);
            if (!opened) return Unexpected{std::move(opened).error()};
            connection = *std::move(opened);
        }
        connection->limit_time(*options_.clock, options_.query_timeout_ms);
        auto answer = use(*connection);
        if (!answer && answer.error().code == ErrorCode::corruption) tell_broken();
        const std::lock_guard lock(pool_mutex_);
        if (generation == generation_ && pool_.size() < kMaxIdleConnections && answer)
            pool_.push_back(std::move(connection));
        return answer;
    }

    // A file that breaks while it is open shows first where it is read.
    void tell_broken() const {
        {
            const std::lock_guard lock(mutex_);
            broken_ = true;
        }
        changed_.notify_one();
    }

    void name_merchants(std::vector<PaymentRow>& rows) const {
        std::map<std::uint64_t, std::string> names;
        options_.service->read([&](const store::Reader& reader, std::uint64_t) {
            for (PaymentRow& row : rows) {
                const auto [name, fresh] = names.try_emplace(row.merchant_no);
                if (fresh)
                    if (const auto merchant = accounts::find_merchant(reader, row.merchant_no))
                        name->second = merchant->name();
                row.merchant_name = name->second;
            }
        });
    }

    ProjectionOptions options_;
    const std::string path_;
    std::unique_ptr<Database> database_;     // writer thread, after start()
    std::unique_ptr<JournalWriter> writer_;  // writer thread, after start()
    std::uint64_t next_transaction_ms_ = 0;  // writer thread
    std::atomic<std::uint64_t> log_index_{0};
    std::uint64_t service_subscription_ = 0;

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    mutable bool broken_ = false;      // guarded by mutex_
    std::deque<Queued> queue_;         // guarded by mutex_
    std::uint64_t queue_bytes_ = 0;    // guarded by mutex_
    std::size_t queued_journals_ = 0;  // guarded by mutex_
    bool behind_ = true;               // guarded by mutex_: journals have to be read from the store
    bool stopping_ = false;            // guarded by mutex_

    mutable std::mutex pool_mutex_;
    mutable std::vector<std::unique_ptr<QueryConnection>> pool_;  // guarded by pool_mutex_
    std::uint64_t generation_ = 0;                                // guarded by pool_mutex_

    std::mutex subscribers_mutex_;
    std::map<std::uint64_t, OnChange> subscribers_;  // guarded by subscribers_mutex_
    std::uint64_t last_subscription_ = 0;            // guarded by subscribers_mutex_
    BackgroundWorker background_{"projection-sql"};
    std::thread thread_;
};

}  // namespace

Result<std::unique_ptr<Projection>> Projection::open(ProjectionOptions options) {
    auto projection = std::make_unique<ProjectionImpl>(std::move(options));
    KONTOR_CHECK(projection->start());
    return Result<std::unique_ptr<Projection>>(std::move(projection));
}

}  // namespace kontor::reporting
