#pragma once
// What refunds ask of channels.

#include <array>

#include "domains/attempts/operation.h"
#include "domains/refunds/commands.h"

namespace kontor::refunds {

inline constexpr std::array kOperations = {
    attempts::Operation{.operation = pb::CHANNEL_REFUND,
                        .end = &end_of_refund,
                        .late = attempts::Late::suspense,
                        .takes_money = false,
                        .waits = nullptr},
};

}  // namespace kontor::refunds
