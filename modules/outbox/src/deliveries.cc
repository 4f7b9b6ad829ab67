#include "deliveries.h"

#include <algorithm>
#include <utility>

#include "domains/webhooks/webhooks.h"
#include "kontor/machine/events.h"
#include "kontor/machine/links.h"
#include "kontor/machine/rows.h"
#include "kontor/machine/times.h"
#include "kontor/webhooks.pb.h"

namespace kontor::outbox {
namespace {

// Rows looked at in one read, during which the node's next entry waits.
constexpr std::size_t kPage = 128;
constexpr std::size_t kPagesAtOnce = 16;
constexpr std::size_t kWalkedPagesAtOnce = 4;
constexpr std::size_t kBegunInOneRead = 32;
constexpr std::size_t kReadOnAtOnce = 4;  // endpoints
constexpr std::uint64_t kBetweenWalksMs = 250;

// nullopt: the endpoint is gone or disabled, and the next Tick ends its deliveries.
std::optional<Delivery> find(const store::Reader& rows, pb::WebhookDelivery row, const Shares::Place& place) {
    const machine::Scope scope{row.merchant_no(), row.livemode()};
    auto endpoint = webhooks::find_webhook_endpoint(rows, scope, row.endpoint_no());
    if (!endpoint || endpoint->disabled()) return std::nullopt;
    auto event = machine::find_event(rows, scope, row.event_no());
    return Delivery{std::move(row), *std::move(endpoint), std::move(event), place};
}

}  // namespace

bool Deliveries::look(std::int64_t now_ms, std::uint64_t monotonic_ms) {
    const bool is_done = look_at_front(now_ms);
    if (monotonic_ms >= next_walk_ms_) {
        next_walk_ms_ = monotonic_ms + kBetweenWalksMs;
        look_at_all(now_ms);
    }
    read_on(now_ms, monotonic_ms);
    return is_done;
}

bool Deliveries::look_at_front(std::int64_t now_ms) {
    for (std::size_t i = 0; i < kPagesAtOnce; ++i) {
        bool is_last = false;
        service_.read([&](const store::Reader& rows, std::uint64_t) {
            const auto page = webhooks::due_deliveries(rows, now_ms, kPage, front_);
            is_last = page.size() < kPage;
            // What is made from now on is due at the state's time or later.
            const std::int64_t settled_ms = machine::last_times(rows).machine_ms;
            for (const machine::Due& due : page) {
                take_in(rows, due);
                if (due.due_ms <= settled_ms || !is_last) front_ = due;
            }
        });
        if (is_last) return true;
    }
    return false;
}

void Deliveries::look_at_all(std::int64_t now_ms) {
    for (std::size_t i = 0; i < kWalkedPagesAtOnce; ++i) {
        service_.read([&](const store::Reader& rows, std::uint64_t) {
            const auto page = webhooks::due_deliveries(rows, now_ms, kPage, walked_);
            for (const machine::Due& due : page) take_in(rows, due);
            walked_ = page.size() < kPage ? machine::Due() : page.back();
        });
        if (walked_.no == 0) return;
    }
}

void Deliveries::take_in(const store::Reader& rows, machine::Due due) {
    if (backlog_.knows(due.no) || is_claimed_(due.no)) return;
    const auto row = webhooks::find_delivery(rows, due.no);
    if (row) (void)backlog_.add(due, {row->merchant_no(), row->livemode()}, row->endpoint_no());
}

// From the endpoint's own index, where its queue is short and it may begin something.
void Deliveries::read_on(std::int64_t now_ms, std::uint64_t monotonic_ms) {
    backlog_.begin_round();
    const auto may_begin = [&](const Backlog::Endpoint& endpoint) {
        return shares_.may_begin(endpoint.scope.merchant_no, endpoint.no, monotonic_ms);
    };
    for (std::size_t i = 0; i < kReadOnAtOnce; ++i) {
        Backlog::Endpoint* const endpoint = backlog_.short_one(may_begin);
        if (endpoint == nullptr) return;
        service_.read([&](const store::Reader& rows, std::uint64_t) {
            const auto page = webhooks::pending_deliveries(rows, endpoint->scope, endpoint->no,
                                                           endpoint->read_after_no, Backlog::kQueued);
            for (const std::uint64_t no : page) {
                if (endpoint->queue.size() >= Backlog::kQueued) return;
                endpoint->read_after_no = no;
                if (backlog_.knows(no) || is_claimed_(no)) continue;
                const auto row = webhooks::find_delivery(rows, no);
                if (row && row->next_try_ms() <= now_ms)
                    (void)backlog_.add({row->next_try_ms(), no}, endpoint->scope, endpoint->no);
            }
            if (page.size() == Backlog::kQueued) return;
            endpoint->read_after_no = 0;  // once more, if something was left out meanwhile
            endpoint->has_more = std::exchange(endpoint->was_incomplete, false);
        });
    }
}

std::vector<Delivery> Deliveries::begin(std::int64_t now_ms, std::uint64_t monotonic_ms) {
    std::vector<Begun> begun;
    backlog_.begin_round();
    const auto may_begin = [&](const Backlog::Endpoint& endpoint) {
        // The window last: it takes a refusal for a sign that it may be too small.
        return shares_.may_begin(endpoint.scope.merchant_no, endpoint.no, monotonic_ms) &&
               window_.may_begin(endpoint.scope.merchant_no);
    };
    while (window_.has_room() && shares_.has_room()) {
        const auto item = backlog_.next(may_begin);
        if (!item) break;
        window_.count(item->scope.merchant_no);
        begun.emplace_back(item->due, shares_.begin(item->scope.merchant_no, item->endpoint_no));
    }
    std::vector<Delivery> ready;
    for (std::size_t from = 0; from < begun.size(); from += kBegunInOneRead) {
        const std::size_t to = std::min(begun.size(), from + kBegunInOneRead);
        read_begun({begun.begin() + static_cast<std::ptrdiff_t>(from),
                    begun.begin() + static_cast<std::ptrdiff_t>(to)},
                   now_ms, monotonic_ms, ready);
    }
    return ready;
}

void Deliveries::read_begun(const std::vector<Begun>& begun, std::int64_t now_ms, std::uint64_t monotonic_ms,
                            std::vector<Delivery>& ready) {
    service_.read([&](const store::Reader& rows, std::uint64_t) {
        for (const auto& [due, place] : begun) {
            auto row = webhooks::find_delivery(rows, due.no);
            const bool is_due = row && row->state() == pb::DELIVERY_PENDING &&
                                row->next_try_ms() == due.due_ms && due.due_ms <= now_ms;
            auto delivery = is_due ? find(rows, *std::move(row), place) : std::nullopt;
            if (delivery) {
                ready.push_back(*std::move(delivery));
                continue;
            }
            window_.uncount(place.merchant_no);
            shares_.end(place, false, 0, monotonic_ms);
        }
    });
}

}  // namespace kontor::outbox
