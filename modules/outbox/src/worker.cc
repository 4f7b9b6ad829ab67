#include "kontor/outbox/worker.h"

#include <pthread.h>

#include <algorithm>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "clean_text.h"
#include "in_flight.h"
#include "kontor/base/log.h"
#include "kontor/base/object_id.h"
#include "kontor/payments/json.h"
#include "kontor/payments/queries.h"

namespace kontor::outbox {
namespace {

constexpr std::size_t kScanPage = 512;  // due rows looked at in one read
// A scan costs the same whether it finds one delivery or a hundred, and the next entry waits for it. What it
// sees and may not start yet is remembered, so that a backlog needs few scans.
constexpr std::uint64_t kBetweenScansMs = 3;
constexpr std::uint64_t kBetweenScansOfBacklogMs = 25;
constexpr std::uint64_t kBetweenWholeScansMs = 1000;
constexpr std::size_t kSweepPages = 8;     // pages of a long backlog in one round
constexpr std::int64_t kFreshMs = 10'000;  // rows that became due this recently are looked at every round
constexpr std::size_t kEndpointsKnown = 100'000;  // deliveries whose endpoint is remembered
constexpr std::size_t kMaxErrorBytes = 500;
constexpr std::uint64_t kDrainSliceMs = 50;
constexpr unsigned kDrainSlices = 40;  // 2 s for calls under way when the worker stops

// Where the next look for due rows begins. Rows that are done are erased, and until the next checkpoint a
// scan walks over each of them: thousands of times, at thousands a second. New rows come behind what was
// seen, since they become due when they are made or later. Should a clock have gone back, they wait for the
// next look at all of them.
class DueFront {
 public:
    [[nodiscard]] payments::Due begin(std::uint64_t monotonic_ms) {
        if (monotonic_ms < next_whole_ms_) return from_;
        next_whole_ms_ = monotonic_ms + kBetweenWholeScansMs;
        return {};
    }
    void saw(const std::vector<payments::Due>& page) {
        if (page.empty()) {
            from_ = last_;
        } else {
            from_ = {page.front().due_ms, page.front().no - 1};
            last_ = page.back();
        }
    }

