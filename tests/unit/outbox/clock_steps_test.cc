// A node with its outbox while its wall clock is set: everything that waits for a time goes on as if nobody
// had touched it (docs/adr/0010). Each step, forward and back, while the node runs and between two runs, into
// a wrong time and out of it, with whatever was begun on the other side of the step.

#include <gtest/gtest.h>

#include <atomic>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "kontor/channels/sandbox.h"
#include "kontor/commands.pb.h"
#include "kontor/ledger/ledger.h"
#include "kontor/ledger/packed.h"
#include "kontor/node/node.h"
#include "kontor/outbox/worker.h"
#include "kontor/payments/machine.h"
#include "kontor/payments/methods.h"
#include "kontor/payments/queries.h"

namespace kontor::outbox {
namespace {

constexpr std::int64_t kHour = 3'600'000, kDay = 24 * kHour;
constexpr std::uint32_t kLifeMs = 60'000;     // of sessions and reservations
constexpr std::uint64_t kPatienceMs = 5'000;  // "nothing stays stuck longer"
constexpr std::uint32_t kEur = 978;

// The machine's clocks; the wall clock can be set, and time can pass quickly.
class SetClock final : public Clock {
 public:
    [[nodiscard]] std::int64_t wall_ms() const override {
        return system_clock().wall_ms() + passed_ms.load() + wall_ahead_ms.load();
    }
    [[nodiscard]] std::uint64_t monotonic_ms() const override { return system_clock().monotonic_ms(); }
    [[nodiscard]] std::uint64_t boot_ms() const override {
        return system_clock().boot_ms() + static_cast<std::uint64_t>(passed_ms.load());
    }
    std::atomic<std::int64_t> wall_ahead_ms{0}, passed_ms{0};
};

// One node in its folder, with what a step must not disturb.
class Till {
 public:
    explicit Till(std::int64_t wall_ahead_ms) : sealer_(crypto::Secret(std::string(32, 'k'))) {
        clock.wall_ahead_ms = wall_ahead_ms;
        std::string pattern = (std::filesystem::temp_directory_path() / "kontor-steps-XXXXXX").string();
        EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        client_ = net::Client::make({});
        start();
        merchant_ = make_merchant(0);
        slow_ = make_merchant(1);
        endpoint_ = make_endpoint();
        make_book();
    }
    ~Till() {
        stop();
        client_.reset();
        std::filesystem::remove_all(folder_);
    }
    void restart() {
        stop();
        start();
    }

    // What is begun now and comes to its end after a step.
    void begin() {
        authorized_ = pay(true);
        EXPECT_EQ(authorized_.status(), pb::REQUIRES_CAPTURE);
        paid_ = pay(false);
        reserve(++reserved_);
        open_session(++sessions_);
        pay(false, slow_);
    }
    // All of it, and the same anew.
    void end(const std::string& where) {
        SCOPED_TRACE(where);
        const auto capture =
            run([&](pb::Command& c) { c.mutable_capture_payment_intent()->set_no(authorized_.no()); });
        EXPECT_EQ(capture.payment_intent().status(), pb::SUCCEEDED);
        const auto refund = run([&](pb::Command& c) {
            c.mutable_create_refund()->set_intent_no(paid_.no());
            c.mutable_create_refund()->set_amount(10);
        });
        EXPECT_EQ(refund.outcome(), pb::OUTCOME_OK);
        EXPECT_TRUE(soon([&] { return tried(events_of(paid_.no())); })) << "a webhook of before";
        const auto now = pay(false);
        EXPECT_EQ(now.status(), pb::SUCCEEDED);
        EXPECT_TRUE(soon([&] { return tried(events_of(now.no())); })) << "a webhook of now";
        EXPECT_TRUE(has_session(sessions_)) << "not early";
        clock.passed_ms += kLifeMs + 1'000;
        EXPECT_TRUE(soon([&] { return !has_session(sessions_) && !is_reserved(reserved_); }));
        reserve(++reserved_);
        open_session(++sessions_);
        EXPECT_TRUE(is_reserved(reserved_) && has_session(sessions_));
        clock.passed_ms += kLifeMs + 1'000;
        EXPECT_TRUE(soon([&] { return !has_session(sessions_) && !is_reserved(reserved_); }));
    }
    // With the clock right again, and everything else long over.
    void funds_are_released() {
        clock.passed_ms += kDay + 2 * kHour;
        EXPECT_TRUE(soon([&] { return pending_funds() == 0; })) << pending_funds() << " still held back";
    }

    SetClock clock;

