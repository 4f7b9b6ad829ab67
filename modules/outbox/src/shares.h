#pragma once
// Who may have how many deliveries under way: nobody's slow receivers hold up another merchant's.
//
// Places are shared by dynamic thresholds, as the node's queue is: a merchant may have no more of them than
// are still free. One alone gets half of them, two a third each, and whoever comes new always finds some. An
// endpoint has `per_endpoint` of them, more while it answers at once.
//
// The leash: an endpoint whose try failed slowly (no answer in time, no connection in time) has one place, of
// a smaller pool, and a pause between tries that doubles up to kMaxPauseMs; every second try has a short
// time-out. Any answer takes the leash off.
//
// Threading: one thread. Deterministic: the caller tells the time.
// Limits: kEndpointsKnown endpoints on the leash are remembered.

#include <cstddef>
#include <cstdint>
#include <map>

namespace kontor::outbox {

class Shares {
 public:
    struct Limits {
        std::size_t places = 0, per_endpoint = 0, per_quick_endpoint = 0;
    };
    static constexpr std::uint64_t kQuickMs = 100;         // an answer within this is given at once
    static constexpr std::uint64_t kSlowFailureMs = 2000;  // a failure that took this long earns the leash
    static constexpr std::uint64_t kFirstPauseMs = 2000, kMaxPauseMs = 60'000;
    static constexpr std::uint64_t kShortTimeoutMs = 5000;
    static constexpr std::size_t kLeashedShare = 4;  // a fourth of the places is for those on the leash
    static constexpr std::size_t kEndpointsKnown = 100'000;

    explicit Shares(Limits limits) : limits_(limits) {}

    [[nodiscard]] bool has_room() const { return used_ < limits_.places; }
    [[nodiscard]] bool may_begin(std::uint64_t merchant_no, std::uint64_t endpoint_no,
                                 std::uint64_t now_ms) const;
    struct Place {
        std::uint64_t merchant_no = 0, endpoint_no = 0;
        bool is_leashed = false;
    };
    [[nodiscard]] Place begin(std::uint64_t merchant_no, std::uint64_t endpoint_no);
    // The try is over. `answered`: there was an answer, whatever it said.
    void end(const Place& place, bool answered, std::uint64_t took_ms, std::uint64_t now_ms);
    [[nodiscard]] std::uint64_t timeout_ms(std::uint64_t endpoint_no, std::uint64_t usual_ms) const;
    [[nodiscard]] std::size_t used() const { return used_; }
    [[nodiscard]] std::size_t on_leash() const { return striking_; }  // endpoints
    [[nodiscard]] bool is_leashed(std::uint64_t endpoint_no) const;

 private:
    struct Endpoint {
        std::size_t used = 0;
        std::uint32_t strikes = 0;  // slow failures in a row
        bool is_quick = false;
        std::uint64_t pause_until_ms = 0;
    };
    struct Merchant {
        std::size_t used = 0, leashed = 0;
    };
    void forget_some();

    const Limits limits_;
    std::map<std::uint64_t, Endpoint> endpoints_;  // those in use or with something to remember
    std::map<std::uint64_t, Merchant> merchants_;  // those with something under way
    std::size_t used_ = 0, leashed_ = 0;
    std::size_t striking_ = 0;  // endpoints with strikes
};

}  // namespace kontor::outbox
