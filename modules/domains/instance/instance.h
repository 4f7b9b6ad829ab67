#pragma once
// Facts of this installation: one row.

#include <optional>

#include "kontor/instance.pb.h"
#include "kontor/machine/rows.h"

namespace kontor::instance {

[[nodiscard]] std::optional<pb::Instance> find_instance(const store::Reader&);
// This process shows and reads ids as this state has it. Whoever opens a state calls it before anything else.
void use_id_key(const store::Reader&);

}  // namespace kontor::instance
