#pragma once
// A channel that answers when the test says so.

#include <array>
#include <mutex>
#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "connectors/sandbox/sandbox.h"
#include "support/fake_client.h"

namespace kontor::outbox::testing {

// A channel, and the network to it: keeps what it was asked until the test answers.
class PatientChannel : public kontor_test::FakeClient {
 public:
    PatientChannel()
        : FakeClient([this](const http::ClientRequest&, Done done) {
              const std::lock_guard lock(mutex_);
              waiting_.push_back(std::move(done));
          }) {
        here_ = this;
    }
    ~PatientChannel() override { here_ = nullptr; }
    void answer_all(const connectors::Answer& answer) {
        end_all([&] { answer_ = answer; }, http::ClientResponse{200, {}, {}});
    }
    // The connection broke, and nobody knows what became of it.
    void lose_all() {
        end_all([&] { answer_ = connectors::succeeded("of a different order"); },
                fail(ErrorCode::io, "the connection was lost"));
    }
    // The channel was asked, and has no such order.
    void know_nothing() {
        end_all([&] { has_order_ = false; }, http::ClientResponse{200, {}, {}});
    }
    std::size_t asked() {
        const std::lock_guard lock(mutex_);
        return orders.size();
    }
    std::size_t queried() {
        const std::lock_guard lock(mutex_);
        return queries.size();
    }
    std::vector<connectors::Order> orders, queries;

    static std::variant<connectors::Call, connectors::Answer> build(const connectors::Order& order,
                                                                    const connectors::Credentials&,
                                                                    const connectors::Moment&) {
        const std::lock_guard lock(here_->mutex_);
        here_->orders.push_back(order);
        return connectors::Call{};
    }
    static connectors::Answer parse(const connectors::Order&, const connectors::Reply& reply,
                                    const connectors::Credentials&, const connectors::Moment&) {
        const std::lock_guard lock(here_->mutex_);
        return reply.status == 200 ? here_->answer_ : connectors::Answer{};
    }
    static std::variant<connectors::Call, connectors::Answer> build_query(const connectors::Order& order,
                                                                          const connectors::Credentials&,
                                                                          const connectors::Moment&) {
        const std::lock_guard lock(here_->mutex_);
        here_->queries.push_back(order);
        here_->has_order_ = true;
        return connectors::Call{};
    }
    static std::optional<connectors::Answer> parse_query(const connectors::Order&,
                                                         const connectors::Reply& reply,
                                                         const connectors::Credentials&,
                                                         const connectors::Moment&) {
        const std::lock_guard lock(here_->mutex_);
        if (!here_->has_order_) return std::nullopt;
        return reply.status == 200 ? here_->answer_ : connectors::Answer{};
    }
    static Result<connectors::Handled> on_inbound(const connectors::Inbound&, const connectors::Credentials&,
                                                  const connectors::Moment&) {
        return fail(ErrorCode::not_found, "no door");
    }

 private:
    template <typename Change>
    void end_all(Change change, const Result<http::ClientResponse>& with) {
        std::vector<Done> ready;
        {
            const std::lock_guard lock(mutex_);
            ready.swap(waiting_);
            change();
        }
        for (const auto& done : ready) done(with);
    }
    static inline PatientChannel* here_ = nullptr;
    std::mutex mutex_;
    connectors::Answer answer_;
    bool has_order_ = true;
    std::vector<Done> waiting_;
};

// Takes the sandbox's place, whose account and route there are.
inline constexpr connectors::Connector kPatient = {
    .name = connectors::sandbox::kConnector.name,
    .title = "Patient",
    .modes = connectors::Modes::test,
    .serves = std::span<const connectors::Served>(connectors::sandbox::kServes),
    .fields = std::span<const connectors::Field>(connectors::sandbox::kFields),
    .test_tokens = std::span<const connectors::TestToken>(),
    .draw = nullptr,
    .build = &PatientChannel::build,
    .parse = &PatientChannel::parse,
    .queries = connectors::kSendsAgain,
    .on_inbound = &PatientChannel::on_inbound,
};
inline constexpr std::array<const connectors::Connector*, 1> kPatientOnly = {&kPatient};

// The same, of a channel that can be asked what became of a sale.
inline constexpr std::array kPatientQueries = {
    connectors::Query{.operation = connectors::Operation::sale,
                      .build = &PatientChannel::build_query,
                      .parse = &PatientChannel::parse_query},
};
inline constexpr connectors::Connector kAskable = [] {
    connectors::Connector connector = kPatient;
    connector.queries = std::span<const connectors::Query>(kPatientQueries);
    return connector;
}();
inline constexpr std::array<const connectors::Connector*, 1> kAskableOnly = {&kAskable};

}  // namespace kontor::outbox::testing
