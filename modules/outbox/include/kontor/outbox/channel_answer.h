#pragma once
// A connector's answer as the body of a command: the texts of outside cleaned and cut, and an action that
// would not survive that taken for no answer.
//
// Threading: pure.

#include <cstdint>

#include "connectors/connector.h"
#include "kontor/attempts.pb.h"

namespace kontor::outbox {

[[nodiscard]] pb::ChannelAnswered channel_answer(std::uint64_t attempt_no, const connectors::Answer& answer);

}  // namespace kontor::outbox
