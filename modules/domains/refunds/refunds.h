#pragma once
// Refunds of charges.

#include <cstdint>
#include <optional>
#include <string>

#include "kontor/attempts.pb.h"
#include "kontor/json/fields.h"
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
extern const fields::Shape kRefundShape;
[[nodiscard]] std::string refund_json(const pb::Refund&, const machine::Expansion& = {});
// Where an expandable field leads.
[[nodiscard]] fields::Pointer refund_reference(const pb::Refund&, std::string_view field);
// previous_attributes of refund.updated: of each field that changed; of one that came to its end.
[[nodiscard]] std::string refund_changes(const pb::Refund& before, const pb::Refund& after);
[[nodiscard]] std::string status_before(const pb::Refund& refund);

}  // namespace kontor::refunds
