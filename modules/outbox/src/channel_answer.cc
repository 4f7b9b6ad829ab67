#include "kontor/outbox/channel_answer.h"

#include "clean_text.h"
#include "domains/attempts/limits.h"

namespace kontor::outbox {

namespace {

constexpr std::size_t kTextBytes = 500;

pb::AttemptState state_of(connectors::Answer::State state) {
    using State = connectors::Answer::State;
    switch (state) {
        case State::succeeded:
            return pb::ATTEMPT_SUCCEEDED;
        case State::failed:
            return pb::ATTEMPT_FAILED;
        case State::requires_action:
            return pb::ATTEMPT_WAITING_FOR_PAYER;
        case State::unknown:
            break;
    }
    return pb::ATTEMPT_UNKNOWN;
}

bool is_whole(const std::string& text, std::size_t max_bytes) {
    return text.size() <= max_bytes && clean_text(text, max_bytes) == text;
}

}  // namespace

pb::ChannelAnswered channel_answer(std::uint64_t attempt_no, const connectors::Answer& answer) {
    pb::ChannelAnswered answered;
    answered.set_attempt_no(attempt_no);
    answered.set_state(state_of(answer.state));
    answered.set_channel_reference(clean_text(answer.channel_reference, kTextBytes));
    if (answered.state() == pb::ATTEMPT_FAILED) {
        pb::PaymentError& error = *answered.mutable_error();
        error.set_type(clean_text(answer.failure.type, kTextBytes));
        error.set_code(clean_text(answer.failure.code, kTextBytes));
        error.set_decline_code(clean_text(answer.failure.decline_code, kTextBytes));
        error.set_message(clean_text(answer.failure.message, kTextBytes));
    }
    if (answered.state() == pb::ATTEMPT_WAITING_FOR_PAYER) {
        const connectors::NextAction& action = answer.next_action;
        if (action.redirect_url.empty() == action.qr_data.empty() ||
            !is_whole(action.redirect_url, attempts::limits::kActionUrlBytes) ||
            !is_whole(action.qr_data, attempts::limits::kActionDataBytes)) {
            answered.set_state(pb::ATTEMPT_UNKNOWN);
            return answered;
        }
        answered.mutable_next_action()->set_redirect_url(action.redirect_url);
        answered.mutable_next_action()->set_qr_data(action.qr_data);
        answered.mutable_next_action()->set_expires_ms(action.expires_utc_ms);
    }
    return answered;
}

}  // namespace kontor::outbox
