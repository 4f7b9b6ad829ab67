// The connector through the kit; and payments by it through the state machine, the outbox and the door.
#include "examples/toy_connector/toy_connector.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <mutex>

#include "connectors/all.h"
#include "domains/attempts/ids.h"
#include "domains/channels/channels.h"
#include "domains/payments/payments.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/inbox/door.h"
#include "kontor/outbox/worker.h"
#include "support/connector_kit.h"
#include "support/test_clock.h"
#include "unit/outbox/world.h"

namespace kontor::connectors {

// The kit's tests, over this folder's transcripts.
INSTANTIATE_TEST_SUITE_P(Toy, Conformance,
                         ::testing::Values(Recorded{&toy_connector::kConnector, KONTOR_SOURCE_DIR
                                                    "/tests/examples/toy_connector/transcripts"}),
                         name_of);

namespace toy_connector {
namespace {

using outbox::testing::eventually;

constexpr const char* kUrl = "https://pay.example";

// The channel at the other end of the network.
class Channel : public http::Client {
 public:
    void send(http::ClientRequest request, std::function<void(Result<http::ClientResponse>)> done) override {
        if (request.method == "GET") return tell(request.url, done);
        EXPECT_EQ(request.url, "https://toy.example/orders");
        const std::string reference = part(request.body, "reference=");
        if (loses_orders.exchange(false)) return done(fail(ErrorCode::io, "the connection was lost"));
        take(reference, part(request.body, "method="));
        if (loses_answers.exchange(false)) return done(fail(ErrorCode::io, "the connection was lost"));
        tell("/" + reference, done);
    }
    // How often an order came, and how often it was asked about, by reference.
    std::map<std::string, int> orders() {
        const std::lock_guard lock(mutex_);
        return orders_;
    }
    std::map<std::string, int> queries() {
        const std::lock_guard lock(mutex_);
        return queries_;
    }
    std::atomic<bool> loses_orders{false}, loses_answers{false};  // the next one

 private:
    void take(const std::string& reference, const std::string& method) {
        std::string state = "done";
        if (method == "pm_toy_declined") state = "declined";
        if (method == "pm_toy_asks") state = "asks&url=https://toy.example/pay/" + reference;
        const std::lock_guard lock(mutex_);
        ++orders_[reference];
        states_[reference] = state;
    }
    void tell(const std::string& url, const std::function<void(Result<http::ClientResponse>)>& done) {
        const std::string reference = url.substr(url.rfind('/') + 1);
        std::string state;
        {
            const std::lock_guard lock(mutex_);
            if (url.size() > reference.size() + 1) ++queries_[reference];
            state = states_[reference];
        }
        if (state.empty()) return done(http::ClientResponse{404, {}, "no such order\n"});
        done(http::ClientResponse{
            200, {}, "id=toy_" + reference + "&reference=" + reference + "&state=" + state + "\n"});
    }
    static std::string part(const std::string& body, const std::string& name) {
        const std::size_t at = body.find(name) + name.size();
        return body.substr(at, body.find('&', at) - at);
    }
    std::mutex mutex_;
    std::map<std::string, int> orders_, queries_;
    std::map<std::string, std::string> states_;
};

class ToyChannel : public ::testing::Test {
 protected:
    ToyChannel() {
        open_account();
        outbox::WorkerOptions work;
        work.service = &world_;
        work.sealer = &sealer_;
        work.clock = &clock_;
        work.metrics = &metrics_;
        work.client = &channel_;  // no webhooks here
        work.channel_client = &channel_;
        work.connectors = all();
        work.public_url = [] { return std::string(kUrl); };
        work.poll_ms = 10;
        work.leadership = [this] { return ++looks_, outbox::kAlone; };
        worker_ = outbox::Worker::start(std::move(work));
        // At its second look the worker knows since when it leads: what comes now is new, and sent at once.
        EXPECT_TRUE(eventually([&] { return looks_.load() >= 2; }));
        inbox::DoorOptions door;
        door.service = &world_;
        door.sealer = &sealer_;
        door.clock = &clock_;
        door.metrics = &metrics_;
        door.connectors = all();
        door.public_url = [] { return std::string(kUrl); };
        door_ = inbox::Door::make(std::move(door));
    }

