#include "peer_channel.h"

#include <algorithm>

#include "kontor/base/log.h"

namespace kontor::peer {
namespace {

constexpr std::uint64_t kSteadyMs = 1'000;  // a link that lived so long ended for a new reason
constexpr std::uint64_t kRetryRenewalMs = 2'000;
constexpr std::uint64_t kLackMs = 100;  // out of descriptors here: tried again so soon
constexpr std::uint64_t kMaxCallMs = 24ULL * 3'600 * 1'000;

void finish_call(const CallDone& done, Result<std::string> result) {
    try {
        done(std::move(result));
    } catch (const std::exception& e) {
        log::error("net", std::string("a call's done threw: ") + e.what());
    }
}

}  // namespace

PeerChannel::PeerChannel(PeerShared& shared, PeerDoor& door, std::uint64_t node_id, std::string address,
                         Purpose purpose)
    : shared_(shared),
      door_(door),
      loop_(loop_for(shared, purpose)),
      node_id_(node_id),
      address_(std::move(address)),
      purpose_(purpose),
      meter_(shared.meter(node_id)),
      random_(std::random_device{}()) {
    status_.since_ms = PeerLoop::now_ms();
}

// ---- any thread ----

void PeerChannel::wake() {
    if (woken_) return;
    woken_ = true;
    loop_.post([self = shared_from_this()] { self->take_inbox(); });
}

void PeerChannel::send(std::string frame) {
    const PeerLimits& limits = shared_.options.limits;
    const std::lock_guard lock(mutex_);
    const bool too_large = frame.size() > limits.max_frame_bytes;
    if (too_large || !up_ || overrun_) {
        ++status_.dropped;
        if (too_large)
            shared_.log_limited("a message of " + std::to_string(frame.size()) + " bytes was dropped");
        return;
    }
    const std::size_t size = frame.size() + kFrameHeadBytes;
    if (inbox_bytes_ + link_queued_->load() + size > limits.max_queued_bytes) {
        ++status_.dropped;
        overrun_ = true;
    } else {
        inbox_bytes_ += size;
        messages_.push_back(std::move(frame));
    }
    wake();
}

void PeerChannel::call(std::uint16_t kind, std::string body, std::uint64_t timeout_ms, CallDone done) {
    const PeerLimits& limits = shared_.options.limits;
    Error error;
    if (body.size() > limits.max_frame_bytes) {
        error = {ErrorCode::too_large, "the call has " + std::to_string(body.size()) + " bytes, at most " +
                                           std::to_string(limits.max_frame_bytes)};
        return finish_call(done, fail(std::move(error)));
    }
    {
        const std::lock_guard lock(mutex_);
        const std::size_t queued = inbox_bytes_ + (link_queued_ ? link_queued_->load() : 0);
        if (closed_) {
            error = {ErrorCode::unavailable, "no connection to " + node_name(node_id_) + " any more"};
        } else if (!up_) {
            error = {ErrorCode::unavailable,
                     "not connected to " + node_name(node_id_) +
                         (status_.last_error.empty() ? "" : ": " + status_.last_error)};
        } else if (queued + body.size() > limits.max_queued_bytes || calls_in_flight_ >= kMaxCallsInFlight) {
            error = {ErrorCode::overloaded, "too many calls to " + node_name(node_id_) + " wait"};
        } else {
            inbox_bytes_ += body.size();
            ++calls_in_flight_;
            calls_.push_back({{.kind = FrameKind::call, .code = kind, .body = std::move(body)},
                              PeerLoop::now_ms() + std::min(timeout_ms, kMaxCallMs),
                              std::move(done)});
            return wake();
        }
        if (!closed_) {
            // From the loop, as every other answer.
            loop_.post([self = shared_from_this(), error = std::move(error), done = std::move(done)] {
                finish_call(done, fail(error));
            });
            return;
        }
    }
    finish_call(done, fail(std::move(error)));
}

ChannelStatus PeerChannel::status() const {
    const std::lock_guard lock(mutex_);
    ChannelStatus out = status_;
    out.up = up_;
    return out;
}

// ---- the loop's thread ----

void PeerChannel::take_inbox() {
    std::vector<std::string> messages;
    std::vector<NewCall> calls;
    bool overrun = false;
    std::size_t bytes = 0;
    {
        const std::lock_guard lock(mutex_);
        woken_ = false;
        messages.swap(messages_);
        calls.swap(calls_);
        overrun = overrun_;
        // A message changes from one count to the other under the lock: counted twice, a queue would look
        // full.
        for (std::string& message : messages) {
            inbox_bytes_ -= message.size() + kFrameHeadBytes;
            if (link_ && !overrun) link_->push({.kind = FrameKind::message, .body = std::move(message)});
        }
        bytes = inbox_bytes_;
    }
    for (NewCall& call : calls) begin(std::move(call));
    {
        const std::lock_guard lock(mutex_);
        inbox_bytes_ -= bytes;
    }
    if (overrun && link_) {
        // TLS bytes of what was queued may have left; the rest is void, and the other side will see the gap
        // as what it is: a lost connection.
        return hang_up({ErrorCode::overloaded, "the queue to " + node_name(node_id_) + " was full"});
    }
    if (link_) link_->flush();
}

void PeerChannel::begin(NewCall call) {
    if (!link_) {
        {
            const std::lock_guard lock(mutex_);
            --calls_in_flight_;
        }
        return finish_call(call.done,
                           fail(ErrorCode::unavailable, "not connected to " + node_name(node_id_)));
    }
    const std::uint64_t id = next_id_++;
    call.frame.id = id;
    deadlines_.emplace(call.deadline_ms, id);
    pending_.emplace(id, Pending{link_, call.deadline_ms, std::move(call.done)});
    link_->push(std::move(call.frame));
}

void PeerChannel::finish(std::uint64_t id, Result<std::string> result) {
    const auto found = pending_.find(id);
    if (found == pending_.end()) return;  // timed out
    const Pending pending = std::move(found->second);
    pending_.erase(found);
    deadlines_.erase({pending.deadline_ms, id});
    {
        const std::lock_guard lock(mutex_);
        --calls_in_flight_;
    }
    finish_call(pending.done, std::move(result));
}

void PeerChannel::fail_calls_of(PeerLink& link, const Error& why) {
    std::set<std::uint64_t> unwritten;
    for (const Frame& frame : link.unwritten())
        if (frame.kind == FrameKind::call) unwritten.insert(frame.id);
    std::vector<std::uint64_t> ids;
    for (const auto& [id, pending] : pending_)
        if (pending.link.get() == &link) ids.push_back(id);
    std::sort(ids.begin(), ids.end());
    for (const std::uint64_t id : ids) {
        const bool sent = !unwritten.contains(id);
        finish(id, fail(sent ? ErrorCode::io : ErrorCode::unavailable,
                        "connection to " + node_name(node_id_) + " lost: " + why.message));
    }
}

void PeerChannel::on_frame(PeerLink& link, Frame& frame) {
    if (purpose_ != Purpose::messages && frame.kind == FrameKind::answer)
        return finish(frame.id, std::move(frame.body));
    if (purpose_ != Purpose::messages && frame.kind == FrameKind::failure)
        return finish(frame.id, fail(error_code_of(frame.code), std::move(frame.body)));
    link.shut({ErrorCode::corruption, "a frame that has no place here"}, true);
}

void PeerChannel::on_closed(PeerLink& link, const Error& why) {
    const auto self = shared_from_this();
    if (&link == link_.get()) went_down(why);
    fail_calls_of(link, why);
    std::erase_if(draining_, [&link](const auto& one) { return one.get() == &link; });
}

void PeerChannel::open() {
    dial();
}

void PeerChannel::dial() {
    dial_at_ms_ = renew_at_ms_ = 0;
    dialling_ = true;
    shared_.bulk.post([self = shared_from_this()] {
        const auto on_done = [self](Result<OpenedLink> outcome, std::uint16_t verdict) {
            const auto box = std::make_shared<Result<OpenedLink>>(std::move(outcome));
            self->loop_.post([self, box, verdict] { self->dialled(std::move(*box), verdict); });
        };
        self->door_.dial(self->address_, self->node_id_, self->purpose_, on_done);
    });
}

void PeerChannel::dialled(Result<OpenedLink> outcome, std::uint16_t verdict) {
    dialling_ = false;
    {
        const std::lock_guard lock(mutex_);
        if (closed_) return;
    }
    if (outcome) return came_up(*std::move(outcome));
    const Error& error = outcome.error();
    bool news = false;
    {
        const std::lock_guard lock(mutex_);
        news = status_.last_error != error.message;
        status_.last_error = error.message;
        status_.last_verdict = verdict;
    }
    if (news && purpose_ == Purpose::messages) log::warning("net", "peer port: " + error.message);
    if (link_)
        renew_at_ms_ = PeerLoop::now_ms() + kRetryRenewalMs;
    else if (error.code == ErrorCode::overloaded)
        dial_at_ms_ = PeerLoop::now_ms() + kLackMs;  // it is not the other side that needs time
    else
        wait_before_dialling();
}

void PeerChannel::came_up(OpenedLink opened) {
    const std::shared_ptr<PeerLink> old = link_;
    if (old && purpose_ == Purpose::messages) old->shut({ErrorCode::conflict, "renewed"}, false);
    if (old && purpose_ != Purpose::messages) draining_.push_back(old);
    dial_at_ms_ = 0;
    link_ = std::make_shared<PeerLink>(loop_, *this, std::move(opened), shared_.options.limits, meter_);
    {
        const std::lock_guard lock(mutex_);
        up_ = true;
        overrun_ = false;
        link_queued_ = link_->queued_bytes();
        status_.since_ms = PeerLoop::now_ms();
        ++status_.connects;
    }
    if (purpose_ == Purpose::messages) {
        log::info("net", "peer port: connected to " + node_name(node_id_) + " at " + address_);
        shared_.on_link(node_id_, true);
    }
    const auto link = link_;
    link->start();
    end_drained();
}

void PeerChannel::note_down(const Error& why) {
    std::vector<std::string> void_messages;
    const std::lock_guard lock(mutex_);
    up_ = false;
    // send() fills it under this lock and only while up: all of it belongs to the lost connection.
    status_.dropped += messages_.size();
    for (const std::string& message : messages_) inbox_bytes_ -= message.size() + kFrameHeadBytes;
    void_messages.swap(messages_);
    link_queued_.reset();
    status_.last_error = why.message;
    status_.last_verdict = 0;
    status_.since_ms = PeerLoop::now_ms();
    status_.rtt_us = 0;
}

void PeerChannel::went_down(const Error& why) {
    const std::uint64_t lived = PeerLoop::now_ms() - link_->opened_ms();
    link_.reset();
    note_down(why);
    if (lived >= kSteadyMs) backoff_ms_ = 0;
    if (purpose_ == Purpose::messages) {
        log::info("net", "peer port: no connection to " + node_name(node_id_) + ": " + why.message);
        shared_.on_link(node_id_, false);
    }
    if (!dialling_) wait_before_dialling();
}

void PeerChannel::wait_before_dialling() {
    const PeerLimits& limits = shared_.options.limits;
    backoff_ms_ = std::clamp(backoff_ms_ * 2, limits.reconnect_min_ms, limits.reconnect_max_ms);
    const std::uint64_t half = backoff_ms_ / 2;
    dial_at_ms_ = PeerLoop::now_ms() + half + random_() % (half + 1);
}

void PeerChannel::nudge() {
    if (link_ || dialling_ || dial_at_ms_ == 0) return;
    backoff_ms_ = 0;
    dial_at_ms_ = std::min(dial_at_ms_, PeerLoop::now_ms() + shared_.options.limits.reconnect_min_ms);
}

void PeerChannel::renew(std::uint64_t in_ms) {
    if (link_) renew_at_ms_ = PeerLoop::now_ms() + in_ms;
}

void PeerChannel::hang_up(const Error& why) {
    const auto all = draining_;
    for (const auto& link : all) link->shut(why, true);
    if (const auto link = link_) link->shut(why, true);
}

void PeerChannel::close(const Error& why) {
    std::vector<NewCall> calls;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        calls.swap(calls_);
        calls_in_flight_ -= calls.size();
    }
    hang_up(why);
    dial_at_ms_ = renew_at_ms_ = 0;
    for (const NewCall& call : calls) finish_call(call.done, fail(ErrorCode::unavailable, why.message));
}

void PeerChannel::end_drained() {
    const auto all = draining_;
    for (const auto& link : all) {
        const bool used = std::any_of(pending_.begin(), pending_.end(),
                                      [&link](const auto& entry) { return entry.second.link == link; });
        if (!used) link->shut({ErrorCode::conflict, "renewed"}, false);
    }
}

void PeerChannel::tick(std::uint64_t now) {
    const auto all = draining_;
    for (const auto& link : all) link->tick(now);
    if (const auto link = link_) {
        link->tick(now);
        const std::lock_guard lock(mutex_);
        status_.rtt_us = link->rtt_us();
    }
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        finish(deadlines_.begin()->second,
               fail(ErrorCode::timeout, "no answer from " + node_name(node_id_) + " in time"));
    }
    if (!draining_.empty()) end_drained();
    if (dialling_) return;
    const std::uint64_t at = link_ ? renew_at_ms_ : dial_at_ms_;
    if (at != 0 && now >= at) dial();
}

}  // namespace kontor::peer
