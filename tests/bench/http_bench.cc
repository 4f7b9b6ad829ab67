// Requests a second of http::Server with a constant answer, TLS 1.3, keep-alive, load generator included.
//
//     http_bench [connections 64] [server threads 2] [client threads 2] [seconds 5] [answer: inside |
//     other-thread]
//
// The load generator is a closed loop over OpenSSL connections, one epoll loop a thread: about
// what a good external generator costs, so that the figure compares with other servers on the same machine.

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/http/server.h"
#include "kontor/transport/certificates.h"

namespace {

using kontor::http::Request;
using kontor::http::Responder;
using kontor::http::Response;

constexpr std::string_view kRequest =
    "POST /v1/transfers HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer sk_test_0123456789abcdef\r\n"
    "Content-Type: application/json\r\nContent-Length: 64\r\n\r\n"
    "{\"debit\":\"acc_1\",\"credit\":\"acc_2\",\"amount\":123,\"currency\":\"eur\"}";

// The length above is written by hand; a wrong one would turn the rest into a second, bad request.
static_assert(kRequest.size() - kRequest.find("\r\n\r\n") - 4 == 64);

struct Connection {
    int fd = -1;
    SSL* ssl = nullptr;
    std::uint64_t sent_us = 0;
    std::string received;
};

std::uint64_t now_us() {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
}

Connection open_connection(SSL_CTX* context, std::uint16_t port) {
    Connection out;
    out.fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(out.fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) std::abort();
    const int on = 1;
    ::setsockopt(out.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    out.ssl = SSL_new(context);
    SSL_set_fd(out.ssl, out.fd);
    if (SSL_connect(out.ssl) != 1) std::abort();
    return out;
}

void send_request(Connection& connection) {
    connection.sent_us = now_us();
    connection.received.clear();
    if (SSL_write(connection.ssl, kRequest.data(), static_cast<int>(kRequest.size())) <= 0) std::abort();
}

bool response_complete(const std::string& received) {
    const std::size_t head = received.find("\r\n\r\n");
    if (head == std::string::npos) return false;
    const std::size_t length = received.find("Content-Length: ");
    return received.size() >= head + 4 + static_cast<std::size_t>(std::atoi(received.c_str() + length + 16));
}

void generate(std::uint16_t port, unsigned connections, const std::atomic<bool>& stop,
              std::vector<std::uint32_t>& latencies_us) {
    SSL_CTX* context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_read_ahead(context, 1);
    std::vector<Connection> all;
    const int poll_fd = ::epoll_create1(EPOLL_CLOEXEC);
    for (unsigned i = 0; i < connections; ++i) all.push_back(open_connection(context, port));
    for (std::size_t i = 0; i < all.size(); ++i) {
        epoll_event event{};
        event.events = EPOLLIN;
        event.data.u64 = i;
        ::epoll_ctl(poll_fd, EPOLL_CTL_ADD, all[i].fd, &event);
        send_request(all[i]);
    }
    std::vector<epoll_event> events(256);
    while (!stop.load(std::memory_order_relaxed)) {
        const int n = ::epoll_wait(poll_fd, events.data(), static_cast<int>(events.size()), 100);
        for (int i = 0; i < n; ++i) {
            Connection& connection = all[events[static_cast<std::size_t>(i)].data.u64];
            char chunk[8192];
            const int got = SSL_read(connection.ssl, chunk, sizeof(chunk));
            if (got <= 0) std::abort();
            connection.received.append(chunk, static_cast<std::size_t>(got));
            if (!response_complete(connection.received)) continue;
            if (!connection.received.starts_with("HTTP/1.1 200")) std::abort();
            latencies_us.push_back(static_cast<std::uint32_t>(now_us() - connection.sent_us));
            send_request(connection);
        }
    }
    for (Connection& connection : all) {
        SSL_free(connection.ssl);
        ::close(connection.fd);
    }
    ::close(poll_fd);
    SSL_CTX_free(context);
}

// Answers from one other thread, in batches, as a committed log does.
class OtherThread {
 public:
    OtherThread() : thread_([this] { run(); }) {}
    ~OtherThread() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        changed_.notify_one();
        thread_.join();
    }
    void add(Responder respond) {
        const std::lock_guard lock(mutex_);
        waiting_.push_back(std::move(respond));
        if (waiting_.size() == 1) changed_.notify_one();
    }

 private:
    void run() {
        std::vector<Responder> batch;
        for (;;) {
            {
                std::unique_lock lock(mutex_);
                changed_.wait(lock, [this] { return stop_ || !waiting_.empty(); });
                if (stop_) return;
                batch.swap(waiting_);
            }
            for (const Responder& respond : batch) {
                Response response;
                response.headers.push_back({"Content-Type", "application/json"});
                response.body = R"({"object":"transfer","status":"ok"})";
                respond(std::move(response));
            }
            batch.clear();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Responder> waiting_;
    bool stop_ = false;
    std::thread thread_;
};

unsigned argument(int count, char** values, int at, unsigned otherwise) {
    return count > at ? static_cast<unsigned>(std::atoi(values[at])) : otherwise;
}

}  // namespace

int main(int count, char** values) {
    const unsigned connections = argument(count, values, 1, 64);
    const unsigned server_threads = argument(count, values, 2, 2);
    const unsigned client_threads = argument(count, values, 3, 2);
    const unsigned seconds = argument(count, values, 4, 5);
    const bool elsewhere = count > 5 && std::string_view(values[5]) == "other-thread";

    const auto now_ms = kontor::system_clock().wall_ms();
    const auto authority = kontor::transport::make_authority("bench", now_ms);
    if (!authority) return 1;
    OtherThread other;
    kontor::http::ServerOptions options;
    options.threads = server_threads;
    options.clock = &kontor::system_clock();
    options.tls = kontor::transport::issue_server_certificate(*authority, {"localhost"}, now_ms).value();
    options.handler = [&other, elsewhere](Request, Responder respond) {
        if (elsewhere) return other.add(std::move(respond));
        Response response;
        response.headers.push_back({"Content-Type", "application/json"});
        response.body = R"({"object":"transfer","status":"ok"})";
        respond(std::move(response));
    };
    auto server = kontor::http::Server::start(std::move(options));
    if (!server) return 1;

    std::atomic<bool> stop{false};
    std::vector<std::vector<std::uint32_t>> latencies(client_threads);
    std::vector<std::thread> threads;
    const std::uint64_t before = now_us();
    for (unsigned i = 0; i < client_threads; ++i) {
        latencies[i].reserve(2'000'000);
        threads.emplace_back(
            [&, i] { generate((*server)->port(), connections / client_threads, stop, latencies[i]); });
    }
    std::this_thread::sleep_for(std::chrono::seconds(seconds));
    stop = true;
    for (std::thread& thread : threads) thread.join();
    const double took = static_cast<double>(now_us() - before) / 1e6;
    std::vector<std::uint32_t> all;
    for (const auto& one : latencies) all.insert(all.end(), one.begin(), one.end());
    if (all.empty()) return 1;
    std::sort(all.begin(), all.end());
    std::printf(
        "%.0f requests/s  p50 %.2f ms  p99 %.2f ms  (%u connections, %u server and %u client threads, answer "
        "%s)\n",
        static_cast<double>(all.size()) / took, all[all.size() / 2] / 1000.0,
        all[all.size() * 99 / 100] / 1000.0, connections, server_threads, client_threads,
        elsewhere ? "from another thread" : "inside");
    (*server)->stop(1000);
    return 0;
}
