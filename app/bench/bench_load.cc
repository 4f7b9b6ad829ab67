#include "bench_load.h"

#include <algorithm>
#include <chrono>

namespace kontor::app {
namespace {
constexpr std::uint64_t kLongestWaitNs = 100'000'000;
}

std::uint64_t steady_ns() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

void LoadResult::merge(const LoadResult& other) {
    if (kinds.size() < other.kinds.size()) kinds.resize(other.kinds.size());
    for (std::size_t i = 0; i < other.kinds.size(); ++i) {
        kinds[i].latency.merge(other.kinds[i].latency);
        kinds[i].operations += other.kinds[i].operations;
    }
    for (const auto& [what, count] : other.errors) errors[what] += count;
    most_behind = std::max(most_behind, other.most_behind);
}

LoadWorker::LoadWorker(std::unique_ptr<http::LoadClient> client, std::unique_ptr<Source> source,
                       std::size_t connections, std::size_t kinds, const LoadPlan& plan,
                       LoadProgress& progress)
    : client_(std::move(client)),
      source_(std::move(source)),
      plan_(plan),
      progress_(progress),
      sent_(connections) {
    result_.kinds.resize(kinds);
    next_request_ = plan.worker;
    if (plan.schedule) end_request_ = plan.schedule->count_before(plan.end_ns);
}

LoadResult LoadWorker::run() {
    for (std::size_t i = 0; i < sent_.size(); ++i) {
        if (plan_.schedule)
            free_.push_back(i);
        else
            send(i, steady_ns());
    }
    for (;;) {
        const std::uint64_t now = steady_ns();
        const bool stopped = progress_.stop.load(std::memory_order_relaxed);
        const bool more = !stopped && (plan_.schedule ? next_request_ < end_request_ : now < plan_.end_ns);
        if ((!more && busy_ == 0) || now > plan_.end_ns + kDrainNs) break;
        if (stopped) break;  // nobody waits for figures any more
        if (plan_.schedule)
            send_due(now);
        else
            wake_paused(now);
        client_->poll(next_event_us(now), *this);
    }
    count_unanswered();
    return std::move(result_);
}

void LoadWorker::send(std::size_t connection, std::uint64_t from_ns) {
    Sent& sent = sent_[connection];
    sent.kind = source_->next(connection, client_->buffer(connection));
    sent.from_ns = from_ns;
    sent.busy = true;
    ++busy_;
    client_->send(connection);
}

void LoadWorker::send_due(std::uint64_t now) {
    while (!free_.empty() && next_request_ < end_request_) {
        const std::uint64_t intended = plan_.schedule->intended_ns(next_request_);
        if (intended > now) break;
        const std::size_t connection = free_.front();
        free_.pop_front();
        next_request_ += plan_.workers;
        send(connection, intended);
    }
    if (free_.empty()) {
        const std::uint64_t due = std::min(plan_.schedule->count_before(now), end_request_);
        if (due > next_request_)
            result_.most_behind = std::max(result_.most_behind, (due - next_request_) / plan_.workers);
    }
}

void LoadWorker::wake_paused(std::uint64_t now) {
    while (!paused_.empty() && paused_.front().first <= now && now < plan_.end_ns) {
        const std::size_t connection = paused_.front().second;
        paused_.pop_front();
        send(connection, now);
    }
}

std::uint64_t LoadWorker::next_event_us(std::uint64_t now) const {
    std::uint64_t at = now + kLongestWaitNs;
    if (plan_.schedule && next_request_ < end_request_ && !free_.empty())
        at = std::min(at, plan_.schedule->intended_ns(next_request_));
    if (!paused_.empty()) at = std::min(at, paused_.front().first);
    if (now < plan_.end_ns) at = std::min(at, plan_.end_ns);
    return at <= now ? 0 : (at - now + 999) / 1000;
}

void LoadWorker::on_answer(std::size_t connection, const http::LoadAnswer& answer) {
    const std::uint64_t now = steady_ns();
    Sent& sent = sent_[connection];
    sent.busy = false;
    --busy_;
    const bool answered_inside = now >= plan_.measure_from_ns && now < plan_.end_ns;
    // An open loop judges what was meant to be sent inside; a closed one what was answered inside.
    const bool counts = plan_.schedule ? sent.from_ns >= plan_.measure_from_ns : answered_inside;
    ErrorCounts& errors = counts ? result_.errors : warmup_errors_;
    const std::uint64_t operations = source_->judge(connection, sent.kind, answer, errors);
    if (counts) result_.kinds[sent.kind].latency.record(now - std::min(now, sent.from_ns));
    if (answered_inside) result_.kinds[sent.kind].operations += operations;
    progress_.operations.fetch_add(operations, std::memory_order_relaxed);
    if (operations == 0) progress_.failed.fetch_add(1, std::memory_order_relaxed);

    if (plan_.schedule) {
        free_.push_back(connection);
        if (!progress_.stop.load(std::memory_order_relaxed)) send_due(now);
    } else if (now < plan_.end_ns && !progress_.stop.load(std::memory_order_relaxed)) {
        const bool refused = answer.status == 0 || answer.status == 429 || answer.status == 503;
        if (refused)
            paused_.emplace_back(now + kRefusedPauseNs, connection);
        else
            send(connection, now);
    }
}

void LoadWorker::count_unanswered() {
    if (progress_.stop.load(std::memory_order_relaxed)) return;
    const std::uint64_t now = steady_ns();
    const auto unanswered = [&](unsigned kind, std::uint64_t from_ns) {
        result_.kinds[kind].latency.record(now - std::min(now, from_ns));
        ++result_.errors["unanswered"];
    };
    for (const Sent& sent : sent_)
        if (sent.busy && sent.from_ns >= plan_.measure_from_ns) unanswered(sent.kind, sent.from_ns);
    for (; plan_.schedule && next_request_ < end_request_; next_request_ += plan_.workers) {
        const std::uint64_t intended = plan_.schedule->intended_ns(next_request_);
        if (intended >= plan_.measure_from_ns) unanswered(0, intended);
    }
}

}  // namespace kontor::app
