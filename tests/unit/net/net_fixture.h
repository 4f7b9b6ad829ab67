#pragma once
// A real server on a loopback port with a certificate of a test authority, and a handler with a few routes.

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "kontor/net/certificates.h"
#include "kontor/net/client.h"
#include "kontor/net/server.h"
#include "raw_client.h"

namespace kontor::net {

// Made once: key generation takes time under a sanitizer.
struct TestIdentity {
    CertificateAuthority authority;
    TlsIdentity server;  // for localhost, 127.0.0.1 and ::1
};
[[nodiscard]] const TestIdentity& test_identity();
[[nodiscard]] std::int64_t real_now_ms();
[[nodiscard]] std::uint64_t steady_ms();
// Waits up to 10 s.
[[nodiscard]] bool eventually(const std::function<bool()>& condition);

// Routes: /echo (method, path?query, body), /hello, /head, /large (1 MiB), /static, /throw, /drop, /never
// (responder kept), /late (answered by another thread after 50 ms), /twice, /inject, /204, /badstatus, /sse
// (stream kept in `streams`).
class NetFixture : public ::testing::Test {
 protected:
    void SetUp() override;
    void TearDown() override;
    ServerOptions options();
    void start(ServerOptions options);
    void start() { start(options()); }
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] std::size_t kept_count() {
        const std::lock_guard lock(mutex_);
        return kept_.size();
    }
    [[nodiscard]] std::string url(const std::string& target) const {
        return "https://localhost:" + std::to_string(port()) + target;
    }
    [[nodiscard]] ClientOptions client_options() const;

    std::unique_ptr<Server> server_;
    std::mutex mutex_;
    std::vector<Responder> kept_;
    std::vector<std::shared_ptr<Stream>> streams_;
    std::vector<std::thread> threads_;
    std::atomic<int> handled_{0};

 private:
    void handle(Request request, Responder respond);
    bool handle_odd(const Request& request, const Responder& respond);
};

}  // namespace kontor::net
