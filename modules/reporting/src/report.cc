#include <pthread.h>

#include <filesystem>
#include <utility>

#include "domains/accounts/accounts.h"
#include "kontor/base/log.h"
#include "kontor/machine/events.h"
#include "report_impl.h"

namespace kontor::reporting {
namespace {

// A transaction writes each page that it changes once, so that large ones cost less for each audit record.
constexpr std::size_t kAuditRecordsPerTransaction = 10'000;
// A message in memory takes several times its bytes: a short text, with two of them, has 48 bytes.
constexpr std::size_t kMemoryPerByte = 8, kAuditRecordBytes = 256;
// A transaction costs a commit, and what it changes twice is written once: at most four a second.
constexpr std::uint64_t kBetweenTransactionsMs = 250;
constexpr std::size_t kAuditRecordsPerRead = 100;  // bounds how long a catch-up holds the reader's view
constexpr std::size_t kMerchantsPerRead = 500;
constexpr std::size_t kMaxIdleReaders = 4;
constexpr std::uint64_t kRetryMs = 1'000;
constexpr std::uint64_t kGivesWayMs = 10'000;  // a transaction, to payments and to other programs

}  // namespace

std::size_t memory_of(const pb::AuditRecord& audit_record) {
    return kAuditRecordBytes + kMemoryPerByte * audit_record.ByteSizeLong();
}

ReportImpl::ReportImpl(const ReportSpec& spec, const ReportsOptions& options, std::uint64_t max_bytes)
    : spec_(spec),
      options_(options),
      max_waiting_bytes_(max_bytes / 2),
      path_(options.folder + "/" + std::string(spec.name.value) + ".sqlite") {}

// Nothing decides about money from reports: they wait for what they lack, and the node does not.
void ReportImpl::open() {
    if (auto opened = open_file(); !opened) tell_once(opened.error());
}

void ReportImpl::start() {
    thread_ = std::thread([this] { run(); });
}

void ReportImpl::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    background_.hurry();
    if (thread_.joinable()) thread_.join();
}

std::uint64_t ReportImpl::subscribe(OnWritten on_written) {
    const std::lock_guard lock(subscribers_mutex_);
    subscribers_.emplace(++last_subscription_, std::move(on_written));
    return last_subscription_;
}

void ReportImpl::unsubscribe(std::uint64_t subscription) {
    const std::lock_guard lock(subscribers_mutex_);
    subscribers_.erase(subscription);
}

// --- the file

Result<void> ReportImpl::open_file() {
    auto opened = try_open();
    // Once: what it is later it became while the node went on.
    if (opened && std::exchange(is_first_open_, false) && log_index() > options_.last_log_index) {
        log::warning("reporting", path_ + " stands for entry " + std::to_string(log_index()) +
                                      " of the log, which ends with " +
                                      std::to_string(options_.last_log_index) +
                                      "; it is made again from the ledger's audit records");
        drop_file();
        return try_open();
    }
    if (opened) return {};
    const ErrorCode code = opened.error().code;
    if (code != ErrorCode::corruption && code != ErrorCode::unsupported) return opened;
    if (opened.error().describe() != told_)
        log::warning("reporting", opened.error().describe() + "; the report " +
                                      std::string(spec_.name.value) +
                                      " is made again from the ledger's audit records");
    drop_file();
    return try_open();
}

Result<void> ReportImpl::try_open() {
    file_.reset();
    KONTOR_TRY(file_, ReportFile::open(spec_, path_));
    log_index_.store(file_->stored_log_index(), std::memory_order_release);
    return {};
}

void ReportImpl::drop_file() {
    file_.reset();
    {
        const std::lock_guard lock(pool_mutex_);
        pool_.clear();
        ++generation_;
    }
    std::error_code ec;
    for (const char* suffix : kDatabaseSuffixes) std::filesystem::remove(path_ + suffix, ec);
}

// --- the node's apply thread

