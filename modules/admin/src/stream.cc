#include "stream.h"

#include <algorithm>
#include <chrono>

#include "domains/payments/admin.h"
#include "kontor/base/address_key.h"
#include "kontor/base/log.h"

namespace kontor::admin {
namespace {
constexpr std::size_t kPaymentsQueued = 1000;  // older ones are dropped: the page reloads its list anyway
}

Streams::Streams(const AdminOptions& options, const Home& home, SessionCheck is_open)
    : options_(options), home_(home), is_open_(std::move(is_open)) {
    subscription_ =
        payment_list::subscribe(*options_.reports, [this](const std::vector<payment_list::PaymentRow>& rows) {
            {
                const std::lock_guard lock(mutex_);
                if (open_.empty()) return;
                payments_.insert(payments_.end(), rows.begin(), rows.end());
                while (payments_.size() > kPaymentsQueued) payments_.pop_front();
                dirty_ = true;
            }
            changed_.notify_one();
        });
    thread_ = std::thread([this] { run(); });
}

Streams::~Streams() {
    stop();
}

void Streams::stop() {
    {
        const std::lock_guard lock(mutex_);
        if (stopping_) return;
        stopping_ = true;
    }
    payment_list::unsubscribe(*options_.reports, subscription_);
    changed_.notify_all();
    thread_.join();
    const std::lock_guard lock(mutex_);
    for (const Open& one : open_) one.stream->close();
    open_.clear();
}

bool Streams::has_room(const std::string& cookie, const std::string& address) const {
    std::size_t of_session = 0, of_address = 0;
    for (const Open& one : open_) {
        of_session += one.cookie == cookie ? 1 : 0;
        of_address += one.address == address ? 1 : 0;
    }
    return open_.size() < limits::kStreams && of_session < limits::kStreamsPerSession &&
           of_address < limits::kStreamsPerAddress;
}

void Streams::open(const std::shared_ptr<Call>& call) {
    const std::string address = address_key(call->request.peer_ip);
    {
        const std::lock_guard lock(mutex_);
        std::erase_if(open_, [](const Open& one) { return !one.stream->open(); });
        if (stopping_ || !has_room(call->caller->cookie, address))
            return call->refuse(503, "too_many_streams",
                                "Too many pages are open live; this one refreshes by hand.");
    }
    http::Response response;
    // nginx collects answers until told not to.
    response.headers = {
        {"Content-Type", "text/event-stream"}, {"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}};
    add_security_headers(response);
    response.on_stream = [this, mode = call->livemode, cookie = call->caller->cookie,
                          address](std::shared_ptr<http::Stream> stream) {
        const std::lock_guard lock(mutex_);
        if (stopping_ || !has_room(cookie, address)) return stream->close();
        open_.push_back({std::move(stream), mode, cookie, address});
        dirty_ = true;
        changed_.notify_one();
    };
    call->respond(std::move(response));
}

void Streams::send(const Open& to, const char* event, const std::string& json) {
    to.stream->write(std::string("event: ") + event + "\ndata: " + json + "\n\n");
}

void Streams::send_home(const std::vector<Open>& open) const {
    for (const bool livemode : {false, true}) {
        const bool wanted =
            std::any_of(open.begin(), open.end(), [&](const Open& one) { return one.livemode == livemode; });
        if (!wanted) continue;
        const auto home = home_.look(livemode);
        if (!home) continue;
        for (const Open& one : open)
            if (one.livemode == livemode) send(one, "home", *home);
    }
}

void Streams::serve(const std::vector<Open>& open, const std::deque<payment_list::PaymentRow>& payments,
                    bool home_due, bool comment_due) {
    try {
        const bool knows = !options_.knows_now || options_.knows_now();
        for (const Open& one : open)
            if (!knows || !is_open_(one.cookie)) one.stream->close();
        if (!knows) return;
        for (const auto& row : payments) {
            const std::string json = surface::office::object_json(
                [&row](JsonWriter& members) { payments::put_payment_row(members, row); });
            for (const Open& one : open)
                if (one.livemode == row.livemode) send(one, "payment", json);
        }
        if (home_due) send_home(open);
        if (comment_due)
            for (const Open& one : open) one.stream->write(": here\n\n");
    } catch (const std::exception& e) {  // a failing store stops the node by itself
        log::error("admin", e.what());
    }
}

void Streams::run() {
    std::uint64_t last_comment = options_.clock->monotonic_ms();
    std::unique_lock lock(mutex_);
    while (!stopping_) {
        changed_.wait_for(lock, std::chrono::milliseconds(limits::kHomeEveryMs),
                          [this] { return dirty_ || stopping_; });
        if (stopping_) return;
        std::erase_if(open_, [](const Open& one) { return !one.stream->open(); });
        const std::vector<Open> open = open_;
        const std::deque<payment_list::PaymentRow> payments = std::exchange(payments_, {});
        const bool home_due = std::exchange(dirty_, false);
        const std::uint64_t now = options_.clock->monotonic_ms();
        const bool comment_due = now >= last_comment + limits::kStreamCommentMs;
        if (comment_due) last_comment = now;
        lock.unlock();
        serve(open, payments, home_due, comment_due);
        lock.lock();
        // Whatever happens meanwhile goes together: one look a second, however busy it is.
        if (home_due)
            changed_.wait_for(lock, std::chrono::milliseconds(limits::kHomeEveryMs),
                              [this] { return stopping_; });
    }
}

}  // namespace kontor::admin
