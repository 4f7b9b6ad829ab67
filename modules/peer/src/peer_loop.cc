#include "peer_loop.h"

#include <pthread.h>

#include <chrono>

#include "kontor/base/assert.h"
#include "kontor/base/log.h"
#include "peer_link.h"

namespace kontor::peer {

void FrameBox::push(std::weak_ptr<PeerLink> link, Frame frame) {
    const std::lock_guard lock(mutex_);
    if (context_ == nullptr) return;
    waiting_.push_back({std::move(link), std::move(frame)});
    if (woken_) return;
    woken_ = true;
    boost::asio::post(*context_, [self = shared_from_this()] { self->deliver_all(); });
}

void FrameBox::deliver_all() {
    std::vector<Item> items;
    {
        const std::lock_guard lock(mutex_);
        items.swap(waiting_);
        woken_ = false;
    }
    std::vector<std::shared_ptr<PeerLink>> touched;
    for (Item& item : items) {
        auto link = item.link.lock();
        if (!link) continue;
        link->answer(std::move(item.frame));
        if (touched.empty() || touched.back() != link) touched.push_back(std::move(link));
    }
    for (const auto& link : touched) link->flush();
}

void FrameBox::close() {
    std::vector<Item> dropped;
    const std::lock_guard lock(mutex_);
    context_ = nullptr;
    dropped.swap(waiting_);
}

PeerLoop::PeerLoop()
    : work_(context_.get_executor()),
      timer_(context_.get_executor()),
      scratch_(kPeerScratchBytes, '\0'),
      box_(std::make_shared<FrameBox>(context_)) {}

PeerLoop::~PeerLoop() {
    KONTOR_ASSERT(!thread_.joinable(), "a loop is joined before it goes");
    box_->close();
}

void PeerLoop::start(const char* name) {
    schedule_tick();
    thread_ = std::thread([this, name] {
        pthread_setname_np(pthread_self(), name);
        for (;;) {
            // The last net: callbacks are guarded where they are called.
            try {
                context_.run();
                return;
            } catch (const std::exception& e) {
                log::error("net", std::string("peer thread: ") + e.what());
            }
        }
    });
}

void PeerLoop::finish() {
    finishing_ = true;
    timer_.cancel();
    work_.reset();
}

void PeerLoop::join() {
    if (thread_.joinable()) thread_.join();
    box_->close();
}

void PeerLoop::schedule_tick() {
    timer_.expires_after(std::chrono::milliseconds(kPeerTickMs));
    timer_.async_wait([this](const boost::system::error_code& cancelled) {
        if (cancelled || finishing_) return;
        const std::uint64_t now = now_ms();
        for (const auto& tick : ticks_) tick(now);
        schedule_tick();
    });
}

std::uint64_t PeerLoop::now_us() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

std::uint64_t PeerLoop::now_ms() {
    return now_us() / 1000;
}

}  // namespace kontor::peer
