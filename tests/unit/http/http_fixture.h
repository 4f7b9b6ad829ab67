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

#include "kontor/http/client.h"
#include "kontor/http/server.h"
#include "support/eventually.h"
#include "support/raw_client.h"
#include "support/test_identity.h"

namespace kontor::http {

using namespace kontor_test;

// Routes: /echo (method, path?query, body), /hello, /head, /large (1 MiB), /static, /throw, /drop, /never
// (responder kept), /late (answered by another thread after 50 ms), /twice, /inject, /204, /badstatus, /sse
// (stream kept in `streams`).
class HttpFixture : public ::testing::Test {
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

}  // namespace kontor::http