void ReportImpl::enqueue(const Queued& queued, bool is_gap) {
    bool wake = true;
    {
        const std::lock_guard lock(mutex_);
        // Too much waits: what comes from now on is read from the store, which has it all, once the queue is
        // written. (Not dropping the queue: freeing it here took payments a quarter of a second.)
        behind_ = behind_ || is_gap || queue_bytes_ + queued.bytes > max_waiting_bytes_;
        if (!behind_) {
            const bool was_full = queued_records_ >= kAuditRecordsPerTransaction;
            wake = queue_.empty();
            queue_bytes_ += queued.bytes;
            queued_records_ += queued.audit_records->size();
            queue_.push_back(queued);
            wake = wake || (!was_full && queued_records_ >= kAuditRecordsPerTransaction);
        }
    }
    if (wake) changed_.notify_one();
}

// --- its thread

void ReportImpl::run() {
    pthread_setname_np(pthread_self(), "report");
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
            recover(Error{ErrorCode::corruption, "a query found the report " + std::string(spec_.name.value) +
                                                     " broken; it is made again"});
            continue;
        }
        auto done = work(catch_up_first, std::move(batch));
        if (!done) recover(done.error());
        next_transaction_ms_ = options_.clock->monotonic_ms() + kBetweenTransactionsMs;
    }
}

// What comes after a pause is written at once; otherwise audit records gather for a moment.
void ReportImpl::wait_for_work(std::unique_lock<std::mutex>& lock) {
    const auto urgent = [this] {
        return stopping_ || behind_ || broken_ || queued_records_ >= kAuditRecordsPerTransaction;
    };
    changed_.wait(lock, [&] { return urgent() || !queue_.empty(); });
    const std::uint64_t now = options_.clock->monotonic_ms();
    if (now < next_transaction_ms_)
        changed_.wait_for(lock, std::chrono::milliseconds(next_transaction_ms_ - now), urgent);
}

std::vector<Queued> ReportImpl::take_batch() {  // under mutex_
    std::vector<Queued> batch;
    std::size_t audit_records = 0;
    while (!queue_.empty() && audit_records < kAuditRecordsPerTransaction) {
        audit_records += queue_.front().audit_records->size();
        queue_bytes_ -= queue_.front().bytes;
        batch.push_back(std::move(queue_.front()));
        queue_.pop_front();
    }
    queued_records_ -= audit_records;
    return batch;
}

// A failing store stops the node; this thread only has to survive until then.
Result<void> ReportImpl::work(bool catch_up_first, std::vector<Queued> batch) {
    try {
        if (catch_up_first) return catch_up();
        const std::uint64_t log_index = batch.back().log_index;
        return write(std::move(batch), log_index);
    } catch (const std::exception& e) {
        return fail(ErrorCode::unavailable, e.what());
    }
}

// The disk may be full or the file broken: keep the node serving, try again from the store.
void ReportImpl::recover(const Error& error) {
    if (file_) tell_once(error);  // without a file it was said why there is none
    if (auto rolled_back = file_ ? file_->rollback() : Result<void>{}; !rolled_back)
        log::debug("reporting", "no transaction was open");
    if (error.code == ErrorCode::corruption || !file_) {
        if (error.code == ErrorCode::corruption) drop_file();
        if (auto opened = open_file(); !opened) tell_once(opened.error());
    }
    std::deque<Queued> dropped;  // what failed came before these; freed without the lock
    std::unique_lock lock(mutex_);
    behind_ = true;
    dropped.swap(queue_);
    queue_bytes_ = 0;
    queued_records_ = 0;
    lock.unlock();
    dropped.clear();
    lock.lock();
    changed_.wait_for(lock, std::chrono::milliseconds(kRetryMs), [this] { return stopping_; });
}

// It is tried again every second, for as long as nobody does anything about it.
void ReportImpl::tell_once(const Error& error) {
    std::string text = error.describe();
    if (text == told_) return;
    log::error("reporting", text + "; the report " + std::string(spec_.name.value) +
                                " waits, and is tried again every second");
    told_ = std::move(text);
}