 private:
    payments::Due from_, last_;
    std::uint64_t next_whole_ms_ = 0;
};

class WorkerImpl final : public Worker {
 public:
    explicit WorkerImpl(WorkerOptions options)
        : options_(std::move(options)),
          in_flight_(std::make_shared<InFlight>(
              InFlight::Limits{options_.max_deliveries_in_flight, options_.max_deliveries_per_endpoint,
                               options_.max_channel_calls_in_flight},
              *options_.clock)),
          delivered_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                               "Webhook attempts by outcome.", R"(outcome="delivered")")),
          not_delivered_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                                   "Webhook attempts by outcome.", R"(outcome="failed")")),
          channel_calls_(
              options_.metrics->counter("kontor_channel_calls_total", "Calls of payment channels.")) {
        subscription_ =
            options_.service->subscribe([in_flight = in_flight_](const payments::AppliedEntry& entry) {
                if (entry.outbox_changed) in_flight->wake();
            });
        thread_ = std::thread([this] { run(); });
    }
    ~WorkerImpl() override { stop(); }

    void stop() override {
        if (!thread_.joinable()) return;
        options_.service->unsubscribe(subscription_);
        in_flight_->stop();
        thread_.join();
        in_flight_->close();
    }

 private:
    struct Delivery {
        pb::WebhookDelivery row;
        pb::WebhookEndpoint endpoint;
        std::optional<payments::FoundEvent> event;
    };

    struct Remembered {
        payments::Due due;
        std::uint64_t endpoint_no = 0;
    };

    void run() {
        pthread_setname_np(pthread_self(), "outbox");
        std::uint64_t wait_ms = options_.poll_ms;
        while (auto results = in_flight_->wait(wait_ms)) {
            for (auto& result : *results) propose(std::move(result));
            wait_ms = round();
        }
        // Calls that end soon are still told; the others are made again after the next start.
        InFlight::Results results;
        for (unsigned quiet = 0; quiet < kDrainSlices && in_flight_->wait_for_last(kDrainSliceMs, results);) {
            if (results.empty()) ++quiet;
            for (auto& result : results) propose(std::move(result));
        }
    }

    // A failing store stops the node; the worker only has to survive until then.
    // How long to wait for the next one when nothing happens.
    std::uint64_t round() {
        try {
            start_attempts();
            start_remembered();
            const std::uint64_t now = options_.clock->monotonic_ms();
            if (now < next_scan_ms_) return next_scan_ms_ - now;
            remembered_.clear();
            start_deliveries();
            next_scan_ms_ = now + (remembered_.empty() ? kBetweenScansMs : kBetweenScansOfBacklogMs);
        } catch (const std::exception& e) {
            log::error("outbox", e.what());
        }
        return options_.poll_ms;
    }

    // --- channels ---

    void start_attempts() {
        std::vector<pb::ChannelAttempt> ready;
        const std::int64_t now = options_.clock->wall_ms();
        options_.service->read([&](const store::Reader& rows, std::uint64_t) {
            const auto after = attempts_front_.begin(options_.clock->monotonic_ms());
            const auto page = payments::due_attempts(rows, now, kScanPage, after);
            attempts_front_.saw(page);
            for (const auto& due : page) {
                if (!in_flight_->claim(due.no, 0)) continue;
                auto attempt = payments::find_attempt(rows, due.no);
                if (attempt)
                    ready.push_back(*std::move(attempt));
                else
                    in_flight_->release(due.no);
            }
        });
        for (auto& attempt : ready) call_channel(attempt);
    }

    void call_channel(const pb::ChannelAttempt& attempt) {
        const std::uint64_t no = attempt.no();
        in_flight_->call_begins();
        const auto came_back = [this, in_flight = in_flight_, no](const channels::Answer& answer) {
            in_flight->came_back([&] { return answered(no, answer); });
        };
        const auto channel = options_.channels.find(attempt.channel());
        if (channel == options_.channels.end()) {
            // Perhaps it is configured again one day: not known, and asked again with back-off.
            log::error("outbox", "no channel is registered as '" + attempt.channel() + "'");
            return came_back(channels::Answer{});
        }
        channel_calls_.add();
        channels::Order order;
        order.reference = format_id(payments::prefix::attempt, no);
        order.operation = static_cast<channels::Operation>(attempt.operation());
        order.amount_minor = attempt.amount();
        order.currency = static_cast<std::uint16_t>(attempt.currency());
        order.method_token = attempt.payment_method().token();
        order.channel_reference = attempt.channel_reference();
        order.earlier_tries = attempt.tries();
        channel->second->perform(std::move(order), came_back);
    }

    static pb::Command answered(std::uint64_t no, const channels::Answer& answer) {
        pb::Command command;
        command.set_version(1);
        command.mutable_actor()->set_kind(pb::Actor::CHANNEL);
        auto& answered = *command.mutable_channel_answered();
        answered.set_attempt_no(no);
        using State = channels::Answer::State;
        answered.set_state(answer.state == State::succeeded ? pb::ATTEMPT_SUCCEEDED
                           : answer.state == State::failed  ? pb::ATTEMPT_FAILED
                                                            : pb::ATTEMPT_UNKNOWN);
        answered.set_channel_reference(clean_text(answer.channel_reference, kMaxErrorBytes));
        if (answer.state == State::failed) {
            auto& error = *answered.mutable_error();
            error.set_type(clean_text(answer.error_type, kMaxErrorBytes));
            error.set_code(clean_text(answer.error_code, kMaxErrorBytes));
            error.set_decline_code(clean_text(answer.decline_code, kMaxErrorBytes));
            error.set_message(clean_text(answer.message, kMaxErrorBytes));
        }
        return command;
    }

    // --- webhooks ---

    // The oldest rows come first. Where a slow receiver's backlog fills the page, what became due just now is
    // looked at too, and the rest page by page.
    void start_deliveries() {
        std::vector<Delivery> ready;
        const std::int64_t now = options_.clock->wall_ms();
        const payments::Due begin = deliveries_front_.begin(options_.clock->monotonic_ms());
        if (scan(now, begin, ready, &deliveries_front_).no != 0) {
            scan(now, {std::max<std::int64_t>(now - kFreshMs, 0), 0}, ready);
            const std::uint64_t monotonic = options_.clock->monotonic_ms();
            if (monotonic >= next_sweep_ms_) {
                next_sweep_ms_ = monotonic + options_.poll_ms;
                sweep(now, ready);
            }
        }
        for (const auto& delivery : ready) deliver(delivery);
    }

    // Those of the last scan whose endpoints have room again.
    void start_remembered() {
        std::vector<Remembered> claimed;
        std::unordered_set<std::uint64_t> full;  // asked, never walked
        std::erase_if(remembered_, [&](const Remembered& each) {
            if (full.contains(each.endpoint_no)) return false;
            if (!in_flight_->claim(each.due.no, each.endpoint_no)) {
                full.insert(each.endpoint_no);
                return false;
            }
            endpoint_of_.erase(each.due.no);
            claimed.push_back(each);
            return true;
        });
        if (claimed.empty()) return;
        std::vector<Delivery> ready;
        options_.service->read([&](const store::Reader& rows, std::uint64_t) {
            for (const Remembered& each : claimed) {
                auto row = payments::find_delivery(rows, each.due.no);
                const bool still_due = row && row->next_try_ms() == each.due.due_ms;
                auto delivery = still_due ? find(rows, *std::move(row)) : std::nullopt;
                if (delivery)
                    ready.push_back(*std::move(delivery));
                else
                    in_flight_->release(each.due.no);
            }
        });
        for (const auto& delivery : ready) deliver(delivery);
    }

    void sweep(std::int64_t now, std::vector<Delivery>& ready) {
        for (std::size_t page = 0; page < kSweepPages; ++page) {
            swept_ = scan(now, swept_, ready);
            if (swept_.no == 0) return;
        }
    }

    // Claims what may be delivered among the next page of rows. Where to read on; no 0: that was the last
    // page.
    payments::Due scan(std::int64_t now, payments::Due after, std::vector<Delivery>& ready,
                       DueFront* front = nullptr) {
        if (!in_flight_->has_room_for_delivery()) return {};
        payments::Due last;
        options_.service->read([&](const store::Reader& rows, std::uint64_t) {
            const auto page = payments::due_deliveries(rows, now, kScanPage, after);
            if (front != nullptr) front->saw(page);
            if (page.size() == kScanPage) last = page.back();
            for (const auto& due : page) {
                if (in_flight_->is_claimed(due.no)) continue;
                std::optional<pb::WebhookDelivery> row;
                auto known = endpoint_of_.find(due.no);
                if (known == endpoint_of_.end()) {
                    row = payments::find_delivery(rows, due.no);
                    if (!row) continue;
                    if (endpoint_of_.size() >= kEndpointsKnown) endpoint_of_.clear();
                    known = endpoint_of_.emplace(due.no, row->endpoint_no()).first;
                }
                if (!in_flight_->claim(due.no, known->second)) {
                    remembered_.push_back({due, known->second});
                    continue;
                }
                endpoint_of_.erase(known);
                if (!row) row = payments::find_delivery(rows, due.no);
                auto delivery = row ? find(rows, *std::move(row)) : std::nullopt;
                if (delivery)
                    ready.push_back(*std::move(delivery));
                else
                    in_flight_->release(due.no);
            }
        });
        return last;
    }

    // Only reads: the node's next entry waits. nullopt: the endpoint is gone or disabled, and the next Tick
    // ends its deliveries.
    static std::optional<Delivery> find(const store::Reader& rows, pb::WebhookDelivery row) {
        const payments::Scope scope{row.merchant_no(), row.livemode()};
        auto endpoint = payments::find_webhook_endpoint(rows, scope, row.endpoint_no());
        if (!endpoint || endpoint->disabled()) return std::nullopt;
        auto event = payments::find_event(rows, scope, row.event_no());
        return Delivery{std::move(row), *std::move(endpoint), std::move(event)};
    }

    Result<net::ClientRequest> request_of(const Delivery& delivery, std::int64_t now_ms) const {
        if (!delivery.event) return fail(ErrorCode::internal, "the event is not there any more");
        const auto secret = options_.sealer->open(delivery.endpoint.sealed_secret(), "webhook-secret");
        if (!secret)
            return fail(ErrorCode::internal,
                        "the endpoint's secret cannot be opened: is this the key file it was sealed with?");
        net::ClientRequest request;
        request.method = "POST";
        request.url = delivery.endpoint.url();
        request.timeout_ms = options_.delivery_timeout_ms;
        request.status_only = true;
        request.repeatable = true;  // receivers know the event by its id
        request.body = payments::event_json(*delivery.event->journal, *delivery.event->event);
        request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                           {"User-Agent", "Kontor/1.0 (webhooks)"},
                           {"Stripe-Signature", webhook_signature(*secret, now_ms / 1000, request.body)}};
        return request;
    }

    void deliver(const Delivery& delivery) {
        const std::int64_t started_ms = options_.clock->wall_ms();
        const std::uint64_t started = options_.clock->monotonic_ms();
        auto request = request_of(delivery, started_ms);
        in_flight_->call_begins();
        auto came_back = [this, in_flight = in_flight_, row = delivery.row, started_ms,
                          started](const Result<net::ClientResponse>& response) {
            in_flight->came_back([&] { return attempted(row, response, started_ms, started); });
        };
        if (!request) {
            log::error("outbox", request.error().message);
            return came_back(fail(std::move(request).error()));
        }
        options_.client->send(*std::move(request), std::move(came_back));
    }

    pb::Command attempted(const pb::WebhookDelivery& row, const Result<net::ClientResponse>& response,
                          std::int64_t started_ms, std::uint64_t started) const {
        pb::Command command;
        command.set_version(1);
        command.mutable_actor()->set_kind(pb::Actor::SYSTEM);
        command.set_merchant_no(row.merchant_no());
        command.set_livemode(row.livemode());
        auto& attempted = *command.mutable_webhook_attempted();
        attempted.set_delivery_no(row.no());
        auto& attempt = *attempted.mutable_attempt();
        attempt.set_time_ms(started_ms);
        attempt.set_duration_ms(static_cast<std::uint32_t>(options_.clock->monotonic_ms() - started));
        bool delivered = false;
        if (response) {
            attempt.set_http_status(static_cast<std::uint32_t>(response->status));
            delivered = response->status >= 200 && response->status < 300;
        } else {
            attempt.set_error(clean_text(response.error().describe(), kMaxErrorBytes));
        }
        attempted.set_delivered(delivered);
        (delivered ? delivered_ : not_delivered_).add();
        return command;
    }

    // --- results ---

    void propose(pb::Command command) {
        const std::uint64_t no = command.has_channel_answered() ? command.channel_answered().attempt_no()
                                                                : command.webhook_attempted().delivery_no();
        in_flight_->call_begins();
        pb::Command copy = command;
        options_.service->submit(std::move(copy), [in_flight = in_flight_, no, command = std::move(command)](
                                                      const Result<payments::Answer>& answer) mutable {
            in_flight->proposed(no, answer.has_value(), std::move(command));
        });
    }

    WorkerOptions options_;
    std::shared_ptr<InFlight> in_flight_;
    telemetry::Counter& delivered_;
    telemetry::Counter& not_delivered_;
    telemetry::Counter& channel_calls_;
    std::uint64_t subscription_ = 0;
    // Worker thread only.
    std::unordered_map<std::uint64_t, std::uint64_t> endpoint_of_;  // looked up by key, never walked
    std::vector<Remembered> remembered_;                            // at most what a round's scans see
    DueFront attempts_front_, deliveries_front_;
    payments::Due swept_;
    std::uint64_t next_scan_ms_ = 0, next_sweep_ms_ = 0;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Worker> Worker::start(WorkerOptions options) {
    return std::make_unique<WorkerImpl>(std::move(options));
}

}  // namespace kontor::outbox
