#pragma once
// One network thread of the peer port: an Asio context, a tick, and the way in for other threads' answers.
//
// Threading: post(), on_thread() and FrameBox anywhere; everything else on the loop's thread, or before
// start(). Ownership: the loop outlives all that uses it; a FrameBox outlives the loop.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "peer_frame.h"

namespace kontor::peer {

class PeerLink;

inline constexpr std::uint64_t kPeerTickMs = 10;
inline constexpr std::size_t kPeerScratchBytes = 64U << 10U;

// Answers from any thread to the loop's links: what gathers meanwhile costs one wake-up.
class FrameBox : public std::enable_shared_from_this<FrameBox> {
 public:
    explicit FrameBox(boost::asio::io_context& context) : context_(&context) {}
    void push(std::weak_ptr<PeerLink> link, Frame frame);
    void close();

 private:
    void deliver_all();

    struct Item {
        std::weak_ptr<PeerLink> link;
        Frame frame;
    };
    std::mutex mutex_;
    boost::asio::io_context* context_;  // null after close()
    std::vector<Item> waiting_;
    bool woken_ = false;
};

class PeerLoop {
 public:
    using Executor = boost::asio::io_context::executor_type;
    using Tcp = boost::asio::ip::tcp;
    using Socket = boost::asio::basic_stream_socket<Tcp, Executor>;
    using Acceptor = boost::asio::basic_socket_acceptor<Tcp, Executor>;
    using Timer =
        boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                          boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

    PeerLoop();
    ~PeerLoop();
    PeerLoop(const PeerLoop&) = delete;
    PeerLoop& operator=(const PeerLoop&) = delete;

    // Called every kPeerTickMs, in the order of adding.
    void on_tick(std::function<void(std::uint64_t now_ms)> tick) { ticks_.push_back(std::move(tick)); }
    void start(const char* name);
    void finish();  // when all that was posted is done and nothing waits any more, the thread ends
    void join();

    template <typename Function>
    void post(Function&& function) {
        boost::asio::post(context_, std::forward<Function>(function));
    }
    [[nodiscard]] bool on_thread() const { return thread_.get_id() == std::this_thread::get_id(); }
    [[nodiscard]] boost::asio::io_context& context() { return context_; }
    [[nodiscard]] std::string& scratch() { return scratch_; }
    [[nodiscard]] const std::shared_ptr<FrameBox>& box() { return box_; }
    [[nodiscard]] static std::uint64_t now_ms();
    [[nodiscard]] static std::uint64_t now_us();

 private:
    void schedule_tick();

    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<Executor> work_;
    Timer timer_;
    std::vector<std::function<void(std::uint64_t)>> ticks_;
    std::string scratch_;
    std::shared_ptr<FrameBox> box_;
    bool finishing_ = false;
    std::thread thread_;
};

}  // namespace kontor::peer
