#pragma once
// Refunds of charges.

#include <cstdint>
#include <optional>
#include <string>

#include "kontor/attempts.pb.h"
#include "kontor/machine/context.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/page.h"
#include "kontor/refunds.pb.h"

namespace kontor::refunds {

[[nodiscard]] std::optional<pb::Refund> find_refund(const store::Reader&, machine::Scope, std::uint64_t no);
// Newest first.
[[nodiscard]] machine::Listed<pb::Refund> list_refunds(const store::Reader&, machine::Scope,
                                                       const machine::ListQuery&);
[[nodiscard]] machine::Listed<pb::Refund> list_refunds(const store::Reader&, machine::Scope,
                                                       const machine::ListQuery&, machine::Bound&);
[[nodiscard]] std::string refund_json(const pb::Refund&, const machine::Expansion& = {});

}  // namespace kontor::refunds
