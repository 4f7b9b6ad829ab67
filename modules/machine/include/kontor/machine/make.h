#pragma once
// New commands and batches, of the version whose rules this binary proposes.

#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/chain.h"
#include "kontor/machine/machine.h"

namespace kontor::machine {

[[nodiscard]] inline pb::Command new_command(pb::Actor::Kind by) {
    pb::Command command;
    command.set_version(kCommandVersion);
    command.mutable_actor()->set_kind(by);
    return command;
}

// `salt`: kSaltBytes that nobody can foresee (chain.h).
[[nodiscard]] inline pb::Batch new_batch(std::string salt) {
    pb::Batch batch;
    batch.set_version(kCommandVersion);
    batch.set_salt(std::move(salt));
    return batch;
}

}  // namespace kontor::machine
