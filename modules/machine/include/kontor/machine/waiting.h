#pragma once
// Commands whose answer comes later: a channel has to be asked first. The command's Result says so
// (waiting_on), its idempotency record stays open, and the command that brings the end gives the final Result
// here.

#include <string>

#include "kontor/machine/context.h"

namespace kontor::machine {

struct Waiting {
    std::uint64_t no = 0;         // what Result.waiting_on said
    std::string idempotency_row;  // context.idempotency_row of the command that waits, "" if none
    google::protobuf::RepeatedPtrField<std::string> expand;  // of that command
};
void answer_waiting(Context& context, const Waiting& waiting, pb::Result result);

}  // namespace kontor::machine
