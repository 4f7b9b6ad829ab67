#pragma once
// What a channel can be asked to do, one record each: the domain that asks says what follows from the answer.
// The list of all is in domains/all.cc; an operation without a record, or with two, does not compile.

#include <cstdint>
#include <span>

#include "kontor/channels.pb.h"
#include "kontor/machine/context.h"
#include "kontor/machine/required.h"

namespace kontor::attempts {

using End = pb::Result (*)(machine::Context&, pb::ChannelAttempt&, const pb::ChannelAnswered&);

// What is done about a success that comes after the attempt was booked as failed.
enum class Late : std::uint8_t {
    give_back,  // the channel took or holds money that our books do not want: it is given back
    suspense,   // paid out against our books: ours until somebody explains it
    nothing,    // it moved nothing; the next operation will fail at the channel
};

struct Operation {
    machine::Required<pb::ChannelOperation> operation;
    machine::Required<End> end;
    machine::Required<Late> late;
    machine::Required<bool> takes_money;  // of the payer, when it succeeds
};

// Of all domains. Never null for an operation that an attempt can have.
[[nodiscard]] std::span<const Operation> operations();

}  // namespace kontor::attempts