    // The platform's account at the channel, which takes all cards from now on.
    void open_account(std::span<const Operation> operations = kOperations) {
        Credentials credentials;
        credentials.set(kApiKey, crypto::Secret("our key"));
        credentials.set(kNoticeKey, crypto::Secret("their key"));
        pb::Command command;
        auto& open = *mutable_body(command, pb::open_channel_account);
        open.set_connector(std::string(kConnector.name.value));
        open.set_name("Toy");
        open.set_sealed_credentials(credentials.seal(sealer_));
        auto& served = *open.add_serves();
        served.set_type("card");
        for (const Operation operation : operations)
            served.add_operations(
                std::string(channels::word_of(static_cast<pb::ChannelOperation>(operation))));
        account_no_ = object_in(world_.run(command), pb::channel_account).no();
        pb::Command route;
        auto& entry = *mutable_body(route, pb::set_channel_routes)->add_entries();
        entry.set_method("card");
        entry.set_account_no(account_no_);
        EXPECT_EQ(world_.run(route).outcome(), machine::outcome::ok);
    }

    std::uint64_t pay(const std::string& token) {
        return object_in(world_.card_payment(token), pb::payment_intent).no();
    }
    pb::ChannelAttempt attempt(std::uint64_t intent_no) { return world_.attempts(intent_no).at(0); }
    pb::IntentStatus status(std::uint64_t intent_no) {
        pb::IntentStatus status = pb::INTENT_STATUS_UNSPECIFIED;
        world_.read([&](const store::Reader& rows, std::uint64_t) {
            status = payments::find_intent(rows, {world_.merchant_no, false}, intent_no)->status();
        });
        return status;
    }
    [[nodiscard]] bool becomes(std::uint64_t intent_no, pb::IntentStatus wanted) {
        return eventually([&] { return status(intent_no) == wanted; });
    }

    int notify(const std::string& body, const std::string& signature) {
        http::Request request;
        request.method = "POST";
        request.path = "/channels/toy_connector/" + std::to_string(account_no_) + "/notices";
        request.headers.push_back({std::string(kSignature), signature});
        request.body = body;
        request.peer_ip = "192.0.2.1";
        int status = 0;
        door_->handle(std::move(request), [&](http::Response response) { status = response.status; });
        return status;
    }

