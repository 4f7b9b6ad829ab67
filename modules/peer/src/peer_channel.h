#pragma once
// One of our connections to one node, over all its reconnects: dials, waits, dials again, renews; carries
// messages, or calls and their answers.
//
//     waiting -> dialling -> up -> waiting ...      up + renewal: up, dialling -> up (the old one drains)
//
// Threading: send(), call(), status fields by any thread; the rest on its loop's thread.
// Ownership: its node's entry and posted work own it. Limits: max_queued_bytes, kMaxCallsInFlight.

#include <map>
#include <mutex>
#include <random>
#include <set>
#include <unordered_map>

#include "peer_door.h"

namespace kontor::peer {

struct ChannelStatus {
    bool up = false;
    std::string last_error;
    std::uint16_t last_verdict = 0;
    std::uint64_t rtt_us = 0, since_ms = 0, dropped = 0, connects = 0;
};

class PeerChannel final : public PeerLink::Owner, public std::enable_shared_from_this<PeerChannel> {
 public:
    PeerChannel(PeerShared& shared, PeerDoor& door, std::uint64_t node_id, std::string address,
                Purpose purpose);
    // Any thread.
    void send(std::string frame);
    void call(std::uint16_t kind, std::string body, std::uint64_t timeout_ms, CallDone done);
    [[nodiscard]] ChannelStatus status() const;
    [[nodiscard]] PeerLoop& loop() const { return loop_; }

    // The loop's thread.
    void open();
    void nudge();                     // the node is alive: dial soon
    void renew(std::uint64_t in_ms);  // by a new connection, without a gap for calls
    void hang_up(const Error& why);   // and dial again
    void close(const Error& why);     // for good
    void tick(std::uint64_t now_ms);

    void on_frame(PeerLink& link, Frame& frame) override;
    void on_closed(PeerLink& link, const Error& why) override;

 private:
    struct NewCall {
        Frame frame;
        std::uint64_t deadline_ms = 0;
        CallDone done;
    };
    struct Pending {
        std::shared_ptr<PeerLink> link;
        std::uint64_t deadline_ms = 0;
        CallDone done;
    };

    void wake();  // with the lock held
    void take_inbox();
    void begin(NewCall call);
    void finish(std::uint64_t id, Result<std::string> result);
    void fail_calls_of(PeerLink& link, const Error& why);
    void dial();
    void dialled(Result<OpenedLink> outcome, std::uint16_t verdict);
    void came_up(OpenedLink opened);
    void went_down(const Error& why);
    void note_down(const Error& why);
    void wait_before_dialling();
    void end_drained();

    PeerShared& shared_;
    PeerDoor& door_;
    PeerLoop& loop_;
    const std::uint64_t node_id_;
    const std::string address_;
    const Purpose purpose_;
    const std::shared_ptr<PeerMeter> meter_;

    // Guarded by mutex_.
    mutable std::mutex mutex_;
    bool up_ = false;
    bool closed_ = false;
    bool woken_ = false;
    bool overrun_ = false;  // the link is to be dropped, its queue is full
    std::vector<std::string> messages_;
    std::vector<NewCall> calls_;
    std::size_t inbox_bytes_ = 0;
    std::size_t calls_in_flight_ = 0;
    std::shared_ptr<std::atomic<std::size_t>> link_queued_;
    ChannelStatus status_;

    // The loop's.
    std::shared_ptr<PeerLink> link_;
    std::vector<std::shared_ptr<PeerLink>> draining_;
    bool dialling_ = false;
    std::uint64_t dial_at_ms_ = 0;  // 0: not planned
    std::uint64_t renew_at_ms_ = 0;
    std::uint64_t backoff_ms_ = 0;
    std::uint64_t next_id_ = 1;
    std::unordered_map<std::uint64_t, Pending> pending_;
    std::set<std::pair<std::uint64_t, std::uint64_t>> deadlines_;  // (when, call)
    std::minstd_rand random_;
};

}  // namespace kontor::peer