 private:
    void start() {
        node::NodeOptions options;
        options.folder = folder_ + "/data";
        options.partitions = 1;
        options.cache_bytes = 1U << 20U;
        options.map_bytes = 64U << 20U;
        options.log_segment_bytes = 1U << 20U;
        options.max_log_bytes = 16U << 20U;
        options.tick_ms = 20;
        options.clock = &clock;
        options.on_fatal = [](const Error& error) { ADD_FAILURE() << error.describe(); };
        metrics_ = std::make_unique<telemetry::Registry>();
        options.metrics = metrics_.get();
        auto node = node::Node::start(std::move(options));
        ASSERT_TRUE(node) << node.error().describe();
        node_ = *std::move(node);
        WorkerOptions work;
        work.service = node_.get();
        work.client = client_.get();
        work.sealer = &sealer_;
        work.clock = &clock;
        work.metrics = metrics_.get();
        work.channels = {{"sandbox", sandbox_.get()}};
        work.poll_ms = 20;
        worker_ = Worker::start(std::move(work));
    }
    void stop() {
        worker_.reset();
        node_->stop();
        node_.reset();
    }
    template <typename Condition>
    bool soon(Condition condition) const {
        const std::uint64_t give_up = system_clock().monotonic_ms() + kPatienceMs;
        while (!condition()) {
            if (system_clock().monotonic_ms() > give_up) return false;
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        return true;
    }
    template <typename Fill>
    pb::Result run(Fill fill, std::uint64_t merchant = 0) {
        pb::Command command;
        command.set_version(payments::kCommandVersion);
        command.set_merchant_no(merchant == 0 ? merchant_ : merchant);
        fill(command);
        pb::Result result;
        const auto done =
            node_->submit_and_wait(std::move(command), [&](const payments::Answer& a) { result = a.result; });
        EXPECT_TRUE(done) << done.error().describe();
        return result;
    }
    std::uint64_t make_merchant(unsigned delay_days) {
        return run([&](pb::Command& c) {
                   c.mutable_create_merchant()->set_name("Shop");
                   c.mutable_create_merchant()->set_settlement_delay_days(delay_days);
               })
            .merchant()
            .no();
    }
    std::uint64_t make_endpoint() {
        return run([&](pb::Command& c) {
                   auto& endpoint = *c.mutable_create_webhook_endpoint();
                   endpoint.set_url("https://127.0.0.1:1/nobody");  // refused at once: a try is a try
                   endpoint.add_enabled_events("charge.succeeded");
                   endpoint.set_sealed_secret(sealer_.seal("whsec", "webhook-secret"));
               })
            .webhook_endpoint()
            .no();
    }
    void make_book() {
        std::vector<ledger::Account> accounts(2);
        for (std::size_t i = 0; i < 2; ++i) {
            accounts[i].id = {0, i + 1};
            accounts[i].ledger = kEur;
            accounts[i].code = 1;
        }
        run([&](pb::Command& c) { c.mutable_create_ledger_accounts()->set_packed(ledger::pack(accounts)); });
    }
    // A card payment, through the sandbox and back; the answer comes with it, or not for a long time.
    pb::PaymentIntent pay(bool manual, std::uint64_t merchant = 0) {
        const std::uint64_t began = system_clock().monotonic_ms();
        const auto result = run(
            [&](pb::Command& c) {
                auto& create = *c.mutable_create_payment_intent();
                create.set_amount(1'000);
                create.set_currency(kEur);
                create.set_manual_capture(manual);
                *create.mutable_payment_method() = *payments::find_method("pm_card_visa", false);
                create.set_confirm(true);
                create.set_client_secret_suffix("x");
            },
            merchant);
        EXPECT_LT(system_clock().monotonic_ms() - began, kPatienceMs) << "a card payment hangs";
        return result.payment_intent();
    }
    void reserve(std::uint64_t id) {
        std::vector<ledger::Transfer> transfers(1);
        transfers[0].id = {0, id};
        transfers[0].debit_account = {0, 1};
        transfers[0].credit_account = {0, 2};
        transfers[0].amount = 1;
        transfers[0].ledger = kEur;
        transfers[0].code = 1;
        transfers[0].flags = ledger::pending;
        transfers[0].timeout_s = kLifeMs / 1000;
        const auto made = run([&](pb::Command& c) {
            c.mutable_create_ledger_transfers()->set_packed(ledger::pack(transfers));
        });
        EXPECT_EQ(made.ledger_statuses(), std::string(1, '\0'));
    }
    bool is_reserved(std::uint64_t id) const {
        bool is = false;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            const auto state = ledger::find_pending(rows, {0, id}, ledger::book_of(merchant_, false));
            is = state && state->status == ledger::PendingStatus::pending;
        });
        return is;
    }
    static std::string cookie(std::uint64_t n) { return std::string(32, static_cast<char>('A' + n)); }
    void open_session(std::uint64_t n) {
        const std::string name = "ada" + std::to_string(n);
        run([&](pb::Command& c) {
            c.mutable_create_setup_token()->set_token_sha256(cookie(n));
            c.mutable_create_setup_token()->set_lifetime_ms(kHour);
        });
        const auto who = run([&](pb::Command& c) {
            c.mutable_set_up_operator()->set_token_sha256(cookie(n));
            c.mutable_set_up_operator()->set_name(name);
        });
        const auto opened = run([&](pb::Command& c) {
            auto& open = *c.mutable_open_session();
            open.set_operator_no(who.operator_().no());
            open.set_cookie_sha256(cookie(n));
            open.set_lifetime_ms(kLifeMs);
            open.set_totp_step(1);
        });
        EXPECT_EQ(opened.outcome(), pb::OUTCOME_OK) << opened.error().message();
    }
    bool has_session(std::uint64_t n) const {
        bool has = false;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            const auto session = payments::find_session(rows, cookie(n));
            has = session && session->expires_ms() > node_->machine_now_ms();
        });
        return has;
    }
    std::vector<pb::WebhookDelivery> events_of(std::uint64_t intent_no) const {
        std::vector<pb::WebhookDelivery> found;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            for (const auto& journal : payments::journals_of_intent(rows, {merchant_, false}, intent_no))
                for (const auto& event : journal->events())
                    for (auto& one : payments::deliveries_of_event(rows, {merchant_, false}, event.no()))
                        found.push_back(std::move(one));
        });
        return found;
    }
    static bool tried(const std::vector<pb::WebhookDelivery>& deliveries) {
        return !deliveries.empty() && std::all_of(deliveries.begin(), deliveries.end(),
                                                  [](const auto& one) { return one.tries() != 0; });
    }
    std::int64_t pending_funds() const {
        std::int64_t sum = 0;
        node_->read([&](const store::Reader& rows, std::uint64_t) {
            for (const auto& line : payments::merchant_balance(rows, {slow_, false})) sum += line.pending;
        });
        return sum;
    }

    std::string folder_;
    crypto::Sealer sealer_;
    std::unique_ptr<channels::Channel> sandbox_ = channels::make_sandbox_acquirer();
    std::unique_ptr<net::Client> client_;
    std::unique_ptr<telemetry::Registry> metrics_;
    std::unique_ptr<node::Node> node_;
    std::unique_ptr<Worker> worker_;
    std::uint64_t merchant_ = 0, slow_ = 0, endpoint_ = 0, reserved_ = 0, sessions_ = 0;
    pb::PaymentIntent authorized_, paid_;
};