Result<void> ReportImpl::write(std::vector<Queued> batch, std::uint64_t log_index) {
    if (!file_) return fail(ErrorCode::unavailable, "the report's file is not open");
    Result<void> written;
    background_.start([&] {
        try {
            written = write_transaction(batch, log_index);
        } catch (const std::exception& e) {
            written = fail(ErrorCode::unavailable, e.what());
        }
        batch.clear();  // here: freeing ten thousand audit records takes payments a millisecond elsewhere
    });
    if (stopping() || !background_.wait_for_ms(kGivesWayMs)) background_.hurry();
    background_.wait();
    KONTOR_CHECK(std::move(written));
    log_index_.store(log_index, std::memory_order_release);
    told_.clear();
    tell();
    return {};
}

// On the background worker: the reports lag while payments take the whole machine, and catch up
// afterwards.
Result<void> ReportImpl::write_transaction(const std::vector<Queued>& batch, std::uint64_t log_index) {
    KONTOR_CHECK(file_->begin());
    for (const Queued& queued : batch)
        for (const pb::AuditRecord& audit_record : *queued.audit_records)
            KONTOR_CHECK(file_->apply(audit_record));
    return file_->commit(log_index);
}

Result<void> ReportImpl::catch_up() {
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

Result<void> ReportImpl::catch_up_scope(machine::Scope scope) {
    if (!file_) return fail(ErrorCode::unavailable, "the report's file is not open");
    KONTOR_TRY(std::uint64_t after, file_->cursor(scope));
    for (bool more = true; more;) {
        std::vector<Queued> batch;
        std::size_t bytes = 0;
        for (std::size_t audit_records = 0;
             more && audit_records < kAuditRecordsPerTransaction && bytes < max_waiting_bytes_;) {
            std::vector<pb::AuditRecord> found;
            options_.service->read([&](const store::Reader& rows, std::uint64_t) {
                machine::visit_audit_records(rows, scope, after, kAuditRecordsPerRead,
                                             [&](const pb::AuditRecord& audit_record) {
                                                 bytes += memory_of(audit_record);
                                                 found.push_back(audit_record);
                                                 return bytes < max_waiting_bytes_;
                                             });
            });
            if (stopping()) return {};
            more = found.size() == kAuditRecordsPerRead || bytes >= max_waiting_bytes_;
            if (found.empty()) break;
            after = found.back().no();
            audit_records += found.size();
            batch.push_back({std::make_shared<const std::vector<pb::AuditRecord>>(std::move(found)), 0, 0});
        }
        if (!batch.empty()) KONTOR_CHECK(write(std::move(batch), log_index()));
    }
    return {};
}

bool ReportImpl::stopping() {
    const std::lock_guard lock(mutex_);
    return stopping_;
}

void ReportImpl::tell() {
    const std::lock_guard lock(subscribers_mutex_);
    for (const auto& [id, on_written] : subscribers_) on_written(file_->writer());
}

// --- readers

Result<std::unique_ptr<ReportReader>> ReportImpl::take_reader(std::uint64_t& generation) const {
    {
        const std::lock_guard lock(pool_mutex_);
        generation = generation_;
        if (!pool_.empty()) {
            auto reader = std::move(pool_.back());
            pool_.pop_back();
            return reader;
        }
    }
    KONTOR_TRY(auto database, Database::open(path_, Database::Mode::reader));
    return spec_.open_reader(std::move(database));
}

Result<void> ReportImpl::read(const Use& use) const {
    std::uint64_t generation = 0;
    KONTOR_TRY(auto reader, take_reader(generation));
    reader->limit_time(*options_.clock, options_.query_timeout_ms);
    auto done = use(*reader);
    if (!done) {
        if (done.error().code != ErrorCode::corruption) return done;
        // A file that breaks while it is open shows first where it is read.
        {
            const std::lock_guard lock(mutex_);
            broken_ = true;
        }
        changed_.notify_one();
        return done;
    }
    const std::lock_guard lock(pool_mutex_);
    if (generation == generation_ && pool_.size() < kMaxIdleReaders) pool_.push_back(std::move(reader));
    return done;
}

}  // namespace kontor::reporting
