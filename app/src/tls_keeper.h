#pragma once
// Keeps the server's certificate in date while the node runs: looks every second whether the operator's files
// changed (also through links), renews the one that Kontor made itself, and hands every new one to the
// servers. What cannot be used, such as a certificate whose key is not there yet, changes nothing and is
// looked at again.
//
// Our own is judged by the wall clock, which may be wrong. A clock that was set by days, or lies before the
// log's UTC at the start, is believed after an hour; at once when it is set right again, or when the clock
// before it is no better founded, since the certificate was made by it less than an hour ago. Until then one
// that is valid stays, and one that is not makes room for one that is valid by both clocks, if 397 days reach
// so far. A clock before this version's time or the authority's first day is never believed.
//
// Threading: load(), use_with() and watch() first, on one thread; the rest anywhere. Errors: load() says why
// not; later ones are log lines.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tls_files.h"

namespace kontor::app {

struct TlsSource {
    std::string certificate_file, private_key_file;  // the operator's; or empty, and then:
    std::string folder;                              // of the private CA
    std::vector<std::string> names;                  // the private CA's certificate is for these
    std::vector<std::string> wanted_names;           // the operator's must be valid for these
};

class TlsKeeper {
 public:
    using Use = std::function<Result<void>(const transport::TlsIdentity&)>;
    explicit TlsKeeper(const Clock& clock) : clock_(clock) {}
    ~TlsKeeper() { stop(); }

    // The newest entry's UTC, 0: there is none. Before load(); without it only the wall clock is asked.
    void judge_by(std::function<std::int64_t()> log_utc_ms) { log_utc_ms_ = std::move(log_utc_ms); }
    Result<ServerTls> load(const TlsSource& source);  // at the start
    void use_with(Use use);                           // who gets new ones
    void watch();                                     // from now on, on a thread of its own
    void stop();
    // SIGHUP: looks at once, at these from now on.
    void change(const TlsSource& source);
    // One look, as every second; true: another certificate is in use.
    bool look();

    [[nodiscard]] std::string ca_file() const;
    [[nodiscard]] std::string ca_pem() const;
    [[nodiscard]] std::int64_t not_after_s() const { return not_after_s_.load(); }
    // Of the private CA; 0: the certificate is from files.
    [[nodiscard]] std::int64_t authority_not_after_s() const { return authority_not_after_s_.load(); }

 private:
    [[nodiscard]] Result<ServerTls> read() const;
    [[nodiscard]] Result<void> check_authority_in_use() const;
    [[nodiscard]] std::string state_of_files() const;
    [[nodiscard]] bool is_due() const;
    [[nodiscard]] CertificateTime certificate_time() const;
    void look_at_clock();
    void believe(std::int64_t offset_ms);
    [[nodiscard]] bool is_valid_at(std::int64_t wall_ms) const;
    void taken(ServerTls tls);
    void warn_of_authority();
    void run();

    const Clock& clock_;
    Use use_;
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false, hurry_ = false;
    TlsSource source_;
    ServerTls tls_;
    std::string tried_files_, last_files_;  // as state_of_files(): at the last try, at the last look
    std::int64_t not_before_s_ = 0, authority_not_before_s_ = 0;
    std::function<std::int64_t()> log_utc_ms_;
    // The wall clock from the boot-time clock: as it is when nobody sets it, and as it was before that.
    std::optional<std::int64_t> home_offset_ms_, former_offset_ms_;
    std::optional<std::uint64_t> away_since_ms_;  // boot time: since when it shows something else
    std::optional<std::int64_t> log_offset_ms_;   // the log's newest time at the start, from that boot time
    std::optional<std::uint64_t> made_at_ms_;     // boot time: when this run made the one in use
    std::uint64_t retry_at_ms_ = 0;               // boot time
    bool has_failed_ = false;
    std::atomic<std::int64_t> not_after_s_{0}, authority_not_after_s_{0};
    std::uint64_t warn_at_ms_ = 0;  // by the boot-time clock, of the authority's end, the next time
    std::thread thread_;
};

}  // namespace kontor::app
