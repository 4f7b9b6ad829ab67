#include "kontor/inbox/door.h"

#include <gtest/gtest.h>

#include "connectors/all.h"
#include "connectors/sandbox/sandbox.h"
#include "domains/attempts/ids.h"
#include "domains/payments/payments.h"
#include "kontor/attempts_bodies.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/outbox/channel_answer.h"
#include "kontor/payments_bodies.pb.h"
#include "support/methods.h"
#include "support/test_clock.h"
#include "unit/outbox/world.h"

namespace kontor::inbox {
namespace {

using outbox::testing::kStart;

constexpr const char* kUrl = "https://pay.example";

class DoorTest : public ::testing::Test {
 protected:
    DoorTest() : world_(clock_), sealer_(crypto::Secret(std::string(32, 'k'))) { open(options()); }

    DoorOptions options() {
        DoorOptions options;
        options.service = &world_;
        options.sealer = &sealer_;
        options.clock = &clock_;
        options.metrics = &metrics_;
        options.connectors = connectors::all();
        options.public_url = [] { return std::string(kUrl); };
        return options;
    }
    void open(DoorOptions options) { door_ = Door::make(std::move(options)); }

    // `target`: "/channels/…?…", or all of a link.
    http::Response ask(const std::string& method, std::string target, const std::string& body = {},
                       const std::string& peer = "192.0.2.1") {
        if (target.starts_with(kUrl)) target.erase(0, std::string_view(kUrl).size());
        http::Request request;
        request.method = method;
        const std::size_t query = std::min(target.find('?'), target.size());
        request.path = target.substr(0, query);
        request.query = target.substr(std::min(query + 1, target.size()));
        request.body = body;
        request.peer_ip = peer;
        http::Response got;
        int answers = 0;
        door_->handle(std::move(request), [&](http::Response response) {
            got = std::move(response);
            ++answers;
        });
        EXPECT_EQ(answers, 1);
        return got;
    }

    // A payment that waits for its payer; the link that he follows.
    std::string wait(const std::string& token = "pm_card_threeDSecure2Required") {
        const pb::Result interim = world_.card_payment(token);
        intent_no_ = object_in(interim, pb::payment_intent).no();
        connectors::Order order;
        order.reference = format_id(attempts::prefix::attempt, interim.waiting_on());
        order.method_token = token;
        order.return_url = "https://shop.example/done?order=7#top";
        order.door_url = std::string(kUrl) + "/channels/sandbox/1";
        const auto answer = std::get<connectors::Answer>(
            connectors::sandbox::build(order, connectors::sandbox::draw(std::string(32, 'l')), {}));
        pb::Command command;
        *mutable_body(command, pb::channel_answered) = outbox::channel_answer(interim.waiting_on(), answer);
        world_.run(std::move(command));
        EXPECT_EQ(status(), pb::REQUIRES_ACTION);
        return answer.next_action.redirect_url;
    }
    pb::IntentStatus status() const {
        pb::IntentStatus status = pb::INTENT_STATUS_UNSPECIFIED;
        world_.read([&](const store::Reader& rows, std::uint64_t) {
            status = payments::find_intent(rows, {world_.merchant_no, false}, intent_no_)->status();
        });
        return status;
    }

