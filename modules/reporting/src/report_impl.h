#pragma once
// One report at work: the live queue, catching up from the store, making a broken file again, and readers.
//
// Threading: enqueue() on the node's apply thread; run() is a thread of its own; reads anywhere. Ownership:
// spec and service outlive it.

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kontor/base/background_worker.h"
#include "kontor/reporting/reports.h"
#include "report_file.h"

namespace kontor::reporting {

// The audit records of one entry; empty when it wrote none.
struct Queued {
    machine::AuditRecords audit_records;
    std::uint64_t log_index = 0;
    std::size_t bytes = 0;
};

// Of the process, roughly and rather too much.
[[nodiscard]] std::size_t memory_of(const pb::AuditRecord& audit_record);

class ReportImpl final : public Report {
 public:
    // max_bytes: half for what waits, half for what is being written.
    ReportImpl(const ReportSpec& spec, const ReportsOptions& options, std::uint64_t max_bytes);
    ~ReportImpl() override { stop(); }

    void open();
    void start();  // its thread
    void stop();
    // is_gap: entries are missing before it.
    void enqueue(const Queued& queued, bool is_gap);

    [[nodiscard]] const ReportSpec& spec() const override { return spec_; }
    [[nodiscard]] std::uint64_t log_index() const override {
        return log_index_.load(std::memory_order_acquire);
    }
    [[nodiscard]] Result<void> read(const Use& use) const override;
    std::uint64_t subscribe(OnWritten on_written) override;
    void unsubscribe(std::uint64_t subscription) override;

 private:
    Result<void> open_file();
    Result<void> try_open();
    void drop_file();
    void run();
    void wait_for_work(std::unique_lock<std::mutex>& lock);
    std::vector<Queued> take_batch();
    Result<void> work(bool catch_up_first, std::vector<Queued> batch);
    void recover(const Error& error);
    void tell_once(const Error& error);
    Result<void> write(std::vector<Queued> batch, std::uint64_t log_index);
    Result<void> write_transaction(const std::vector<Queued>& batch, std::uint64_t log_index);
    Result<void> catch_up();
    Result<void> catch_up_scope(machine::Scope scope);
    bool stopping();
    void tell();
    Result<std::unique_ptr<ReportReader>> take_reader(std::uint64_t& generation) const;

    const ReportSpec& spec_;
    const ReportsOptions& options_;
    const std::uint64_t max_waiting_bytes_;
    const std::string path_;
    std::unique_ptr<ReportFile> file_;       // its thread, after start()
    std::uint64_t next_transaction_ms_ = 0;  // its thread
    std::string told_;                       // its thread, after start(): what it waits for
    bool is_first_open_ = true;              // its thread, after start(): no file was open yet
    std::atomic<std::uint64_t> log_index_{0};

    mutable std::mutex mutex_;
    mutable std::condition_variable changed_;
    mutable bool broken_ = false;     // guarded by mutex_
    std::deque<Queued> queue_;        // guarded by mutex_
    std::uint64_t queue_bytes_ = 0;   // guarded by mutex_
    std::size_t queued_records_ = 0;  // guarded by mutex_
    bool behind_ = true;              // guarded by mutex_: audit records have to be read from the store
    bool stopping_ = false;           // guarded by mutex_

    mutable std::mutex pool_mutex_;
    mutable std::vector<std::unique_ptr<ReportReader>> pool_;  // guarded by pool_mutex_
    std::uint64_t generation_ = 0;                             // guarded by pool_mutex_

    std::mutex subscribers_mutex_;
    std::map<std::uint64_t, OnWritten> subscribers_;  // guarded by subscribers_mutex_
    std::uint64_t last_subscription_ = 0;             // guarded by subscribers_mutex_
    BackgroundWorker background_{"report-sql"};
    std::thread thread_;
};

}  // namespace kontor::reporting
