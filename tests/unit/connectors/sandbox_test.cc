#include "connectors/sandbox/sandbox.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "connectors/all.h"
#include "domains/attempts/limits.h"
#include "domains/payments/api_methods.h"

namespace kontor::connectors {
namespace {

const Credentials& credentials() {
    static const Credentials all = sandbox::draw(std::string(32, 'l'));
    return all;
}

Order order(const std::string& token, Operation operation = Operation::sale,
            std::uint32_t earlier_tries = 0) {
    Order made;
    made.reference = "att_00000000001";
    made.operation = operation;
    made.amount_minor = 1'000;
    made.currency = 978;
    made.method_type = "card";
    made.method_token = token;
    made.earlier_tries = earlier_tries;
    made.return_url = "https://shop.example/done?a=1#top";
    made.door_url = "https://pay.example/channels/sandbox/1";
    return made;
}

Answer ask(const std::string& token, Operation operation = Operation::sale, std::uint32_t earlier_tries = 0) {
    return std::get<Answer>(sandbox::build(order(token, operation, earlier_tries), credentials(), {}));
}

// The tokens that docs/testing.md promises.
std::set<std::string> documented_tokens() {
    std::ifstream in(KONTOR_SOURCE_DIR "/docs/testing.md");
    std::stringstream text;
    text << in.rdbuf();
    std::set<std::string> tokens;
    const std::string all = text.str();
    for (std::size_t at = all.find("`pm_card"); at != std::string::npos; at = all.find("`pm_card", at + 1))
        tokens.insert(all.substr(at + 1, all.find('`', at + 1) - at - 1));
    return tokens;
}

// What the page behind a link answers.
Inbound at(const std::string& url, const std::string& method = "GET", const std::string& body = {}) {
    Inbound inbound;
    inbound.method = method;
    const std::string door = "https://pay.example/channels/sandbox/1/";
    EXPECT_TRUE(url.starts_with(door)) << url;
    const std::size_t query = url.find('?');
    inbound.path = url.substr(door.size(), query - door.size());
    inbound.query = url.substr(query + 1);
    inbound.body = body;
    inbound.door_url = "https://pay.example/channels/sandbox/1";
    return inbound;
}

TEST(Sandbox, EveryTokenIsDocumentedAndAMethodOfTestModeOnly) {
    std::set<std::string> tokens;
    for (const TestToken& token : sandbox::kTokens) {
        tokens.insert(std::string(token.token));
        const auto by_token = payments::find_token(token.token, false);
        ASSERT_TRUE(by_token) << token.token;
        EXPECT_EQ(by_token->type(), "card");
        const auto by_source = payments::find_token(token.source_token, false);
        ASSERT_TRUE(by_source) << token.source_token;
        EXPECT_EQ(by_source->token(), token.token);
        EXPECT_FALSE(payments::find_token(token.token, true)) << token.token;
    }
    EXPECT_EQ(tokens, documented_tokens());
}

TEST(Sandbox, DeclinesAsNamedAndSucceedsOtherwise) {
    for (const sandbox::Card& card : sandbox::kCards) {
        const Answer answer = ask(std::string(card.token), Operation::sale, 1);
        if (card.fate == sandbox::Fate::asks_payer) {
            EXPECT_EQ(answer.state, Answer::State::requires_action) << card.token;
            continue;
        }
        EXPECT_EQ(answer.state, card.decline != nullptr ? Answer::State::failed : Answer::State::succeeded)
            << card.token;
        if (card.decline == nullptr) continue;
        EXPECT_EQ(answer.failure.type, "card_error");
        EXPECT_FALSE(answer.failure.code.empty() || answer.failure.decline_code.empty() ||
                     answer.failure.message.empty())
            << card.token;
    }
    EXPECT_EQ(ask("pm_card_chargeDeclinedInsufficientFunds").failure.decline_code, "insufficient_funds");
    EXPECT_EQ(ask("pm_card_chargeDeclined").failure.decline_code, "generic_decline");
    EXPECT_EQ(ask("pm_card_chargeDeclinedExpiredCard").failure.code, "expired_card");
    EXPECT_EQ(ask("pm_card_nobodyKnows").state, Answer::State::failed);
}

TEST(Sandbox, ALostAnswerIsUnknownOnceAndKnownAfterwards) {
    for (const Operation operation : {Operation::sale, Operation::authorize}) {
        EXPECT_EQ(ask("pm_card_sandboxAnswerLost", operation, 0).state, Answer::State::unknown);
        EXPECT_EQ(ask("pm_card_sandboxAnswerLost", operation, 1).state, Answer::State::succeeded);
        EXPECT_EQ(ask("pm_card_sandboxAnswerLostThenDeclined", operation, 1).state, Answer::State::failed);
    }
}

TEST(Sandbox, AQueryKnowsWhatBecameOfALostAnswer) {
    const auto query = [](const std::string& token, Operation operation) {
        const Query* known = sandbox::kConnector.query_of(operation);
        return std::get<Answer>(known->build.value(order(token, operation), credentials(), {})).state;
    };
    EXPECT_EQ(query("pm_card_sandboxAnswerLost", Operation::sale), Answer::State::succeeded);
    EXPECT_EQ(query("pm_card_sandboxAnswerLost", Operation::authorize), Answer::State::succeeded);
    EXPECT_EQ(query("pm_card_sandboxAnswerLostThenDeclined", Operation::sale), Answer::State::failed);
    EXPECT_EQ(sandbox::kConnector.query_of(Operation::refund), nullptr) << "sent again";
}

TEST(Sandbox, TheSameReferenceHasTheSameFate) {
    EXPECT_EQ(ask("pm_card_visa").channel_reference, ask("pm_card_visa").channel_reference);
    EXPECT_EQ(ask("pm_card_refundFail", Operation::refund).state, Answer::State::failed);
    EXPECT_EQ(ask("pm_card_refundFail", Operation::sale).state, Answer::State::succeeded);
    EXPECT_EQ(ask("pm_card_chargeDeclined", Operation::refund).state, Answer::State::succeeded)
        << "a decline is about taking money";
    EXPECT_EQ(ask("pm_card_threeDSecure2Required", Operation::void_authorization).state,
              Answer::State::succeeded);
}

TEST(SandboxPage, IsShownAndEndsThePayment) {
    const std::string url = ask("pm_card_threeDSecure2Required").next_action.redirect_url;
    const auto page = sandbox::on_inbound(at(url), credentials(), {});
    ASSERT_TRUE(page);
    EXPECT_FALSE(page->notice);
    EXPECT_EQ(page->acknowledgement.status, 200);
    EXPECT_NE(page->acknowledgement.body.find("value=\"complete\""), std::string::npos);

    const auto done = sandbox::on_inbound(at(url, "POST", "outcome=complete"), credentials(), {});
    ASSERT_TRUE(done && done->notice);
    EXPECT_EQ(done->notice->reference, "att_00000000001");
    EXPECT_EQ(done->notice->answer.state, Answer::State::succeeded);
    EXPECT_EQ(done->acknowledgement.status, 303);
    EXPECT_EQ(header_of(done->acknowledgement.headers, "location"),
              "https://shop.example/done?a=1&redirect_status=succeeded#top");

    const auto failed = sandbox::on_inbound(at(url, "POST", "outcome=fail"), credentials(), {});
    ASSERT_TRUE(failed && failed->notice);
    EXPECT_EQ(failed->notice->answer.state, Answer::State::failed);
    EXPECT_EQ(failed->notice->answer.failure.code, kAuthenticationFailure);
    EXPECT_NE(failed->notice->id, done->notice->id);
    for (const auto* handled : {&*done, &*failed}) {
        ASSERT_TRUE(handled->if_failed && handled->if_succeeded);
        EXPECT_EQ(header_of(handled->if_failed->headers, "location"),
                  "https://shop.example/done?a=1&redirect_status=failed#top");
        EXPECT_EQ(header_of(handled->if_succeeded->headers, "location"),
                  "https://shop.example/done?a=1&redirect_status=succeeded#top");
    }
    EXPECT_FALSE(sandbox::on_inbound(at(url, "POST", "outcome=maybe"), credentials(), {}));
    EXPECT_FALSE(sandbox::on_inbound(at(url, "POST", "outcome=fail&outcome=complete"), credentials(), {}));
}

// Whatever way back a merchant may name, the link is one that a payment can keep.
TEST(SandboxPage, TheLongestWayBackFits) {
    Order longest = order("pm_card_authenticationRequiredChargeDeclinedInsufficientFunds");
    longest.return_url = "https://shop.example/?" + std::string(machine::limits::kUrlBytes - 22, '%');
    longest.door_url = "https://" + std::string(253, 'h') + ":65535/channels/sandbox/10000";
    const auto answer = std::get<Answer>(sandbox::build(longest, credentials(), {}));
    EXPECT_LE(answer.next_action.redirect_url.size(), attempts::limits::kActionUrlBytes);
}

TEST(SandboxPage, ADeclineMayFollowTheProof) {
    const std::string url = ask("pm_card_threeDSecureRequiredChargeDeclined").next_action.redirect_url;
    const auto done = sandbox::on_inbound(at(url, "POST", "outcome=complete"), credentials(), {});
    ASSERT_TRUE(done && done->notice);
    EXPECT_EQ(done->notice->answer.state, Answer::State::failed);
    EXPECT_EQ(done->notice->answer.failure.code, "card_declined");
}

TEST(Connectors, AreFoundByName) {
    EXPECT_EQ(find("sandbox"), &sandbox::kConnector);
    EXPECT_EQ(find("nobody"), nullptr);
    EXPECT_EQ(find(""), nullptr);
    EXPECT_EQ(find({}, "sandbox"), nullptr) << "not among those";
    EXPECT_EQ(door_url("https://pay.example", "sandbox", 1), "https://pay.example/channels/sandbox/1");
    EXPECT_EQ(find_test_token(""), nullptr);
    EXPECT_FALSE(sandbox::kConnector.may_serve(true));
}

TEST(CredentialsTest, AreSealedAndOpenedAsTheyWere) {
    const crypto::Sealer sealer(crypto::Secret(std::string(32, 'k')));
    Credentials made;
    made.set("b", crypto::Secret("two"));
    made.set("a", crypto::Secret(std::string("o\0e", 3)));
    made.set("c", crypto::Secret("three"));
    made.set("b", crypto::Secret("2"));
    made.erase("c");
    const std::string sealed = made.seal(sealer);
    const auto opened = Credentials::unseal(sealer, sealed);
    ASSERT_TRUE(opened);
    EXPECT_EQ(opened->names(), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(opened->find("a"), std::string_view("o\0e", 3));
    EXPECT_EQ(opened->find("b"), "2");
    EXPECT_EQ(opened->find("c"), "");
    EXPECT_FALSE(Credentials::unseal(crypto::Sealer(crypto::Secret(std::string(32, 'x'))), sealed));
    EXPECT_FALSE(Credentials::unseal(
        sealer, sealer.seal(std::string_view("\0\0\0\7short", 9), "channel-credentials")));
    EXPECT_FALSE(Credentials::unseal(sealer, sealer.seal("abc", "channel-credentials")));
    EXPECT_TRUE(Credentials::unseal(sealer, Credentials().seal(sealer))->names().empty());
}

}  // namespace
}  // namespace kontor::connectors
