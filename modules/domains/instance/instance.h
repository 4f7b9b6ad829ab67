#pragma once
// Facts of this installation: one row.

#include <optional>

#include "kontor/instance.pb.h"
#include "kontor/machine/rows.h"

namespace kontor::instance {

[[nodiscard]] std::optional<pb::Instance> find_instance(const store::Reader&);

}  // namespace kontor::instance
