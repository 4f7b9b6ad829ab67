#include "kontor/outbox/worker.h"

#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <thread>
#include <unordered_map>
#include <utility>
#include <vector>

#include "channel_calls.h"
#include "clean_text.h"
#include "deliveries.h"
#include "domains/all.h"
#include "kontor/attempts.pb.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/links.h"
#include "kontor/machine/make.h"
#include "kontor/machine/service.h"
#include "kontor/outbox/channel_answer.h"
#include "kontor/webhooks_bodies.pb.h"
#include "mailbox.h"
#include "shares.h"
#include "window.h"

namespace kontor::outbox {
namespace {

constexpr std::uint64_t kBetweenLooksMs = 3;
// While something is under way: its end wakes nobody by itself.
constexpr std::uint64_t kProposedPollMs = 1, kCalledPollMs = 2;
constexpr std::uint64_t kPollMs = 25;  // for what becomes due by time, while other things keep us awake
constexpr std::uint64_t kProposeAgainMs = 100;  // after the node refused a result
constexpr std::uint64_t kPutOffMs = 1000;       // what this machine had no room to try
constexpr std::size_t kMaxErrorBytes = 500;
constexpr std::uint64_t kDrainSliceMs = 50;
constexpr unsigned kDrainSlices = 40;  // 2 s for calls under way when the worker stops

// For metrics, written by the worker's thread.
struct Figures {
    std::atomic<std::size_t> window{0}, under_way{0}, leashed{0};
};

class WorkerImpl final : public Worker {
 public:
    explicit WorkerImpl(WorkerOptions options)
        : options_(std::move(options)),
          mailbox_(std::make_shared<Mailbox>()),
          shares_({options_.max_deliveries_in_flight, options_.max_deliveries_per_endpoint,
                   options_.max_deliveries_per_quick_endpoint}),
          deliveries_(*options_.service, shares_, window_,
                      [this](std::uint64_t no) { return claims_.contains(no); }),
          calls_({options_.service, options_.channel_client, options_.sealer, options_.clock,
                  options_.connectors, options_.public_url, options_.max_channel_calls_in_flight}),
          delivered_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                               "Webhook attempts by outcome.", R"(outcome="delivered")")),
          not_delivered_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                                   "Webhook attempts by outcome.", R"(outcome="failed")")),
          put_off_total_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                                   "Webhook attempts by outcome.", R"(outcome="put_off")")),
          channel_calls_(
              options_.metrics->counter("kontor_channel_calls_total", "Calls of payment channels.")) {
        subscription_ = options_.service->subscribe([mailbox = mailbox_](const machine::AppliedEntry& entry) {
            if (entry.outbox_changed) mailbox->wake();
        });
        register_gauges();
        thread_ = std::thread([this] { run(); });
    }
    ~WorkerImpl() override { stop(); }

    void stop() override {
        if (!thread_.joinable()) return;
        options_.service->unsubscribe(subscription_);
        mailbox_->stop();
        thread_.join();
        mailbox_->close();
    }

 private:
    // What is under way, from its call until the node has taken the result.
    struct Claim {
        std::optional<Shares::Place> place;  // of a delivery, until its receiver answered
        bool is_delivery = false;
        bool counts = false;  // in the window
        machine::Due due;     // of a delivery
        machine::Scope scope;
        std::uint64_t endpoint_no = 0;
        std::uint64_t account_no = 0;  // of a channel's call
        ChannelCalls::Asked asked;     // the same
        std::int64_t started_ms = 0;   // for people
        std::uint64_t since_ms = 0;    // of the call, then of the proposal
        pb::Command result;
    };

    // The figures outlive this worker: another one takes over the gauges.
    void register_gauges() {
        const auto gauge = [this](const char* name, const char* help,
                                  std::atomic<std::size_t> Figures::*one) {
            options_.metrics->gauge(
                name, help, [figures = figures_, one] { return static_cast<double>((*figures).*one); });
        };
        gauge("kontor_webhook_window", "Deliveries that may be under way, results on their way included.",
              &Figures::window);
        gauge("kontor_webhook_under_way", "Deliveries under way, results on their way included.",
              &Figures::under_way);
        gauge("kontor_webhook_leashed", "Endpoints that failed slowly and have one place, with pauses.",
              &Figures::leashed);
    }
    void tell_figures() {
        figures_->window.store(window_.size(), std::memory_order_relaxed);
        figures_->under_way.store(unsettled_, std::memory_order_relaxed);
        figures_->leashed.store(shares_.on_leash(), std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t leadership() const {
        return options_.leadership ? options_.leadership() : kAlone;
    }
    // Not in a leadership that the round has not seen: what it knows of orders is of another one.
    [[nodiscard]] bool may_begin() const {
        const std::uint64_t now = leadership();
        return now != 0 && now == calls_.leadership();
    }

    void run() {
        pthread_setname_np(pthread_self(), "outbox");
        std::uint64_t wait_ms = options_.poll_ms;
        while (mailbox_->wait(wait_ms)) {
            read_mail();
            wait_ms = round();
        }
        is_stopping_ = true;
        // Calls that end soon are still told; the others are made again after the next start.
        for (unsigned quiet = 0; quiet < kDrainSlices && !claims_.empty();) {
            mailbox_->wait_for_last(kDrainSliceMs);
            if (!read_mail()) ++quiet;
        }
    }

    // A failing store stops the node; the worker only has to survive until then.
    // How long to wait for the next one when nothing happens.
    std::uint64_t round() {
        try {
            tell_figures();
            // It stood still, perhaps, and another one works now.
            const std::uint64_t leads_in = leadership();
            if (leads_in == 0) {
                is_worth_looking_ = true;
                return kPollMs;
            }
            if (leads_in != calls_.leadership())
                options_.service->read(
                    [&](const store::Reader&, std::uint64_t index) { calls_.leads_since(index, leads_in); });
            const std::uint64_t now = options_.clock->monotonic_ms();
            const bool is_time = now >= next_poll_ms_;
            if (is_time) next_poll_ms_ = now + std::min(options_.poll_ms, kPollMs);
            if (mailbox_->was_woken() || is_time) {
                start_attempts();
                is_worth_looking_ = true;
            }
            const std::int64_t due_until = options_.service->machine_now_ms();
            grow_old(now);
            if (is_worth_looking_ && now >= next_look_ms_ && window_.has_room()) {
                is_worth_looking_ = !deliveries_.look(due_until, now);
                next_look_ms_ = is_worth_looking_ ? now : now + kBetweenLooksMs;
                may_begin_ = true;
            }
            if (std::exchange(may_begin_, false)) start_deliveries(due_until, now);
        } catch (const std::exception& e) {
            log::error("outbox", e.what());
        }
        if (n_proposed_ != 0 || is_worth_looking_) return kProposedPollMs;
        return claims_.empty() && later_.empty() && put_off_.empty() ? options_.poll_ms : kCalledPollMs;
    }

    // --- channels ---

    void start_attempts() {
        const auto is_claimed = [this](std::uint64_t no) { return claims_.contains(no); };
        for (const ChannelCalls::Ready& ready : calls_.due(is_claimed)) call_channel(ready);
    }

    void call_channel(const ChannelCalls::Ready& ready) {
        if (!may_begin()) return;
        const std::uint64_t no = ready.attempt.no();
        Claim claim;
        claim.account_no = ready.attempt.account_no();
        claim.asked = {no, ready.attempt.tries(), ready.attempt.next_try_ms(), calls_.leadership()};
        claims_.emplace(no, std::move(claim));
        channel_calls_.add();
        calls_.begin(ready, channel_says(no));
    }

    ChannelCalls::Done channel_says(std::uint64_t no) {
        return [mailbox = mailbox_, no](std::optional<connectors::Answer> answer) {
            mailbox->came({no, std::move(answer), 0, {}}, true);
        };
    }

    // The channel was asked, and has no such order. What ended or changed meanwhile is let go: if it is still
    // due, it is found again.
    void send_unknown(std::uint64_t no, const Claim& claim) {
        if (!is_stopping_ && may_begin() && calls_.send_unknown(claim.asked, channel_says(no)))
            return channel_calls_.add();
        calls_.ended(claim.account_no);
        claims_.erase(no);
    }

    static pb::Command answered(std::uint64_t no, const connectors::Answer& answer) {
        pb::Command command = machine::new_command(pb::Actor::CHANNEL);
        auto& answered = *mutable_body(command, pb::channel_answered);
        answered = channel_answer(no, answer);
        if (answer.state == connectors::Answer::State::requires_action &&
            answered.state() == pb::ATTEMPT_UNKNOWN)
            log::error("outbox", "event=action_unusable a channel wants what no payer could do: asked again");
        return command;
    }

    // --- webhooks ---

    void start_deliveries(std::int64_t due_until, std::uint64_t now) {
        for (const auto& delivery : deliveries_.begin(due_until, now)) deliver(delivery);
    }

    void set_counts(Claim& claim, bool counts) {
        if (claim.counts == counts) return;
        claim.counts = counts;
        counts ? window_.count(claim.scope.merchant_no) : window_.uncount(claim.scope.merchant_no);
    }

    // Calls that take long leave the window.
    void grow_old(std::uint64_t now) {
        for (; !young_.empty() && young_.front().first + Window::kYoungMs <= now; young_.pop_front()) {
            const auto claim = claims_.find(young_.front().second);
            // It may have ended meanwhile, and have begun again.
            if (claim == claims_.end() || !claim->second.place ||
                claim->second.since_ms != young_.front().first)
                continue;
            set_counts(claim->second, false);
            may_begin_ = true;
        }
    }

    Result<http::ClientRequest> request_of(const Delivery& delivery, std::int64_t now_ms) const {
        if (!delivery.event) return fail(ErrorCode::internal, "the event is not there any more");
        const auto secret = options_.sealer->open(delivery.endpoint.sealed_secret(), "webhook-secret");
        if (!secret)
            return fail(ErrorCode::internal,
                        "the endpoint's secret cannot be opened: is this the key file it was sealed with?");
        http::ClientRequest request;
        request.method = "POST";
        request.url = delivery.endpoint.url();
        request.timeout_ms = shares_.timeout_ms(delivery.row.endpoint_no(), options_.delivery_timeout_ms);
        request.status_only = true;
        request.repeatable = true;  // receivers know the event by its id
        request.account = delivery.row.merchant_no();
        request.body =
            machine::event_json(domains::registry(), *delivery.event->audit_record, *delivery.event->event);
        request.headers = {{"Content-Type", "application/json; charset=utf-8"},
                           {"User-Agent", "Kontor/1.0 (webhooks)"},
                           {"Stripe-Signature", webhook_signature(*secret, now_ms / 1000, request.body)}};
        return request;
    }

    void deliver(const Delivery& delivery) {
        const std::uint64_t no = delivery.row.no();
        Claim claim;
        claim.place = delivery.place;
        claim.is_delivery = claim.counts = true;
        claim.due = {delivery.row.next_try_ms(), no};
        claim.endpoint_no = delivery.row.endpoint_no();
        claim.started_ms = options_.clock->wall_ms();  // house: wall: receivers and people read it
        claim.since_ms = options_.clock->monotonic_ms();
        claim.scope = {delivery.row.merchant_no(), delivery.row.livemode()};
        auto request = request_of(delivery, claim.started_ms);
        young_.emplace_back(claim.since_ms, no);
        claims_.emplace(no, std::move(claim));
        ++unsettled_;
        const auto came_back = [mailbox = mailbox_, no](const Result<http::ClientResponse>& response) {
            Came came;
            came.no = no;
            if (response)
                came.http_status = response->status;
            else
                came.error = response.error().describe();
            came.is_put_off = !response && response.error().code == ErrorCode::overloaded;
            mailbox->came(std::move(came), false);
        };
        if (!request) {
            log::error("outbox", request.error().message);
            return came_back(fail(std::move(request).error()));
        }
        if (!may_begin()) return came_back(fail(ErrorCode::overloaded, "this node does not lead any more"));
        options_.client->send(*std::move(request), came_back);
    }

    // Nothing was tried, for want of room here: that is nobody's failure, and takes no try from anybody.
    void put_off(std::uint64_t no, Claim& claim, std::uint64_t now) {
        shares_.end(*std::exchange(claim.place, std::nullopt), false, 0, now);
        set_counts(claim, true);  // or others without room would begin in its stead, again and again
        put_off_total_.add();
        window_.refused(now);
        put_off_.emplace_back(now + kPutOffMs, no);
    }

    void attempted(Claim& claim, const Came& came) {
        const std::uint64_t now = options_.clock->monotonic_ms(), took = now - claim.since_ms;
        shares_.end(*std::exchange(claim.place, std::nullopt), came.http_status != 0, took, now);
        claim.result = machine::new_command(pb::Actor::SYSTEM);
        claim.result.set_merchant_no(claim.scope.merchant_no);
        claim.result.set_livemode(claim.scope.livemode);
        auto& attempted = *mutable_body(claim.result, pb::webhook_attempted);
        attempted.set_delivery_no(came.no);
        auto& attempt = *attempted.mutable_attempt();
        attempt.set_time_ms(claim.started_ms);
        attempt.set_duration_ms(static_cast<std::uint32_t>(took));
        if (came.http_status != 0)
            attempt.set_http_status(static_cast<std::uint32_t>(came.http_status));
        else
            attempt.set_error(clean_text(came.error, kMaxErrorBytes));
        const bool is_delivered = came.http_status >= 200 && came.http_status < 300;
        attempted.set_delivered(is_delivered);
        (is_delivered ? delivered_ : not_delivered_).add();
    }

    // --- results ---

    // False: nothing came.
    bool read_mail() {
        const auto answers = mailbox_->take_answers();
        const auto settled = mailbox_->take_settled();
        const std::uint64_t now = options_.clock->monotonic_ms();
        for (const Came& came : answers) {
            const auto claim = claims_.find(came.no);
            if (claim == claims_.end()) continue;
            if (came.is_put_off) {
                put_off(claim->first, claim->second, now);
                continue;
            }
            if (claim->second.is_delivery) {
                attempted(claim->second, came);
            } else if (came.answer) {
                claim->second.result = answered(came.no, *came.answer);
            } else {
                send_unknown(came.no, claim->second);
                continue;
            }
            propose(claim->first, claim->second, now);
        }
        for (const Settled& one : settled) settle(one, now);
        may_begin_ = may_begin_ || !answers.empty() || !settled.empty();
        while (!put_off_.empty() && put_off_.front().first <= now) {
            const auto claim = claims_.find(put_off_.front().second);
            put_off_.pop_front();
            const Claim again = std::move(claim->second);
            claims_.erase(claim);
            if (again.counts) window_.uncount(again.scope.merchant_no);
            --unsettled_;
            deliveries_.again(again.due, again.scope, again.endpoint_no);
            may_begin_ = true;
        }
        while (!later_.empty() && later_.front().first <= now) {
            const auto claim = claims_.find(later_.front().second);
            later_.pop_front();
            if (claim != claims_.end()) propose(claim->first, claim->second, now);
        }
        return !answers.empty() || !settled.empty();
    }

    void propose(std::uint64_t no, Claim& claim, std::uint64_t now) {
        claim.since_ms = now;
        ++n_proposed_;
        if (claim.is_delivery) set_counts(claim, true);
        pb::Command copy = claim.result;
        options_.service->submit(std::move(copy),
                                 [mailbox = mailbox_, no](const Result<machine::Answer>& answer) {
                                     mailbox->settled({no, answer.has_value()});
                                 });
    }

    // The node took the result, or did not: then it is proposed again.
    void settle(const Settled& one, std::uint64_t now) {
        const auto claim = claims_.find(one.no);
        if (claim == claims_.end()) return;
        --n_proposed_;
        const bool is_delivery = claim->second.is_delivery;
        if (one.accepted) {
            if (is_delivery) window_.took(now - claim->second.since_ms, now);
        } else {
            window_.refused(now);
            if (!is_stopping_) return later_.emplace_back(now + kProposeAgainMs, one.no), void();
        }
        if (is_delivery) set_counts(claim->second, false);
        if (is_delivery)
            --unsettled_;
        else
            calls_.ended(claim->second.account_no);
        claims_.erase(claim);
    }

    WorkerOptions options_;
    std::shared_ptr<Mailbox> mailbox_;
    // Worker thread only.
    std::unordered_map<std::uint64_t, Claim> claims_;  // attempt or delivery; looked up by key, never walked
    std::size_t unsettled_ = 0;
    std::deque<std::pair<std::uint64_t, std::uint64_t>> later_;    // refused by the node: (when, what)
    std::deque<std::pair<std::uint64_t, std::uint64_t>> put_off_;  // the same
    std::deque<std::pair<std::uint64_t, std::uint64_t>> young_;    // calls that count: (since when, what)
    Shares shares_;
    Window window_;
    Deliveries deliveries_;
    ChannelCalls calls_;
    std::uint64_t next_look_ms_ = 0, next_poll_ms_ = 0;
    std::size_t n_proposed_ = 0;  // results that the node has not said anything about
    bool is_worth_looking_ = true, may_begin_ = true;
    bool is_stopping_ = false;

    telemetry::Counter& delivered_;
    telemetry::Counter& not_delivered_;
    telemetry::Counter& put_off_total_;
    telemetry::Counter& channel_calls_;
    const std::shared_ptr<Figures> figures_ = std::make_shared<Figures>();
    std::uint64_t subscription_ = 0;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Worker> Worker::start(WorkerOptions options) {
    return std::make_unique<WorkerImpl>(std::move(options));
}

}  // namespace kontor::outbox
