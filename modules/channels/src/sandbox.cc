#include "kontor/channels/sandbox.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace kontor::channels {
namespace {

struct Decline {
    std::string_view token;
    std::string_view code;
    std::string_view decline_code;
    std::string_view message;
};

constexpr std::array kDeclines{
    Decline{"pm_card_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."},
    Decline{"pm_card_visa_chargeDeclined", "card_declined", "generic_decline", "Your card was declined."},
    Decline{"pm_card_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
            "Your card has insufficient funds."},
    Decline{"pm_card_visa_chargeDeclinedInsufficientFunds", "card_declined", "insufficient_funds",
            "Your card has insufficient funds."},
    Decline{"pm_card_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."},
    Decline{"pm_card_visa_chargeDeclinedLostCard", "card_declined", "lost_card", "Your card was declined."},
    Decline{"pm_card_chargeDeclinedStolenCard", "card_declined", "stolen_card", "Your card was declined."},
    Decline{"pm_card_visa_chargeDeclinedStolenCard", "card_declined", "stolen_card",
            "Your card was declined."},
    Decline{"pm_card_chargeDeclinedFraudulent", "card_declined", "fraudulent", "Your card was declined."},
    Decline{"pm_card_chargeDeclinedExpiredCard", "expired_card", "expired_card", "Your card has expired."},
    Decline{"pm_card_chargeDeclinedIncorrectCvc", "incorrect_cvc", "incorrect_cvc",
            "Your card's security code is incorrect."},
    Decline{"pm_card_chargeDeclinedProcessingError", "processing_error", "processing_error",
            "An error occurred while processing your card. Try again in a little bit."},
    Decline{
        "pm_card_visa_chargeDeclinedVelocityLimitExceeded", "card_declined", "card_velocity_exceeded",
        "Your card was declined for making repeated attempts too frequently or exceeding its amount limit."},
};

// The first answer gets lost on the way; asked again, the acquirer says what it did.
constexpr std::string_view kAnswerLost = "pm_card_sandboxAnswerLost";
constexpr std::string_view kAnswerLostThenDeclined = "pm_card_sandboxAnswerLostThenDeclined";
// Money comes in, but a refund is refused.
constexpr std::string_view kRefundFails = "pm_card_refundFail";

Answer declined(const Decline& decline) {
    Answer answer;
    answer.state = Answer::State::failed;
    answer.error_type = "card_error";
    answer.error_code = decline.code;
    answer.decline_code = decline.decline_code;
    answer.message = decline.message;
    return answer;
}

Answer decide(const Order& order) {
    const bool takes_money = order.operation == Operation::sale || order.operation == Operation::authorize;
    const bool lossy = order.method_token == kAnswerLost || order.method_token == kAnswerLostThenDeclined;
    if (takes_money && lossy && order.earlier_tries == 0) return Answer{};
    if (takes_money) {
        const std::string_view token = order.method_token == kAnswerLostThenDeclined
                                           ? kDeclines[0].token
                                           : std::string_view(order.method_token);
        const auto* found = std::find_if(kDeclines.begin(), kDeclines.end(),
                                         [&](const Decline& decline) { return decline.token == token; });
        if (found != kDeclines.end()) return declined(*found);
    }
    Answer answer;
    if (order.operation == Operation::refund && order.method_token == kRefundFails) {
        answer.state = Answer::State::failed;
        answer.error_type = "api_error";
        answer.error_code = "expired_or_canceled_card";
        answer.message = "The card's bank refused the refund.";
        return answer;
    }
    answer.state = Answer::State::succeeded;
    answer.channel_reference = "sbx_" + order.reference;
    return answer;
}

class SandboxAcquirer final : public Channel {
 public:
    void perform(Order order, std::function<void(Answer)> done) override { done(decide(order)); }
};

}  // namespace

std::unique_ptr<Channel> make_sandbox_acquirer() {
    return std::make_unique<SandboxAcquirer>();
}

}  // namespace kontor::channels
