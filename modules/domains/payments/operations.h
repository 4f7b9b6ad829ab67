#pragma once
// What payments ask of channels.

#include <array>

#include "domains/attempts/operation.h"
#include "domains/payments/channel.h"

namespace kontor::payments {

inline constexpr std::array kOperations = {
    attempts::Operation{.operation = pb::CHANNEL_SALE,
                        .end = &end_of_payment,
                        .late = attempts::Late::give_back,
                        .takes_money = true,
                        .waits = &payer_must_act},
    attempts::Operation{.operation = pb::CHANNEL_AUTHORIZE,
                        .end = &end_of_payment,
                        .late = attempts::Late::give_back,
                        .takes_money = false,
                        .waits = &payer_must_act},
    attempts::Operation{.operation = pb::CHANNEL_CAPTURE,
                        .end = &end_of_capture,
                        .late = attempts::Late::give_back,
                        .takes_money = true,
                        .waits = nullptr},
    attempts::Operation{.operation = pb::CHANNEL_VOID,
                        .end = &end_of_void,
                        .late = attempts::Late::nothing,
                        .takes_money = false,
                        .waits = nullptr},
};

}  // namespace kontor::payments
