#pragma once
// What a channel can be asked to do, one record each: the domain that asks says what follows from the answer.
// Each such domain has them in its operations.h; an operation without a record, or with two, does not
// compile.

#include <cstdint>
#include <span>

#include "kontor/attempts.pb.h"
#include "kontor/base/required.h"
#include "kontor/machine/context.h"

namespace kontor::attempts {

// Frozen: they stand in rows, and connectors have them as numbers of their own.
static_assert(pb::CHANNEL_SALE == 1 && pb::CHANNEL_AUTHORIZE == 2 && pb::CHANNEL_CAPTURE == 3 &&
              pb::CHANNEL_VOID == 4 && pb::CHANNEL_REFUND == 5);
static_assert(pb::ChannelOperation_ARRAYSIZE == 6, "a new operation is frozen here, too");

using End = pb::Result (*)(machine::Context&, pb::ChannelAttempt&, const pb::ChannelAnswered&);

// The payer has something to do, for the first time or something else than before: the command's answer.
using Waits = pb::Result (*)(machine::Context&, const pb::ChannelAttempt&, const pb::NextAction&);

// What is done about a success that comes after the attempt was recorded as failed.
enum class Late : std::uint8_t {
    give_back,  // the channel took or holds money that our books do not want: it is given back
    suspense,   // paid out against our books: ours until somebody explains it
    nothing,    // it moved nothing; the next operation will fail at the channel
};

struct Operation {
    Required<pb::ChannelOperation> operation;
    Required<End> end;
    Required<Late> late;
    Required<bool> takes_money;  // of the payer, when it succeeds
    Required<Waits> waits;       // null: it never waits for the payer
};

// Of all domains. Never null for an operation that an attempt can have.
[[nodiscard]] std::span<const Operation> operations();

}  // namespace kontor::attempts
