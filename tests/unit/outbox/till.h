#pragma once
// A shop's node, or two that form a cluster, each on a machine with clocks of its own; with everything that
// waits for a time: card payments that a channel answers, webhooks, reservations, sessions, funds.
//
// Threading: one thread; a second one does what the nodes' reconcilers do. Errors: failed expectations.

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/node/node.h"
#include "kontor/outbox/worker.h"
#include "kontor/payments.pb.h"
#include "kontor/webhooks.pb.h"
#include "support/peer_switch.h"
#include "support/test_clock.h"

namespace kontor::outbox::testing {

inline constexpr std::int64_t kHour = 3'600'000, kDay = 24 * kHour;

class Till {
 public:
    // `wall_ahead_ms`: of the first machine's clock, from the start on.
    explicit Till(std::int64_t wall_ahead_ms, bool has_successor = false);
    ~Till();
    Till(const Till&) = delete;
    Till& operator=(const Till&) = delete;

    // Of the machine that leads; of the one that follows.
    [[nodiscard]] kontor_test::TestClock& clock() { return machines_[leader_].clock; }
    [[nodiscard]] kontor_test::TestClock& successors_clock() { return machines_[1 - leader_].clock; }
    void restart();
    void hand_over();

    // What is begun now and comes to its end after a step.
    void begin();
    // All of it, and the same anew.
    void end(const std::string& where);
    // With the clock right again, and everything else long over.
    void funds_are_released();

 private:
    struct Machine {
        std::uint64_t number = 0;
        kontor_test::TestClock clock;
        std::unique_ptr<telemetry::Registry> metrics;
        std::unique_ptr<node::Node> node;
        std::unique_ptr<Worker> worker;
    };
    [[nodiscard]] node::Node& node() const { return *machines_[leader_].node; }
    [[nodiscard]] std::string folder_of(const Machine& machine) const;
    void start(Machine& machine);
    void start_worker(Machine& machine);
    void stop(Machine& machine);
    void find_successor();
    void tell_time();
    void pass(std::int64_t ms);
    [[nodiscard]] bool soon(const std::function<bool()>& condition) const;
    pb::Result run(const std::function<void(pb::Command&)>& fill, std::uint64_t merchant = 0);
    [[nodiscard]] std::uint64_t make_merchant(unsigned delay_days);
    [[nodiscard]] std::uint64_t make_endpoint();
    void make_book();
    pb::PaymentIntent pay(bool manual, std::uint64_t merchant = 0);
    void reserve(std::uint64_t id);
    [[nodiscard]] bool is_reserved(std::uint64_t id) const;
    void open_session(std::uint64_t n);
    [[nodiscard]] bool has_session(std::uint64_t n) const;
    [[nodiscard]] std::vector<pb::WebhookDelivery> events_of(std::uint64_t intent_no) const;
    [[nodiscard]] std::int64_t pending_funds() const;

    const bool has_successor_;
    std::string folder_;
    replication::ClusterId cluster_{};
    crypto::Sealer sealer_;
    std::unique_ptr<http::Client> client_;
    kontor_test::PeerSwitch switch_;
    std::array<Machine, 2> machines_;
    std::size_t leader_ = 0;
    std::thread reconciler_;
    std::atomic<bool> is_over_{false};
    std::uint64_t merchant_ = 0, slow_ = 0, endpoint_ = 0, reserved_ = 0, sessions_ = 0;
    pb::PaymentIntent authorized_, paid_;
};

}  // namespace kontor::outbox::testing