    kontor_test::TestClock clock_{outbox::testing::kStart};
    outbox::testing::World world_{clock_};
    crypto::Sealer sealer_{crypto::Secret(std::string(32, 'k'))};
    telemetry::Registry metrics_;
    Channel channel_;
    std::uint64_t account_no_ = 0;
    std::unique_ptr<inbox::Door> door_;
    std::atomic<unsigned> looks_{0};
    std::unique_ptr<outbox::Worker> worker_;  // last: it ends before what it uses
};

TEST_F(ToyChannel, IsOneOfThisBinarys) {
    EXPECT_EQ(find("toy_connector"), &kConnector);
    for (const TestToken& token : kTokens) EXPECT_NE(find_test_token(token.token), nullptr) << token.token;
}

TEST_F(ToyChannel, TakesAPayment) {
    const std::uint64_t no = pay("pm_toy_pays");
    ASSERT_TRUE(becomes(no, pb::SUCCEEDED));
    EXPECT_EQ(attempt(no).account_no(), account_no_);
    const std::string reference = format_id(attempts::prefix::attempt, attempt(no).no());
    const std::uint64_t charge_no = attempt(no).charge_no();
    world_.read([&](const store::Reader& rows, std::uint64_t) {
        const auto charge = payments::find_charge(rows, {world_.merchant_no, false}, charge_no);
        EXPECT_EQ(charge->channel_reference(), "toy_" + reference);
    });
}

TEST_F(ToyChannel, DeclinesAPayment) {
    const std::uint64_t no = pay("pm_toy_declined");
    ASSERT_TRUE(becomes(no, pb::REQUIRES_PAYMENT_METHOD));
    EXPECT_EQ(attempt(no).error().decline_code(), "generic_decline");
}

TEST_F(ToyChannel, IsAskedWhatBecameOfAnOrderWhoseAnswerWasLost) {
    channel_.loses_answers = true;
    const std::uint64_t no = pay("pm_toy_pays");
    ASSERT_TRUE(eventually([&] { return attempt(no).state() == pb::ATTEMPT_UNKNOWN; }));
    EXPECT_EQ(status(no), pb::PROCESSING) << "nobody knows";
    clock_.set_wall(attempt(no).next_try_ms());
    ASSERT_TRUE(becomes(no, pb::SUCCEEDED));
    const std::map<std::string, int> once = {{format_id(attempts::prefix::attempt, attempt(no).no()), 1}};
    EXPECT_EQ(channel_.orders(), once);
    EXPECT_EQ(channel_.queries(), once);
}

TEST_F(ToyChannel, AnOrderThatNeverCameIsSentAgainWithTheSameReference) {
    channel_.loses_orders = true;
    const std::uint64_t no = pay("pm_toy_pays");
    ASSERT_TRUE(eventually([&] { return attempt(no).state() == pb::ATTEMPT_UNKNOWN; }));
    EXPECT_TRUE(channel_.orders().empty());
    clock_.set_wall(attempt(no).next_try_ms());
    ASSERT_TRUE(becomes(no, pb::SUCCEEDED));
    const std::map<std::string, int> once = {{format_id(attempts::prefix::attempt, attempt(no).no()), 1}};
    EXPECT_EQ(channel_.queries(), once);
    EXPECT_EQ(channel_.orders(), once);
}

// What gives back or undoes is written by the rules: without the operation it fails at once, and is seen.
TEST_F(ToyChannel, IsNotAskedForWhatItDoesNotOffer) {
    const std::array sales_only = {Operation::sale};
    open_account(sales_only);
    const std::uint64_t no = pay("pm_toy_asks");
    ASSERT_TRUE(becomes(no, pb::REQUIRES_ACTION));
    pb::Command cancel = world_.mine();
    mutable_body(cancel, pb::cancel_payment_intent)->set_no(no);
    ASSERT_EQ(world_.run(cancel).outcome(), machine::outcome::ok);
    ASSERT_TRUE(eventually([&] { return world_.attempts(no).at(1).state() == pb::ATTEMPT_FAILED; }));
    const pb::ChannelAttempt undoing = world_.attempts(no).at(1);
    EXPECT_EQ(undoing.operation(), pb::CHANNEL_VOID);
    EXPECT_EQ(undoing.error().code(), "channel_operation_not_offered");
    EXPECT_FALSE(channel_.orders().contains(format_id(attempts::prefix::attempt, undoing.no())));
}

TEST_F(ToyChannel, SaysByANoticeWhatThePayerDid) {
    const std::uint64_t no = pay("pm_toy_asks");
    ASSERT_TRUE(becomes(no, pb::REQUIRES_ACTION));
    const std::string reference = format_id(attempts::prefix::attempt, attempt(no).no());
    const std::string body = "id=toy_" + reference + "&reference=" + reference + "&state=done\n";
    EXPECT_EQ(notify(body, signature("somebody's key", "notices", body)), 401);
    EXPECT_EQ(status(no), pb::REQUIRES_ACTION);
    const std::string signed_by_them = signature("their key", "notices", body);
    EXPECT_EQ(notify(body, signed_by_them), 200);
    EXPECT_EQ(status(no), pb::SUCCEEDED);
    EXPECT_EQ(notify(body, signed_by_them), 200) << "said again";
    EXPECT_EQ(status(no), pb::SUCCEEDED);
}

}  // namespace
}  // namespace toy_connector
}  // namespace kontor::connectors
