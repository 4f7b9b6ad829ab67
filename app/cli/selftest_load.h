#pragma once
// The load of a self-test, and what it counts: transfers of 1 between two accounts of its own, with ids
// chosen here, sent to all nodes in turn. A transfer whose outcome is not known is sent again under the same
// id, to the next node, until it is acknowledged.
//
// Threading: start(), stop() and check() on one thread; failed_at() any. Errors: of the set-up; what goes
// wrong later is counted. Limits: kMaxTransfers, then the load pauses.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/http/client.h"

namespace kontor::app {

inline constexpr std::size_t kMaxTransfers = 2'000'000;

struct SelftestTarget {
    std::uint64_t node_no = 0;
    std::string url, ca_pem;
};

struct LoadCounts {
    std::uint64_t acknowledged = 0;
    std::uint64_t unresolved = 0;    // at the end: sent, and never answered
    std::uint64_t retryable = 0;     // 429, 503, no connection, no answer in time
    std::uint64_t wrong = 0;         // any other answer; the first one is in `first_wrong`
    std::uint64_t longest_us = 0;    // one transfer from its first try to its acknowledgement
    std::int64_t recovered_us = -1;  // from the failure to the first acknowledgement of a later transfer
    std::string first_wrong;
};

struct StoredCounts {
    std::uint64_t missing = 0;     // acknowledged and not there
    std::uint64_t duplicates = 0;  // what the account has posted above its transfers
    std::uint64_t found = 0;
};

class SelftestLoad {
 public:
    // `run` tells the ids of this run from those of all others. `connect` makes the client of a target; null:
    // HTTPS, trusting the target's authority.
    using Connect = std::function<std::unique_ptr<http::Client>(const SelftestTarget&)>;
    SelftestLoad(std::vector<SelftestTarget> targets, std::string key, unsigned threads, std::uint64_t run,
                 const Connect& connect = nullptr);
    ~SelftestLoad();
    SelftestLoad(const SelftestLoad&) = delete;
    SelftestLoad& operator=(const SelftestLoad&) = delete;

    [[nodiscard]] Result<void> start();
    void failed_at(std::uint64_t monotonic_us) { failed_us_.store(monotonic_us); }
    [[nodiscard]] std::uint64_t acknowledged() const { return acknowledged_.load(); }
    // Nothing new; what is under way is tried on for `grace_ms`.
    [[nodiscard]] LoadCounts stop(std::uint64_t grace_ms);
    // What this node has of all that was sent. After stop().
    [[nodiscard]] Result<StoredCounts> check(std::uint64_t node_no) const;

 private:
    struct Worker {
        std::vector<bool> is_acknowledged;  // by number of the transfer
        LoadCounts counts;
        std::string last_index;  // of what it was acknowledged last
        std::thread thread;
    };
    struct Answer {
        int status = 0;  // 0: none
        std::string body, what;
        std::string index;  // Kontor-Log-Index: nothing to calculate with
    };
    Answer ask(std::size_t target, const std::string& path, const std::string& body,
               const std::string& idempotency_key = {}, const std::string& min_index = {}) const;
    void work(std::size_t worker);
    bool transfer(std::size_t worker, std::uint64_t number);
    void recovered(std::uint64_t begun_us, LoadCounts& counts) const;
    [[nodiscard]] std::string account(unsigned number) const;
    [[nodiscard]] std::string transfer_id(std::size_t worker, std::uint64_t number) const;

    const std::vector<SelftestTarget> targets_;
    const std::string key_;
    const std::uint64_t run_;
    std::vector<std::unique_ptr<http::Client>> clients_;  // one a target: each trusts its own authority
    std::vector<Worker> workers_;
    std::atomic<std::uint64_t> acknowledged_{0}, sent_{0};
    std::atomic<std::uint64_t> failed_us_{0};  // 0: not yet
    std::atomic<bool> stopping_{false};
    std::atomic<std::uint64_t> give_up_us_{~std::uint64_t{0}};
};

}  // namespace kontor::app
