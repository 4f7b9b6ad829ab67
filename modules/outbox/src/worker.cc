#include "kontor/outbox/worker.h"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include "kontor/base/log.h"
#include "kontor/base/object_id.h"
#include "kontor/commands.pb.h"
#include "kontor/payments/json.h"
#include "kontor/payments/queries.h"

namespace kontor::outbox {
namespace {

constexpr std::size_t kScanPage = 1024;         // due rows looked at in one round
constexpr std::uint64_t kProposeAgainMs = 100;  // after the node refused a result

class WorkerImpl final : public Worker {
 public:
    explicit WorkerImpl(WorkerOptions options)
        : options_(std::move(options)),
          delivered_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                               "Webhook attempts by outcome.", R"(outcome="delivered")")),
          not_delivered_(options_.metrics->counter("kontor_webhook_deliveries_total",
                                                   "Webhook attempts by outcome.", R"(outcome="failed")")),
          channel_calls_(
              options_.metrics->counter("kontor_channel_calls_total", "Calls of payment channels.")) {
        subscription_ = options_.service->subscribe([this](const pb::Journal&, std::uint64_t) { wake(); });
        thread_ = std::thread([this] { run(); });
    }
    ~WorkerImpl() override { stop(); }

    void stop() override {
        {
            const std::lock_guard lock(mutex_);
            if (stopping_) return;
            stopping_ = true;
        }
        options_.service->unsubscribe(subscription_);
        changed_.notify_all();
        thread_.join();
        // Callbacks hold `this`: wait for them. Every call has a time-out of its own, so this ends.
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return outstanding_ == 0; });
    }

 private:
    struct Delivery {
        pb::WebhookDelivery row;
        net::ClientRequest request;
    };

    void wake() {
        {
            const std::lock_guard lock(mutex_);
            work_ = true;
        }
        changed_.notify_all();
    }

    void run() {
        std::unique_lock lock(mutex_);
        while (!stopping_) {
            changed_.wait_for(lock, std::chrono::milliseconds(options_.poll_ms),
                              [this] { return work_ || stopping_ || !to_propose_.empty(); });
            if (stopping_) break;
            work_ = false;
            std::deque<pb::Command> commands = take_proposals_locked();
            lock.unlock();
            for (auto& command : commands) propose(std::move(command));
            round();
            lock.lock();
        }
    }

    // A failing store stops the node; the worker only has to survive until then.
    void round() {
        try {
            start_attempts();
            start_deliveries();
        } catch (const std::exception& e) {
            log::error("outbox", e.what());
        }
    }

    void start_attempts() {
        std::vector<pb::ChannelAttempt> ready;
        const std::int64_t now = options_.clock->wall_ms();
        options_.service->read([&](const store::Reader& rows, std::uint64_t) {
            for (const auto& due : payments::due_attempts(rows, now, kScanPage)) {
                if (!claim(due.no, 0, options_.max_channel_calls_in_flight)) continue;
                auto attempt = payments::find_attempt(rows, due.no);
                if (attempt)
                    ready.push_back(*std::move(attempt));
                else
                    release(due.no);
            }
        });
        for (auto& attempt : ready) call_channel(attempt);
    }

    void call_channel(const pb::ChannelAttempt& attempt) {
        const auto channel = options_.channels.find(attempt.channel());
        if (channel == options_.channels.end()) {
            log::error("outbox", "no channel is registered as '" + attempt.channel() + "'");
            release(attempt.no());
            return;
        }
        channel_calls_.add();
        channels::Order order;
        order.reference = format_id(payments::prefix::attempt, attempt.no());
        order.operation = static_cast<channels::Operation>(attempt.operation());
        order.amount_minor = attempt.amount();
        order.currency = static_cast<std::uint16_t>(attempt.currency());
        order.method_token = attempt.payment_method().token();
        order.channel_reference = attempt.channel_reference();
        order.earlier_tries = attempt.tries();
        const std::uint64_t no = attempt.no();
        begin_call();
        channel->second->perform(std::move(order), [this, no](const channels::Answer& answer) {
            pb::Command command;
            command.set_version(1);
            command.mutable_actor()->set_kind(pb::Actor::CHANNEL);
            auto& answered = *command.mutable_channel_answered();
            answered.set_attempt_no(no);
            using State = channels::Answer::State;
            answered.set_state(answer.state == State::succeeded ? pb::ATTEMPT_SUCCEEDED
                               : answer.state == State::failed  ? pb::ATTEMPT_FAILED
                                                                : pb::ATTEMPT_UNKNOWN);
            answered.set_channel_reference(answer.channel_reference);
            if (answer.state == State::failed) {
                auto& error = *answered.mutable_error();
                error.set_type(answer.error_type);
                error.set_code(answer.error_code);
                error.set_decline_code(answer.decline_code);
                error.set_message(answer.message);
            }
            enqueue(std::move(command));
        });
    }

    void start_deliveries() {
        std::vector<Delivery> ready;
        const std::int64_t now = options_.clock->wall_ms();
        options_.service->read([&](const store::Reader& rows, std::uint64_t) {
            for (const auto& due : payments::due_deliveries(rows, now, kScanPage)) {
                auto row = payments::find_delivery(rows, due.no);
                if (!row || !claim(due.no, row->endpoint_no(), options_.max_deliveries_in_flight)) continue;
                auto delivery = prepare(rows, *std::move(row), now);
                if (delivery)
                    ready.push_back(*std::move(delivery));
                else
                    release(due.no);
            }
        });
        for (auto& delivery : ready) deliver(std::move(delivery));
    }

    std::optional<Delivery> prepare(const store::Reader& rows, pb::WebhookDelivery row, std::int64_t now_ms) {
        const payments::Scope scope{row.merchant_no(), row.livemode()};
        const auto endpoint = payments::find_webhook_endpoint(rows, scope, row.endpoint_no());
        const auto found = payments::find_event(rows, scope, row.event_no());
        if (!endpoint || !found) return std::nullopt;
        const auto secret = options_.sealer->open(endpoint->sealed_secret(), "webhook-secret");
        if (!secret) {
            log::error("outbox", "cannot open the secret of " +
                                     format_id(payments::prefix::webhook_endpoint, endpoint->no()) +
                                     ": is this the key file it was sealed with?");
            return std::nullopt;
        }
        Delivery delivery;
        delivery.request.method = "POST";
        delivery.request.url = endpoint->url();
        delivery.request.timeout_ms = options_.delivery_timeout_ms;
        delivery.request.body = payments::event_json(*found->journal, *found->event);
        delivery.request.headers = {
            {"Content-Type", "application/json; charset=utf-8"},
            {"User-Agent", "Kontor/1.0 (webhooks)"},
            {"Stripe-Signature", webhook_signature(*secret, now_ms / 1000, delivery.request.body)}};
        delivery.row = std::move(row);
        return delivery;
    }

    void deliver(Delivery delivery) {
        const std::int64_t started_ms = options_.clock->wall_ms();
        const std::uint64_t started = options_.clock->monotonic_ms();
        begin_call();
        options_.client->send(std::move(delivery.request), [this, row = std::move(delivery.row), started_ms,
                                                            started](Result<net::ClientResponse> response) {
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
                attempt.set_error(response.error().describe().substr(0, 500));
            }
            attempted.set_delivered(delivered);
            (delivered ? delivered_ : not_delivered_).add();
            enqueue(std::move(command));
        });
    }

    // The result of a call: proposed by the worker thread, so that callbacks stay short.
    void enqueue(pb::Command command) {
        const std::lock_guard lock(mutex_);
        to_propose_.push_back(std::move(command));
        --outstanding_;
        changed_.notify_all();  // under the lock: stop() may destroy us right after
    }

    void propose(pb::Command command) {
        const std::uint64_t no = command.has_channel_answered() ? command.channel_answered().attempt_no()
                                                                : command.webhook_attempted().delivery_no();
        begin_call();
        pb::Command copy = command;
        options_.service->submit(std::move(copy), [this, no, command = std::move(command)](
                                                      Result<payments::Answer> answer) mutable {
            const std::lock_guard lock(mutex_);
            if (answer) {
                release_locked(no);
                work_ = true;
            } else if (!stopping_) {
                to_propose_later_.emplace_back(options_.clock->monotonic_ms() + kProposeAgainMs,
                                               std::move(command));
            }
            --outstanding_;
            changed_.notify_all();
        });
    }

    std::deque<pb::Command> take_proposals_locked() {
        const std::uint64_t now = options_.clock->monotonic_ms();
        while (!to_propose_later_.empty() && to_propose_later_.front().first <= now) {
            to_propose_.push_back(std::move(to_propose_later_.front().second));
            to_propose_later_.pop_front();
        }
        return std::exchange(to_propose_, {});
    }

    void begin_call() {
        const std::lock_guard lock(mutex_);
        ++outstanding_;
    }

    // Marks the intention as under way; false: it is already, or a limit is reached.
    bool claim(std::uint64_t no, std::uint64_t endpoint_no, std::size_t limit) {
        const std::lock_guard lock(mutex_);
        std::size_t& in_flight = endpoint_no != 0 ? deliveries_in_flight_ : calls_in_flight_;
        if (in_flight >= limit || claimed_.contains(no)) return false;
        if (endpoint_no != 0) {
            std::size_t& of_endpoint = per_endpoint_[endpoint_no];
            if (of_endpoint >= options_.max_deliveries_per_endpoint) return false;
            ++of_endpoint;
        }
        claimed_.emplace(no, endpoint_no);
        ++in_flight;
        return true;
    }
    void release(std::uint64_t no) {
        const std::lock_guard lock(mutex_);
        release_locked(no);
    }
    void release_locked(std::uint64_t no) {
        const auto claimed = claimed_.find(no);
        if (claimed == claimed_.end()) return;
        const std::uint64_t endpoint_no = claimed->second;
        claimed_.erase(claimed);
        if (endpoint_no == 0) {
            --calls_in_flight_;
            return;
        }
        --deliveries_in_flight_;
        const auto endpoint = per_endpoint_.find(endpoint_no);
        if (endpoint != per_endpoint_.end() && --endpoint->second == 0) per_endpoint_.erase(endpoint);
    }

    WorkerOptions options_;
    telemetry::Counter& delivered_;
    telemetry::Counter& not_delivered_;
    telemetry::Counter& channel_calls_;
    std::uint64_t subscription_ = 0;

    std::mutex mutex_;
    std::condition_variable changed_;
    // Guarded by mutex_.
    bool stopping_ = false;
    bool work_ = true;
    std::deque<pb::Command> to_propose_;
    std::deque<std::pair<std::uint64_t, pb::Command>> to_propose_later_;
    std::map<std::uint64_t, std::uint64_t> claimed_;  // attempt or delivery -> endpoint (0: attempt)
    std::map<std::uint64_t, std::size_t> per_endpoint_;
    std::size_t calls_in_flight_ = 0, deliveries_in_flight_ = 0;
    std::size_t outstanding_ = 0;  // callbacks that will still come
    std::thread thread_;
};

}  // namespace

std::unique_ptr<Worker> Worker::start(WorkerOptions options) {
    return std::make_unique<WorkerImpl>(std::move(options));
}

}  // namespace kontor::outbox