constexpr std::int64_t kSteps[] = {1'000, -1'000, 8'000, -8'000, kHour, -kHour, 40 * kDay, -40 * kDay};

class ClockSteps : public ::testing::TestWithParam<bool> {};

// All steps at once: each mostly waits.
TEST_P(ClockSteps, HoldNothingUp) {
    const bool between_runs = GetParam();
    std::vector<std::thread> all;
    for (const std::int64_t step : kSteps) {
        all.emplace_back([step, between_runs] {
            SCOPED_TRACE("a step of " + std::to_string(step / 1000) + " s");
            Till till(0);
            till.begin();
            till.clock.wall_ahead_ms = step;
            if (between_runs && step <= 8'000) till.restart();
            // A start with a clock that is ahead is a start after that time: what waited is over, and rightly
            // so.
            if (!between_runs || step <= 8'000) till.end("the clock is wrong");
            till.begin();
            till.clock.wall_ahead_ms = 0;
            if (between_runs) till.restart();
            till.end("the clock is right again");
            till.begin();
            till.funds_are_released();
        });
    }
    for (auto& one : all) one.join();
}
INSTANTIATE_TEST_SUITE_P(WhileItRunsAndBetweenRuns, ClockSteps, ::testing::Bool());

// The example: it starts an hour ahead, works, and is set right; nothing waits for that hour.
TEST(ClockStepsStart, WithAWrongClockThatIsSetRight) {
    std::vector<std::thread> all;
    for (const std::int64_t step : kSteps) {
        all.emplace_back([step] {
            SCOPED_TRACE("begun " + std::to_string(step / 1000) + " s off");
            Till till(step);
            till.begin();
            till.clock.wall_ahead_ms = 0;
            till.end("set right");
            till.restart();
            till.begin();
            till.end("after a restart");
            till.begin();
            till.funds_are_released();
        });
    }
    for (auto& one : all) one.join();
}

}  // namespace
}  // namespace kontor::outbox
