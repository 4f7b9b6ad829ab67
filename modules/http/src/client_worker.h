#pragma once
// One thread of the client: its connections by origin, and the requests that wait for one.
//
// Threading: submit() anywhere; the rest on the worker's thread.
// Limits: max_connections_per_origin, shared between accounts (client_origin.h), and max_connections,
// kMaxWaitingPerOrigin requests in the queue, kClientIdleMs
// for an unused connection.

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "client_origin.h"
#include "kontor/http/client.h"
#include "kontor/transport/byte_stream.h"
#include "kontor/transport/name_lookup.h"
#include "kontor/uri/uri.h"

namespace kontor::http {

inline constexpr std::size_t kMaxWaitingPerOrigin = 65'536;
inline constexpr std::uint64_t kClientIdleMs = 55'000;  // below the 75 s of the server's side
inline constexpr std::uint64_t kClientTickMs = 10;
inline constexpr std::size_t kClientScratchBytes = 64U << 10U;

using Done = std::function<void(Result<ClientResponse>)>;

// One request on its way. finish() calls `done` exactly once.
struct ClientCall {
    ClientRequest request;
    Done done;
    uri::Url url;
    std::string origin;  // "https://host:port"
    std::uint64_t deadline_ms = 0;
    bool retried = false;

    void finish(Result<ClientResponse> result);
    ~ClientCall();
};

class ClientWorker {
 public:
    ClientWorker(const ClientOptions& options, SSL_CTX& tls, transport::NameLookup& names, unsigned number);
    ~ClientWorker();
    ClientWorker(const ClientWorker&) = delete;
    ClientWorker& operator=(const ClientWorker&) = delete;

    void submit(CallPointer call);
    [[nodiscard]] bool is_own_thread() const { return std::this_thread::get_id() == thread_.get_id(); }

    // For connections.
    [[nodiscard]] boost::asio::io_context& context() { return context_; }
    [[nodiscard]] const ClientOptions& options() const { return options_; }
    [[nodiscard]] SSL_CTX& tls() { return tls_; }
    [[nodiscard]] transport::NameLookup& names() { return names_; }
    [[nodiscard]] std::vector<char>& scratch() { return scratch_; }
    void connection_idle(const std::shared_ptr<ClientConnection>& connection);
    void connection_closed(const std::shared_ptr<ClientConnection>& connection, bool was_busy);
    void start_call(CallPointer call);
    // Descriptors or memory are short: what is kept open for later goes first.
    void close_idle();
    [[nodiscard]] static std::uint64_t now_ms();

 private:
    using Executor = boost::asio::io_context::executor_type;
    using Timer =
        boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                          boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
    [[nodiscard]] ClientOrigin& origin_of(const std::string& name) {
        return origins_.try_emplace(name, max_connections_).first->second;
    }
    static void free_a_draining_one(ClientOrigin& origin);
    void begin_next(ClientOrigin& origin);
    void schedule_tick();
    static void tick(ClientOrigin& origin, std::uint64_t now);
    [[nodiscard]] bool make_room();  // for one more connection
    void finish();

    const ClientOptions& options_;
    SSL_CTX& tls_;
    transport::NameLookup& names_;
    boost::asio::io_context context_{1};
    boost::asio::executor_work_guard<Executor> work_;
    Timer tick_;
    std::size_t max_connections_;  // of an origin
    std::size_t max_all_;          // of all
    std::size_t open_ = 0;
    std::vector<char> scratch_;
    std::map<std::string, ClientOrigin> origins_;
    bool finishing_ = false;
    std::thread thread_;
};

}  // namespace kontor::http
