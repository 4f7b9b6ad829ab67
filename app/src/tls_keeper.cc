#include "tls_keeper.h"

#include <pthread.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/transport/certificates.h"

namespace kontor::app {
namespace {

constexpr auto kLookEvery = std::chrono::seconds(1);
constexpr std::int64_t kAuthorityWarnBeforeS = 365 * kDayS;
constexpr std::uint64_t kAuthorityWarnEveryMs = 24 * 3'600'000;
constexpr std::int64_t kStepMs = kDayS * 1000;    // less than a day is within what certificates begin earlier
constexpr std::uint64_t kBelievedMs = 3'600'000;  // a clock that was set and stays so for an hour
constexpr std::int64_t kMostBackMs = 300 * kDayS * 1000;  // the rest of 397 days is left, and not yet due
constexpr std::uint64_t kRetryMs = 60'000;  // after a failure: a date may have come, a disk have room again

// Changes with every write, also one of the same size within a tick of the file system's clock, and when a
// link leads elsewhere.
Result<std::string> state_now(const std::string& file) {
    struct stat info {};
    if (::stat(file.c_str(), &info) != 0) return std::string("-;");
    const auto number = [](auto value) { return std::to_string(value) + ":"; };
    return number(info.st_dev) + number(info.st_ino) + number(info.st_size) + number(info.st_mtim.tv_sec) +
           number(info.st_mtim.tv_nsec) + number(info.st_ctim.tv_sec) + number(info.st_ctim.tv_nsec) + ";";
}

// An operator's file may be on a mount that does not answer, for which no stop waits long.
constexpr unsigned kLookWithinMs = 1'000;
std::string state_of(const std::string& file) {
    return ask_disk(file, kLookWithinMs, [file] { return state_now(file); }).value_or("?;");
}

bool is_same(const transport::TlsIdentity& a, const transport::TlsIdentity& b) {
    return a.certificate_chain_pem == b.certificate_chain_pem && a.private_key_pem == b.private_key_pem;
}

}  // namespace

Result<ServerTls> TlsKeeper::read() const {
    if (source_.certificate_file.empty()) {
        KONTOR_CHECK(check_authority_in_use());
        return ensure_private_certificate(source_.folder, source_.names, certificate_time());
    }
    KONTOR_TRY(ServerTls tls, load_own_certificate(source_.certificate_file, source_.private_key_file));
    std::string problems;
    for (const auto& one :
         transport::check_server_identity(tls.identity, source_.wanted_names, clock_.wall_ms()))
        problems += (problems.empty() ? "" : "; ") +
                    (one.is_of_key ? source_.private_key_file : source_.certificate_file) + " " + one.what;
    if (!problems.empty()) return fail(ErrorCode::invalid_argument, problems);
    return tls;
}

// Clients trust the authority by its file: while the node runs, none takes its place.
Result<void> TlsKeeper::check_authority_in_use() const {
    if (tls_.ca_pem.empty()) return {};
    const std::string file = source_.folder + "/ca.pem";
    const auto there = read_file(file);
    const bool is_gone = !there || !file_exists(source_.folder + "/ca.key");
    if (!is_gone && *there == tls_.ca_pem) return {};
    return fail(
        ErrorCode::conflict,
        file + (is_gone ? " or its key is gone" : " is another one") +
            ", and clients trust the one that was there: put it back. To replace it, stop the node first");
}

std::string TlsKeeper::state_of_files() const {
    if (!source_.certificate_file.empty())
        return state_of(source_.certificate_file) + state_of(source_.private_key_file);
    return *state_now(source_.folder + "/server.pem") + *state_now(source_.folder + "/server.key");
}

bool TlsKeeper::is_valid_at(std::int64_t wall_ms) const {
    return not_before_s_ <= wall_ms / 1000 && wall_ms / 1000 < not_after_s_.load();
}

void TlsKeeper::believe(std::int64_t offset_ms) {
    if (home_offset_ms_) former_offset_ms_ = home_offset_ms_;
    home_offset_ms_ = offset_ms;
    away_since_ms_.reset();
}

void TlsKeeper::look_at_clock() {
    const std::uint64_t now = clock_.boot_ms();
    const std::int64_t offset = clock_.wall_ms() - static_cast<std::int64_t>(now);
    const auto is_near = [offset](const std::optional<std::int64_t>& other) {
        return other && offset - *other <= kStepMs && *other - offset <= kStepMs;
    };
    if (home_offset_ms_ ? is_near(home_offset_ms_) : !log_offset_ms_ || offset + kStepMs >= *log_offset_ms_) {
        home_offset_ms_ = offset;
        away_since_ms_.reset();
    } else if (is_near(former_offset_ms_)) {  // it was wrong for a while, and is set right
        home_offset_ms_ = offset;
        former_offset_ms_.reset();
        away_since_ms_.reset();
    } else if (!away_since_ms_) {
        away_since_ms_ = now;
    } else if (now >= *away_since_ms_ + kBelievedMs) {
        return believe(offset);
    }
    // Nobody can have relied for long on what the clock before this one has just made.
    const bool is_no_worse = made_at_ms_ && now < *made_at_ms_ + kBelievedMs;
    if (away_since_ms_ && is_no_worse && clock_.wall_ms() >= kNoClockBeforeMs &&
        !is_valid_at(clock_.wall_ms()))
        believe(offset);
}

CertificateTime TlsKeeper::certificate_time() const {
    CertificateTime time(clock_);
    const auto boot_ms = static_cast<std::int64_t>(clock_.boot_ms());
    const bool is_a_clock = time.now_ms >= kNoClockBeforeMs && time.now_ms >= authority_not_before_s_ * 1000;
    time.keeps_dates = away_since_ms_ || !is_a_clock;
    const auto may_be_now = [&](std::int64_t other_ms) {
        if (other_ms < time.issue_ms && other_ms >= time.now_ms - kMostBackMs)
            time.issue_ms = std::max(other_ms, kNoClockBeforeMs);
    };
    if (const std::int64_t log_utc_ms = log_utc_ms_ ? log_utc_ms_() : 0; log_utc_ms != 0)
        may_be_now(log_utc_ms);
    if (former_offset_ms_) may_be_now(boot_ms + *former_offset_ms_);
    if (const auto other = home_offset_ms_ ? home_offset_ms_ : log_offset_ms_; away_since_ms_ && other) {
        const std::int64_t apart_ms = boot_ms + *other - time.now_ms;
        const bool fit_both = apart_ms <= kMostBackMs && -apart_ms <= kMostBackMs;
        if (is_a_clock && fit_both && not_after_s_.load() != 0 && !is_valid_at(time.now_ms)) {
            time.keeps_dates = false;
            may_be_now(boot_ms + *other);
        }
    }
    return time;
}

bool TlsKeeper::is_due() const {
    if (!source_.certificate_file.empty()) return false;
    const std::int64_t now_s = clock_.wall_ms() / 1000;
    return not_after_s_.load() - kRenewBeforeS <= now_s || not_before_s_ > now_s;
}

void TlsKeeper::taken(ServerTls tls) {
    if (tls.is_made_now && !away_since_ms_) made_at_ms_ = clock_.boot_ms();
    tls_ = std::move(tls);
    const auto authority = transport::certificate_validity(tls_.ca_pem);
    const bool is_own = !tls_.ca_pem.empty() && authority;
    authority_not_before_s_ = is_own ? authority->not_before_s : 0;
    authority_not_after_s_.store(is_own ? authority->not_after_s : 0);
    const auto validity = transport::certificate_validity(tls_.identity.certificate_chain_pem);
    if (!validity) return;
    not_before_s_ = validity->not_before_s;
    not_after_s_.store(validity->not_after_s);
}

Result<ServerTls> TlsKeeper::load(const TlsSource& source) {
    const std::lock_guard lock(mutex_);
    source_ = source;
    if (const std::int64_t log_utc_ms = log_utc_ms_ ? log_utc_ms_() : 0; log_utc_ms != 0)
        log_offset_ms_ = log_utc_ms - static_cast<std::int64_t>(clock_.boot_ms());
    look_at_clock();
    if (const auto authority = read_file(source_.folder + "/ca.pem"); authority && !source_.folder.empty()) {
        const auto validity = transport::certificate_validity(*authority);
        authority_not_before_s_ = validity ? validity->not_before_s : 0;
    }
    const std::string files = state_of_files();
    KONTOR_TRY(ServerTls tls, read());
    // Our own may just have been made.
    tried_files_ = last_files_ = source_.certificate_file.empty() ? state_of_files() : files;
    taken(tls);
    return tls;
}

void TlsKeeper::use_with(Use use) {
    use_ = std::move(use);
}

void TlsKeeper::watch() {
    thread_ = std::thread([this] { run(); });
}

void TlsKeeper::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    changed_.notify_all();
    if (thread_.joinable()) thread_.join();
}

