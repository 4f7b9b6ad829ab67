#pragma once
// One network thread: an Asio context, a listener of its own on the shared port (SO_REUSEPORT: the kernel
// spreads connections), its sessions, and a tick that finds overdue ones.
//
// Threading: start(), request_*() and join() by the server; everything else on the worker's thread.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "inbox.h"
#include "server_state.h"
#include "session.h"
#include "waiting_list.h"

namespace kontor::http {

class Worker {
 public:
    Worker(ServerState& state, unsigned number, transport::SslContext tls);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    Result<std::uint16_t> listen(const boost::asio::ip::tcp::endpoint& endpoint);  // the port
    void start();
    void request_stop_accepting();
    void request_context(SSL_CTX* context);  // for connections from now on
    void request_proxies(std::shared_ptr<const AddressRanges> proxies);
    void request_drain();
    void request_finish();  // aborts what is left and ends the thread
    void join();
    [[nodiscard]] const WorkerStats& stats() const { return stats_; }

    // For sessions.
    [[nodiscard]] ServerState& state() { return state_; }
    [[nodiscard]] const ServerLimits& limits() const { return state_.options.limits; }
    [[nodiscard]] WorkerStats& counters() { return stats_; }
    [[nodiscard]] const std::shared_ptr<Inbox>& inbox() const { return inbox_; }
    [[nodiscard]] std::vector<char>& scratch() { return scratch_; }
    [[nodiscard]] static std::uint64_t now_ms();
    [[nodiscard]] std::string_view date();
    [[nodiscard]] SSL_CTX& tls() { return *tls_; }  // for new connections
    [[nodiscard]] const AddressRanges* trusted_proxies() const { return proxies_.get(); }  // may be null
    [[nodiscard]] WaitingList& waiting() { return waiting_; }
    [[nodiscard]] bool may_shake_hands(const Origin& from);
    void remove(Session& session);

 private:
    using Executor = boost::asio::io_context::executor_type;
    using Acceptor = boost::asio::basic_socket_acceptor<boost::asio::ip::tcp, Executor>;
    using Timer =
        boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                          boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;

    void accept();
    enum class Place : std::uint8_t { taken, none, ask };

    void admit(Socket socket, unsigned times_asked);
    void refuse();
    [[nodiscard]] Place take_place(const Origin& from);
    // Closes the longest waiting session of that share, or of the heaviest; false: none waits.
    bool close_one(const std::string* share);
    void ask_others(Socket socket, const Origin& from, unsigned times_asked);
    void others_looked(std::uint64_t asking_no);
    void accept_failed(const boost::system::error_code& error);
    void schedule_tick();
    void close_acceptor();

    ServerState& state_;
    unsigned number_;
    transport::SslContext tls_;                     // shared with the other workers by its own counter
    std::shared_ptr<const AddressRanges> proxies_;  // the same
    WorkerStats stats_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<Executor> work_;
    Acceptor acceptor_;
    Timer tick_;
    Timer accept_pause_;
    std::uint64_t tick_ms_;
    std::shared_ptr<Inbox> inbox_;
    std::vector<char> scratch_;
    WaitingList waiting_;  // before the sessions: they leave it
    std::vector<std::shared_ptr<Session>> sessions_;
    // A connection that waits until the other workers have made room, or have none to make.
    struct Asking {
        Socket socket;
        Timer timer;
        std::size_t silent = 0;  // workers that have not looked
        unsigned times_asked = 0;
    };
    std::map<std::uint64_t, Asking> asking_;
    std::uint64_t last_asking_no_ = 0;
    std::string date_;
    std::int64_t date_second_ = -1;
    bool finishing_ = false;
    std::thread thread_;
};

}  // namespace kontor::http
