#pragma once
// One connection of the server: a state machine driven by socket readiness, answers and the worker's tick.
//
// A session that waits for its client, and for nothing of ours, may be closed to make room for another one.
//
//     handshake -> receiving <-> writing (100 Continue)
//                  receiving -> handling -> writing -> receiving | streaming | closing
//     closing (TLS goodbye) -> lingering (until the peer has read it) -> closed
//
// Requests of one connection are handled one after the other, so pipelining is safe.
//
// Threading: the worker's thread only. Ownership: the worker's list and pending waits own it.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "byte_budget.h"
#include "kontor/transport/byte_stream.h"
#include "request_parser.h"
#include "server_state.h"
#include "stream_queue.h"
#include "waiting_list.h"

namespace kontor::http {

class Worker;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

// Where a connection comes from.
struct Origin {
    std::string ip;
    std::string share;     // address_key()
    bool is_bound = true;  // by the limits of its address; one of trusted_proxies is not
};

class Session : public std::enable_shared_from_this<Session> {
 public:
    Session(Worker& worker, Socket socket, Origin origin);

    void start();
    void tick(std::uint64_t now_ms);  // closes or answers what is overdue
    void deliver(std::uint64_t request_no, std::optional<Response> response);
    void stream_ready();
    void drain();      // finish what runs, close what idles
    void abort();      // at once
    void make_room();  // the same with a goodbye, for another connection

    [[nodiscard]] const Origin& origin() const { return origin_; }

    // The session whose handler runs on this thread, or null.
    [[nodiscard]] static Session* in_handler();
    // For Ticket: true when it was this request's answer and was taken.
    bool answer_inside(std::uint64_t request_no, std::optional<Response>& response);

    std::size_t list_index = 0;  // the worker's
    WaitPlace place;             // among those that wait for their client

 private:
    enum class State : std::uint8_t {
        handshake,
        receiving,
        handling,
        writing,
        streaming,
        closing,
        lingering,
        closed
    };
    enum class Phase : std::uint8_t { idle, head, body };  // of receiving
    enum class AfterWrite : std::uint8_t { next_request, receive_more, stream, close };

    // Each step returns true when another one should follow at once, false when there is something to wait
    // for.
    void run();
    bool step();
    bool step_handshake();
    bool begin_handshake();
    bool step_receiving();
    bool step_writing();
    bool step_streaming();
    bool step_closing();
    bool step_lingering();

    void begin_request();
    void after_feed();
    // Asks ServerOptions::admit by the head alone; nullopt: it is being answered.
    std::optional<Admission> admit_head();
    // Decides by the head alone; false: it is being answered.
    bool admit_body();
    [[nodiscard]] std::string client_ip(const std::vector<Header>& headers) const;  // past trusted proxies
    void dispatch();
    void respond(std::optional<Response> response);
    bool prepare(Response& response);
    void respond_error(int status, std::string_view message);
    void refuse_request(int status, std::string_view message);
    void write_response(Response& response);
    bool hold_answer();
    bool claim_answer(std::size_t bytes);
    bool refuse_large(const Response& response);
    bool after_write();
    bool let_others();
    bool check_stream_peer();
    void start_stream();
    void begin_close();
    void close_now();

    void wait_read();
    void wait_write();
    bool wait_for(transport::IoStatus status);  // always false; closes on an error
    void set_deadline(std::uint64_t in_ms);

    Worker& worker_;
    Socket socket_;
    transport::ByteStream transport_;
    Origin origin_;
    State state_ = State::handshake;
    Phase phase_ = Phase::idle;
    AfterWrite after_write_ = AfterWrite::next_request;
    bool running_ = false;
    bool leaving_ = false;  // drain() came while an answer was on its way
    bool read_armed_ = false;
    bool write_armed_ = false;
    bool waits_for_turn_ = false;  // the handshake: too many have begun this second
    bool group_paid_ = false;
    std::uint64_t deadline_ms_ = 0;  // 0: none

    std::optional<RequestParser> parser_;
    std::string carry_;           // received, not yet taken by the parser
    bool carry_fresh_ = false;    // the parser has not seen it: the next request of a pipeline
    unsigned burst_ = 0;          // requests since the last wait
    std::size_t read_burst_ = 0;  // bytes since the last wait

    std::uint64_t request_no_ = 0;
    bool keep_alive_ = true;
    bool http11_ = true;
    bool head_only_ = false;
    bool is_get_ = false;
    bool answered_inside_ = false;
    std::optional<Response> inside_;

    std::string out_;  // head and the first part of the body
    std::size_t out_at_ = 0;
    std::string body_;       // keeps `rest_` alive
    std::string_view rest_;  // of the body
    std::function<void(std::shared_ptr<Stream>)> on_stream_;
    std::shared_ptr<StreamQueue> stream_;
    ByteClaim body_claim_, answer_claim_;
    std::uint64_t answer_account_ = 0;
    std::size_t dropped_bytes_ = 0;  // sent by the peer while nobody listens
};

}  // namespace kontor::http