void TlsKeeper::change(const TlsSource& source) {
    {
        const std::lock_guard lock(mutex_);
        source_ = source;
        hurry_ = true;
    }
    changed_.notify_all();
}

// Clients trust the authority by its file, so nobody but their owners can replace it: that takes planning.
void TlsKeeper::warn_of_authority() {
    const std::int64_t end_s = authority_not_after_s_.load(), left_s = end_s - clock_.wall_ms() / 1000;
    if (end_s == 0 || left_s > kAuthorityWarnBeforeS || clock_.boot_ms() < warn_at_ms_) return;
    warn_at_ms_ = clock_.boot_ms() + kAuthorityWarnEveryMs;
    log::warning("tls", "event=authority_ends days_left=" + std::to_string(left_s / kDayS) +
                            " file=" + tls_.ca_file +
                            " (clients that trust it refuse this node then; docs/operating.md says how to "
                            "replace it)");
}

bool TlsKeeper::look() {
    const std::lock_guard lock(mutex_);
    look_at_clock();
    warn_of_authority();
    const std::string files = state_of_files();
    const bool is_still = files == last_files_;  // or somebody is writing just now
    last_files_ = files;
    const bool is_retry = has_failed_ && clock_.boot_ms() >= retry_at_ms_;
    const bool is_new = files != tried_files_ && is_still;
    const bool is_due_now = is_due() && (!has_failed_ || is_retry);
    if (!std::exchange(hurry_, false) && !is_new && !is_due_now && !is_retry) return false;
    auto read_now = read();
    tried_files_ = last_files_ = state_of_files();
    Result<void> used;
    const bool is_other = read_now && !is_same(read_now->identity, tls_.identity);
    if (is_other) used = use_(read_now->identity);
    has_failed_ = !read_now || !used;
    if (has_failed_) {
        retry_at_ms_ = clock_.boot_ms() + kRetryMs;
        log::warning("tls", "event=certificate_kept the one in use goes on: " +
                                (read_now ? used.error() : read_now.error()).message);
        return false;
    }
    if (!is_other) return false;
    taken(*std::move(read_now));
    log::info("tls",
              "event=certificate_changed fingerprint=" +
                  transport::certificate_fingerprint(tls_.identity.certificate_chain_pem).value_or("?") +
                  " days_left=" + std::to_string((not_after_s_.load() - clock_.wall_ms() / 1000) / kDayS));
    return true;
}

std::string TlsKeeper::ca_file() const {
    const std::lock_guard lock(mutex_);
    return tls_.ca_file;
}

std::string TlsKeeper::ca_pem() const {
    const std::lock_guard lock(mutex_);
    return tls_.ca_pem;
}

void TlsKeeper::run() {
    pthread_setname_np(pthread_self(), "tls-keeper");
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait_for(lock, kLookEvery, [this] { return stopping_ || hurry_; });
        if (stopping_) return;
        lock.unlock();
        look();
        lock.lock();
    }
}

}  // namespace kontor::app
