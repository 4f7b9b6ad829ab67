#pragma once
// What the worker works with: the real state machine behind a Service that can refuse, a clock that the test
// moves, and a real HTTPS receiver on loopback.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "connectors/sandbox/sandbox.h"
#include "domains/all.h"
#include "domains/attempts/attempts.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/attempts.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/http/server.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/make.h"
#include "kontor/machine/service.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/transport/certificates.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "support/direct_node.h"
#include "support/eventually.h"
#include "support/methods.h"
#include "support/sandbox_account.h"

namespace kontor::outbox::testing {

inline constexpr std::int64_t kStart = 1'800'000'000'000;
inline constexpr std::int64_t kForever = std::numeric_limits<std::int64_t>::max();

using kontor_test::eventually;

class World : public kontor_test::DirectNode {
 public:
    explicit World(const Clock& clock) : clock_(clock) {
        run(kontor_test::open_sandbox(connectors::sandbox::draw(std::string(32, 'l'))
                                          .seal(crypto::Sealer(crypto::Secret(std::string(32, 'k'))))));
        merchant_no = merchant();
    }
    std::uint64_t merchant() {
        pb::Command merchant;
        mutable_body(merchant, pb::create_merchant)->set_name("Shop");
        return object_in(run(std::move(merchant)), pb::merchant).no();
    }

    void submit(pb::Command command, Done done) override {
        ++submitted;
        last_merchant_no = command.merchant_no();
        if (overloaded_for.load() > 0) {
            --overloaded_for;
            return done(fail(ErrorCode::overloaded, "the queue is full"));
        }
        DirectNode::submit(std::move(command), std::move(done));
    }
    std::int64_t machine_now_ms() const override { return clock_.wall_ms() - wall_ahead.load(); }
    std::atomic<std::int64_t> wall_ahead{0};  // of machine time
    pb::Command mine() const {
        pb::Command command;
        command.set_merchant_no(merchant_no);
        return command;
    }
    std::uint64_t endpoint(const std::string& url, const std::string& sealed_secret) {
        pb::Command command = mine();
        mutable_body(command, pb::create_webhook_endpoint)->set_url(url);
        mutable_body(command, pb::create_webhook_endpoint)->add_enabled_events("*");
        mutable_body(command, pb::create_webhook_endpoint)->set_sealed_secret(sealed_secret);
        return object_in(run(command), pb::webhook_endpoint).no();
    }
    // Each is one event for every endpoint there is.
    void customer(const std::string& name) {
        pb::Command command = mine();
        mutable_body(command, pb::create_customer)->set_name(name);
        run(command);
    }
    pb::Result card_payment(const std::string& token) {
        pb::Command command = mine();
        auto& create = *mutable_body(command, pb::create_payment_intent);
        create.set_amount(1'000);
        create.set_currency(978);
        create.add_payment_method_types("card");
        *create.mutable_payment_method() = kontor_test::method(token);
        create.set_confirm(true);
        create.set_client_secret_suffix("x");
        return run(command);
    }

    // All deliveries to an endpoint, oldest first.
    std::vector<pb::WebhookDelivery> deliveries(std::uint64_t endpoint_no) const {
        std::vector<pb::WebhookDelivery> found;
        read([&](const store::Reader& all, std::uint64_t) {
            machine::visit_audit_records(
                all, {merchant_no, false}, 0, 100'000, [&](const pb::AuditRecord& audit_record) {
                    for (const auto& event : audit_record.events())
                        for (auto& one : webhooks::deliveries_of_event(all, {merchant_no, false}, event.no()))
                            if (one.endpoint_no() == endpoint_no) found.push_back(std::move(one));
                    return true;
                });
        });
        return found;
    }
    std::size_t delivered(std::uint64_t endpoint_no) const {
        std::size_t count = 0;
        for (const auto& one : deliveries(endpoint_no)) count += one.state() == pb::DELIVERY_DELIVERED;
        return count;
    }
    std::vector<pb::ChannelAttempt> attempts(std::uint64_t intent_no) const {
        std::vector<pb::ChannelAttempt> found;
        read([&](const store::Reader& all, std::uint64_t) {
            found = attempts::attempts_of_intent(all, {merchant_no, false}, intent_no);
        });
        return found;
    }

    std::uint64_t merchant_no = 0;  // whose things are made and looked at
    std::atomic<int> overloaded_for{0};
    std::atomic<int> submitted{0};
    std::atomic<std::uint64_t> last_merchant_no{0};  // of what was submitted

 protected:
    [[nodiscard]] std::int64_t utc_ms() const override { return clock_.wall_ms(); }

 private:
    const Clock& clock_;
};

// /ok answers 200, /fail answers `fail_status`, /hold answers nothing until release().
class Receiver {
 public:
    Receiver() {
        const auto authority = transport::make_authority("outbox test", system_clock().wall_ms());
        ca_pem = authority->certificate_pem;
        http::ServerOptions options;
        options.threads = 1;
        options.tls =
            *transport::issue_server_certificate(*authority, {"127.0.0.1"}, system_clock().wall_ms());
        options.handler = [this](http::Request request, http::Responder respond) {
            handle(std::move(request), std::move(respond));
        };
        server_ = *http::Server::start(std::move(options));
    }
    [[nodiscard]] std::string url(const std::string& path) const {
        return "https://127.0.0.1:" + std::to_string(server_->port()) + path;
    }
    [[nodiscard]] std::vector<http::Request> requests(const std::string& path) const {
        const std::lock_guard lock(mutex_);
        std::vector<http::Request> found;
        for (const auto& one : requests_)
            if (one.path == path) found.push_back(one);
        return found;
    }
    [[nodiscard]] std::size_t count(const std::string& path) const { return requests(path).size(); }
    void release() {
        std::vector<http::Responder> held;
        {
            const std::lock_guard lock(mutex_);
            held.swap(held_);
        }
        for (const auto& respond : held) respond(http::Response());
    }

    std::string ca_pem;
    std::atomic<int> fail_status{500};

 private:
    void handle(http::Request request, http::Responder respond) {
        const std::string path = request.path;
        {
            const std::lock_guard lock(mutex_);
            requests_.push_back(std::move(request));
            if (path == "/hold") {
                held_.push_back(std::move(respond));
                return;
            }
        }
        http::Response response;
        response.status = path == "/ok" ? 200 : fail_status.load();
        respond(std::move(response));
    }

    mutable std::mutex mutex_;
    std::vector<http::Request> requests_;
    std::vector<http::Responder> held_;
    std::unique_ptr<http::Server> server_;  // last: its threads end before what they use
};

}  // namespace kontor::outbox::testing
