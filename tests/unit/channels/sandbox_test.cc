#include "kontor/channels/sandbox.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

#include "domains/payments/methods.h"

namespace kontor::channels {
namespace {

Answer ask(const std::string& token, Operation operation = Operation::sale, std::uint32_t earlier_tries = 0) {
    Order order;
    order.reference = "att_00000000001";
    order.operation = operation;
    order.amount_minor = 1'000;
    order.currency = 978;
    order.method_token = token;
    order.earlier_tries = earlier_tries;
    const auto sandbox = make_sandbox_acquirer();
    Answer got;
    int answers = 0;
    sandbox->perform(order, [&](const Answer& answer) {
        got = answer;
        ++answers;
    });
    EXPECT_EQ(answers, 1);
    return got;
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

TEST(Sandbox, EveryDocumentedTokenIsAMethodOfTestModeOnly) {
    const auto tokens = documented_tokens();
    EXPECT_GE(tokens.size(), 26U);
    for (const std::string& token : tokens) {
        EXPECT_TRUE(payments::find_method(token, false)) << token;
        EXPECT_FALSE(payments::find_method(token, true)) << token;
    }
}

TEST(Sandbox, DeclinesAsNamedAndSucceedsOtherwise) {
    for (const std::string& token : documented_tokens()) {
        const Answer answer = ask(token, Operation::sale, 1);
        const bool declines = token.find("eclined") != std::string::npos;
        EXPECT_EQ(answer.state, declines ? Answer::State::failed : Answer::State::succeeded) << token;
        if (!declines) continue;
        EXPECT_EQ(answer.error_type, "card_error");
        EXPECT_FALSE(answer.error_code.empty() || answer.decline_code.empty() || answer.message.empty())
            << token;
    }
    EXPECT_EQ(ask("pm_card_chargeDeclinedInsufficientFunds").decline_code, "insufficient_funds");
    EXPECT_EQ(ask("pm_card_chargeDeclined").decline_code, "generic_decline");
    EXPECT_EQ(ask("pm_card_chargeDeclinedExpiredCard").error_code, "expired_card");
}

TEST(Sandbox, ALostAnswerIsUnknownOnceAndKnownAfterwards) {
    for (const Operation operation : {Operation::sale, Operation::authorize}) {
        EXPECT_EQ(ask("pm_card_sandboxAnswerLost", operation, 0).state, Answer::State::unknown);
        EXPECT_EQ(ask("pm_card_sandboxAnswerLost", operation, 1).state, Answer::State::succeeded);
        EXPECT_EQ(ask("pm_card_sandboxAnswerLostThenDeclined", operation, 1).state, Answer::State::failed);
    }
}

TEST(Sandbox, TheSameReferenceHasTheSameFate) {
    EXPECT_EQ(ask("pm_card_visa").channel_reference, ask("pm_card_visa").channel_reference);
    EXPECT_EQ(ask("pm_card_refundFail", Operation::refund).state, Answer::State::failed);
    EXPECT_EQ(ask("pm_card_refundFail", Operation::sale).state, Answer::State::succeeded);
    EXPECT_EQ(ask("pm_card_chargeDeclined", Operation::refund).state, Answer::State::succeeded)
        << "a decline is about taking money";
}

}  // namespace
}  // namespace kontor::channels
