#pragma once
// One connection of the client: resolve, connect, TLS, then request after request.
//
// Threading: its worker's thread. Ownership: its worker's lists and pending waits.

#include <boost/asio/ip/tcp.hpp>
#include <optional>

#include "client_worker.h"
#include "response_reader.h"

namespace kontor::http {

class ClientConnection : public std::enable_shared_from_this<ClientConnection> {
 public:
    ClientConnection(ClientWorker& worker, std::string origin);

    void open(CallPointer first_call);  // connects, then performs
    void perform(CallPointer call);     // on an idle connection
    [[nodiscard]] bool still_usable();  // idle, and the server has not closed it
    // The caller has its status; what is read now is only for the connection's sake.
    [[nodiscard]] bool is_draining() const { return state_ == State::receiving && !call_; }
    void tick(std::uint64_t now_ms);
    void shut(Error why);  // fails the call, if any, and closes
    [[nodiscard]] const std::string& origin() const { return origin_; }
    [[nodiscard]] std::uint64_t idle_since_ms() const { return idle_since_ms_; }
    // Of the call it was last given; until it is idle or closed the connection counts as that account's.
    [[nodiscard]] std::uint64_t account() const { return account_; }
    [[nodiscard]] bool is_idle() const { return state_ == State::idle; }

 private:
    using Tcp = boost::asio::ip::tcp;
    using Executor = boost::asio::io_context::executor_type;
    using Socket = boost::asio::basic_stream_socket<Tcp, Executor>;
    enum class State : std::uint8_t { connecting, handshake, sending, receiving, idle, closed };

    void resolve();
    void looked_up(const Result<transport::NameLookup::Addresses>& found);
    void resolved(std::vector<Tcp::endpoint> endpoints);
    void connect_next(const std::string& last_error);
    void connected();
    // This machine cannot, for now: no failure of the other side.
    void lack(const std::string& what);
    void begin_exchange();

    void run();
    bool step();
    bool step_sending();
    bool step_receiving();
    bool feed();  // false: more bytes are needed
    void tell_status();
    void peer_closed(bool clean);
    void complete();
    void fail_exchange(const std::string& why);
    void close();
    bool wait_for(transport::IoStatus status);
    void wait(bool for_read);

    ClientWorker& worker_;
    std::string origin_;
    std::uint64_t account_ = 0;
    Socket socket_;
    transport::ByteStream transport_;
    State state_ = State::connecting;
    std::vector<Tcp::endpoint> endpoints_;
    std::size_t next_endpoint_ = 0;
    CallPointer call_;
    bool running_ = false;
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool reused_ = false;
    bool reusable_ = true;
    bool sent_ = false;  // a byte of this request may have reached the server
    std::string out_;
    std::size_t out_at_ = 0;
    std::string carry_;
    std::optional<ResponseReader> reader_;
    std::uint64_t idle_since_ms_ = 0, drain_until_ms_ = 0, connect_until_ms_ = 0;
};

}  // namespace kontor::http
