#pragma once
// Events and the audit records they stand in: reads, and their JSON.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kontor/json/fields.h"
#include "kontor/log.pb.h"
#include "kontor/machine/page.h"
#include "kontor/machine/rows.h"

namespace kontor::machine {

class Registry;

namespace prefix {
inline constexpr std::string_view event = "evt", request = "req";
}

inline constexpr std::string_view kApiVersion = "2026-10-28.endive";

struct FoundEvent {
    std::shared_ptr<const pb::AuditRecord>
        audit_record;                  // whole: time, request, idempotency key, ledger legs
    const pb::Event* event = nullptr;  // into it
};
[[nodiscard]] std::optional<FoundEvent> find_event(const store::Reader&, Scope, std::uint64_t event_no);
[[nodiscard]] std::shared_ptr<const pb::AuditRecord> find_audit_record(const store::Reader&, Scope,
                                                                       std::uint64_t command_no);

// Newest first.
[[nodiscard]] Listed<FoundEvent> list_events(const store::Reader&, Scope, const ListQuery&, Bound&);

// Audit records of a merchant and mode after `command_no`, oldest first: rebuilds and catch-up of
// projections.
void visit_audit_records(const store::Reader&, Scope, std::uint64_t after_command_no, std::size_t limit,
                         const std::function<bool(const pb::AuditRecord&)>& visit);
// The audit records about an object, by the kind of link that a domain keeps for it; oldest first, behind
// `after_no`.
[[nodiscard]] std::vector<std::shared_ptr<const pb::AuditRecord>> audit_records_about(
    const store::Reader&, Scope, LinkKind, std::uint64_t no, std::uint64_t after_no, std::size_t limit);

extern const fields::Shape kEventShape;
// An event as webhook body and as API object: the same bytes.
[[nodiscard]] std::string event_json(const Registry& registry, const pb::AuditRecord&, const pb::Event&);

}  // namespace kontor::machine
