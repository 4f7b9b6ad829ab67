#pragma once
// Finds the deliveries that are due, and says which of them may begin.
//
// New rows come behind what was seen: they become due when they are made, and the state's time never goes
// back. So each row is looked at once, at the front. What does not fit into the backlog is read from its
// endpoint's own index when its turn comes. A slow walk over all due rows finds what both have missed (an
// endpoint that was disabled for a moment).
//
// Threading: one thread. Errors: what the store throws.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "backlog.h"
#include "kontor/machine/events.h"
#include "kontor/machine/links.h"
#include "kontor/machine/rows.h"
#include "kontor/machine/service.h"
#include "kontor/webhooks.pb.h"
#include "shares.h"
#include "window.h"

namespace kontor::outbox {

struct Delivery {
    pb::WebhookDelivery row;
    pb::WebhookEndpoint endpoint;
    std::optional<machine::FoundEvent> event;
    Shares::Place place;
};

class Deliveries {
 public:
    using IsClaimed = std::function<bool(std::uint64_t no)>;
    Deliveries(const machine::Service& service, Shares& shares, Window& window, IsClaimed is_claimed)
        : service_(service), shares_(shares), window_(window), is_claimed_(std::move(is_claimed)) {}

    // Looks for what became due until `now_ms`; false: there is more to look at.
    [[nodiscard]] bool look(std::int64_t now_ms, std::uint64_t monotonic_ms);
    // Those that begin now: their places are taken, and they count in the window.
    [[nodiscard]] std::vector<Delivery> begin(std::int64_t now_ms, std::uint64_t monotonic_ms);
    // Due, and was begun, but could not be tried.
    void again(machine::Due due, machine::Scope scope, std::uint64_t endpoint_no) {
        (void)backlog_.add(due, scope, endpoint_no);  // what does not fit is found again, as ever
    }

 private:
    using Begun = std::pair<machine::Due, Shares::Place>;
    [[nodiscard]] bool look_at_front(std::int64_t now_ms);
    void look_at_all(std::int64_t now_ms);
    void read_on(std::int64_t now_ms, std::uint64_t monotonic_ms);
    void read_begun(const std::vector<Begun>& begun, std::int64_t now_ms, std::uint64_t monotonic_ms,
                    std::vector<Delivery>& ready);
    void take_in(const store::Reader& rows, machine::Due due);

    const machine::Service& service_;
    Shares& shares_;
    Window& window_;
    const IsClaimed is_claimed_;
    Backlog backlog_;
    machine::Due front_, walked_;
    std::uint64_t next_walk_ms_ = 0;
};

}  // namespace kontor::outbox