    kontor_test::TestClock clock_{kStart};
    outbox::testing::World world_;
    crypto::Sealer sealer_;
    telemetry::Registry metrics_;
    std::unique_ptr<Door> door_;
    std::uint64_t intent_no_ = 0;
};

TEST_F(DoorTest, ShowsThePageAndTakesWhatItSays) {
    const std::string link = wait();
    const http::Response page = ask("GET", link);
    EXPECT_EQ(page.status, 200);
    EXPECT_NE(page.body.find("<form method=\"post\">"), std::string::npos);
    EXPECT_EQ(status(), pb::REQUIRES_ACTION) << "looking changes nothing";
    EXPECT_EQ(ask("POST", link, "outcome=complete").status, 303);
    EXPECT_EQ(status(), pb::SUCCEEDED);
    EXPECT_EQ(ask("POST", link, "outcome=complete").status, 303) << "said again";
    EXPECT_EQ(ask("POST", link, "outcome=fail").status, 303) << "too late";
    EXPECT_EQ(status(), pb::SUCCEEDED);
}

// What the payer does after his payment is over changes nothing, and his way back says so.
TEST_F(DoorTest, TheWayBackSaysWhatBecameOfThePayment) {
    const auto way_back = [](const http::Response& response) {
        for (const http::Header& header : response.headers)
            if (header.name == "Location") return header.value;
        return std::string("none");
    };
    const std::string succeeded = "https://shop.example/done?order=7&redirect_status=succeeded#top";
    const std::string failed = "https://shop.example/done?order=7&redirect_status=failed#top";
    std::string link = wait();
    EXPECT_EQ(way_back(ask("POST", link, "outcome=complete")), succeeded);
    EXPECT_EQ(way_back(ask("POST", link, "outcome=complete")), succeeded) << "said again";
    link = wait();
    EXPECT_EQ(way_back(ask("POST", link, "outcome=fail")), failed);
    link = wait();
    pb::Command cancel = world_.mine();
    mutable_body(cancel, pb::cancel_payment_intent)->set_no(intent_no_);
    world_.run(cancel);
    ASSERT_EQ(status(), pb::CANCELED);
    EXPECT_EQ(way_back(ask("POST", link, "outcome=complete")), failed);
    link = wait();
    pb::Command confirm = world_.mine();
    mutable_body(confirm, pb::confirm_payment_intent)->set_no(intent_no_);
    *mutable_body(confirm, pb::confirm_payment_intent)->mutable_payment_method() =
        kontor_test::method("pm_card_visa");
    world_.run(confirm);
    EXPECT_EQ(way_back(ask("POST", link, "outcome=complete")), failed) << "another attempt is under way";
}

TEST_F(DoorTest, AFailureEndsThePayment) {
    const std::string link = wait();
    EXPECT_EQ(ask("POST", link, "outcome=fail").status, 303);
    EXPECT_EQ(status(), pb::REQUIRES_PAYMENT_METHOD);
}

TEST_F(DoorTest, WhatIsNotSignedStoresNothing) {
    std::string link = wait();
    const int submitted = world_.submitted.load();
    link.back() = link.back() == 'a' ? 'b' : 'a';
    EXPECT_EQ(ask("GET", link).status, 401);
    EXPECT_EQ(ask("POST", link, "outcome=complete").status, 401);
    const std::string good = [&] {
        std::string back = link;
        back.resize(back.find("&s="));
        return back;
    }();
    EXPECT_EQ(ask("POST", good, "outcome=complete").status, 404) << "no link at all";
    EXPECT_EQ(world_.submitted.load(), submitted);
    EXPECT_EQ(status(), pb::REQUIRES_ACTION);
}

TEST_F(DoorTest, WhatIsNotThereLooksAlike) {
    const std::string link = wait();
    const http::Response unknown = ask("GET", "/channels/nobody/1/x");
    EXPECT_EQ(unknown.status, 404);
    for (const std::string& target :
         {std::string("/channels/sandbox/2/x"), std::string("/channels/sandbox/1/x"),
          std::string("/channels/sandbox/0/x"), std::string("/channels/sandbox/01/x"),
          std::string("/channels/sandbox/x/x"), std::string("/channels/sandbox"), std::string("/channels/"),
          std::string("/channels/sandbox/18446744073709551616/x"), std::string("/channels/sandbox//x"),
          std::string("/channels/sandbox/1"), std::string("/channels/Sandbox/1/x")}) {
        const http::Response other = ask("POST", target, "outcome=complete");
        EXPECT_EQ(other.status, 404) << target;
        EXPECT_EQ(other.body, unknown.body) << target;
    }
}

TEST_F(DoorTest, KnowsTwoMethods) {
    http::Request looked;  // as the server hands a HEAD on
    looked.method = "GET";
    looked.is_head = true;
    looked.path = "/channels/sandbox/1/x";
    ASSERT_TRUE(door_->admit(looked).refusal);
    int status = 0;
    door_->handle(looked, [&](http::Response response) { status = response.status; });
    EXPECT_EQ(status, 405);
    for (const char* method : {"PUT", "DELETE", "OPTIONS", "PATCH"}) {
        EXPECT_EQ(ask(method, "/channels/sandbox/1/x").status, 405) << method;
        http::Request head;
        head.method = method;
        head.path = "/channels/nobody/7/x";
        ASSERT_TRUE(door_->admit(head).refusal) << method;
    }
    http::Request head;
    head.method = "POST";
    EXPECT_FALSE(door_->admit(head).refusal);
    EXPECT_EQ(door_->admit(head).max_body_bytes, connectors::kInboundBytes);
    EXPECT_EQ(door_->admit(head).account, 0U) << "a stranger's body";
}

TEST_F(DoorTest, ABodyHasALimit) {
    const std::string link = wait();
    const std::string most = "outcome=complete&x=" + std::string(connectors::kInboundBytes, 'x');
    EXPECT_EQ(ask("POST", link, most).status, 413);
    EXPECT_EQ(status(), pb::REQUIRES_ACTION);
    EXPECT_EQ(ask("POST", link, most.substr(0, connectors::kInboundBytes)).status, 303);
    EXPECT_EQ(status(), pb::SUCCEEDED);
}

TEST_F(DoorTest, IsAcknowledgedWhenTheLogHasIt) {
    const std::string link = wait();
    world_.overloaded_for = 1;
    EXPECT_EQ(ask("POST", link, "outcome=complete").status, 503);
    EXPECT_EQ(status(), pb::REQUIRES_ACTION);
    EXPECT_EQ(ask("POST", link, "outcome=complete").status, 303) << "the channel says it again";
    EXPECT_EQ(status(), pb::SUCCEEDED);
}

TEST_F(DoorTest, AnAddressHasItsRates) {
    DoorOptions limited = options();
    limited.per_address = 5;
    limited.refused = 1;
    open(std::move(limited));
    const std::string link = wait();
    for (int i = 0; i < 2; ++i) EXPECT_EQ(ask("GET", "/channels/nobody/1/x").status, 404);
    EXPECT_EQ(ask("GET", "/channels/nobody/1/x").status, 429) << "guesses have a rate of their own";
    for (int i = 3; i < 10; ++i) EXPECT_EQ(ask("GET", link).status, 200) << i;
    EXPECT_EQ(ask("GET", link).status, 429);
    EXPECT_EQ(ask("GET", link, {}, "192.0.2.2").status, 200) << "another address";
}

TEST_F(DoorTest, CredentialsOfAnotherKeyOpenNothing) {
    const std::string link = wait();
    DoorOptions other = options();
    const crypto::Sealer wrong(crypto::Secret(std::string(32, 'w')));
    other.sealer = &wrong;
    open(std::move(other));
    ::testing::internal::CaptureStderr();
    for (int i = 0; i < 3; ++i) EXPECT_EQ(ask("POST", link, "outcome=complete").status, 503);
    const std::string said = ::testing::internal::GetCapturedStderr();
    const std::size_t first = said.find("event=channel_closed account=1 ");
    ASSERT_NE(first, std::string::npos) << "somebody hears of it";
    EXPECT_EQ(said.find("event=channel_closed", first + 1), std::string::npos) << "once a minute: " << said;
    EXPECT_EQ(status(), pb::REQUIRES_ACTION);
}

}  // namespace
}  // namespace kontor::inbox
