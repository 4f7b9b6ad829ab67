#pragma once
// A worker in front of the world, and the receiver that it delivers to.

#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "kontor/outbox/worker.h"
#include "support/test_clock.h"
#include "world.h"

namespace kontor::outbox::testing {

inline constexpr const char* kSecret = "whsec_of_this_test";

class WorkerTest : public ::testing::Test {
 protected:
    WorkerTest() : world_(clock_), sealer_(crypto::Secret(std::string(32, 'k'))) {
        http::ClientOptions client;
        client.ca_pem = receiver_.ca_pem;
        client.max_connections_per_origin = 64;
        client_ = http::Client::make(std::move(client));
    }
    ~WorkerTest() override {
        receiver_.release();  // or stopping would wait for them
        worker_.reset();
        client_.reset();
    }

    WorkerOptions options() {
        WorkerOptions options;
        options.service = &world_;
        options.client = client_.get();
        options.sealer = &sealer_;
        options.clock = &clock_;
        options.metrics = &metrics_;
        options.poll_ms = 20;
        return options;
    }
    void start(WorkerOptions options) { worker_ = Worker::start(std::move(options)); }
    void start() { start(options()); }
    std::uint64_t endpoint(const std::string& url) {
        return world_.endpoint(url, sealer_.seal(kSecret, "webhook-secret"));
    }
    std::uint64_t endpoint_at(const std::string& path) { return endpoint(receiver_.url(path)); }

    kontor_test::TestClock clock_{kStart};  // standing
    Receiver receiver_;
    World world_;
    crypto::Sealer sealer_;
    telemetry::Registry metrics_;
    std::unique_ptr<http::Client> client_;
    std::unique_ptr<Worker> worker_;
};

}  // namespace kontor::outbox::testing
