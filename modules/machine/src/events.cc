#include "kontor/machine/events.h"

#include <algorithm>
#include <array>

#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/chain.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/fields.h"
#include "kontor/machine/links.h"

namespace kontor::machine {
namespace {

std::string image(const Registry& registry, const pb::Event& event) {
    const ObjectKind* kind = registry.object(event.object().kind());
    return kind == nullptr ? "{}" : kind->event_json.value(event.object());
}

}  // namespace

std::shared_ptr<const pb::AuditRecord> find_audit_record(const store::Reader& rows, Scope scope,
                                                         std::uint64_t command_no) {
    const auto bytes = rows.get(table::audit_records, object_key(scope, command_no).view());
    if (!bytes) return nullptr;
    return std::make_shared<const pb::AuditRecord>(parse_row<pb::AuditRecord>(*bytes, "audit_records"));
}

std::optional<FoundEvent> find_event(const store::Reader& rows, Scope scope, std::uint64_t event_no) {
    auto audit_record = find_audit_record(rows, scope, command_no(event_no));
    if (!audit_record) return std::nullopt;
    for (const pb::Event& event : audit_record->events()) {
        if (event.no() == event_no) return FoundEvent{audit_record, &event};
    }
    return std::nullopt;
}

Listed<FoundEvent> list_events(const store::Reader& rows, Scope scope, const ListQuery& query, Bound& bound) {
    const Source source = objects(table::audit_records, scope);
    // Bounds on events are bounds on audit records, but that the bounding event's own audit record is looked
    // at too.
    ListQuery audit_records = query;
    audit_records.starting_after = audit_records.ending_before = 0;
    Range range = range_of(rows, source, audit_records, [](std::string_view value) {
        return parse_row<pb::AuditRecord>(value, "audit_records").time_ms();
    });
    if (query.ending_before != 0) {
        range.low = std::max(range.low, command_no(query.ending_before));
        range.ascending = true;
    }
    if (query.starting_after != 0) range.high = std::min(range.high, command_no(query.starting_after) + 1);
    const auto wanted = [&](const pb::Event& event) {
        if (query.starting_after != 0 && event.no() >= query.starting_after) return false;
        if (query.ending_before != 0 && event.no() <= query.ending_before) return false;
        if (query.type.empty() && query.types.empty()) return true;
        return event.type() == query.type ||
               std::find(query.types.begin(), query.types.end(), event.type()) != query.types.end();
    };
    Listed<FoundEvent> page;
    const std::size_t limit = page_size(query);
    bound.resume = visit_page(rows, source, range, bound.rows, [&](std::uint64_t, std::string_view value) {
        const auto audit_record =
            std::make_shared<const pb::AuditRecord>(parse_row<pb::AuditRecord>(value, "audit_records"));
        if (!range.admits(audit_record->time_ms())) return true;
        const int size = audit_record->events_size();
        for (int i = 0; i < size && page.rows.size() <= limit; ++i) {
            const pb::Event& event = audit_record->events(range.ascending ? i : size - 1 - i);
            if (wanted(event)) page.rows.push_back(FoundEvent{audit_record, &event});
        }
        return page.rows.size() <= limit;
    });
    // Behind all events of the audit record that was looked at last.
    if (bound.resume != 0 && range.ascending) bound.resume = last_of_command(bound.resume);
    page.has_more = bound.resume != 0;
    if (page.rows.size() > limit) {
        page.rows.resize(limit);
        page.has_more = true;
    }
    if (range.ascending) std::reverse(page.rows.begin(), page.rows.end());
    return page;
}

void visit_audit_records(const store::Reader& rows, Scope scope, std::uint64_t after_command_no,
                         std::size_t limit, const std::function<bool(const pb::AuditRecord&)>& visit) {
    if (limit == 0) return;
    std::size_t visited = 0;
    rows.scan(table::audit_records, object_key(scope, after_command_no + 1).view(), scope_end(scope).view(),
              store::Direction::ascending, [&](std::string_view, std::string_view value) {
                  return visit(parse_row<pb::AuditRecord>(value, "audit_records")) && ++visited < limit;
              });
}

std::vector<std::shared_ptr<const pb::AuditRecord>> audit_records_about(const store::Reader& rows,
                                                                        Scope scope, LinkKind kind,
                                                                        std::uint64_t no,
                                                                        std::uint64_t after_no,
                                                                        std::size_t limit) {
    std::vector<std::shared_ptr<const pb::AuditRecord>> found;
    for (const std::uint64_t audit_record_no : linked(rows, scope, no, kind, after_no, limit)) {
        if (auto audit_record = find_audit_record(rows, scope, audit_record_no))
            found.push_back(std::move(audit_record));
    }
    return found;
}

namespace {

using fields::Absent;

struct View {
    const Registry& registry;
    const pb::AuditRecord& audit_record;
    const pb::Event& row;
};
std::string object_of(const View& view) {
    return image(view.registry, view.row);
}
std::int64_t time_ms(const View& view) {
    return view.audit_record.time_ms();
}
bool livemode(const View& view) {
    return view.audit_record.livemode();
}
const std::string& request_id(const View& view) {
    return view.audit_record.request_id();
}
const std::string& idempotency_key(const View& view) {
    return view.audit_record.idempotency_key();
}
std::string_view api_version(const View& /*view*/) {
    return kApiVersion;
}

using Row = fields::Field<View>;
constexpr std::array kData = {
    Row{"object", fields::object<&object_of>(), Absent::never,
        "As it was after what happened; its fields are those of its kind."},
    Row{"previous_attributes", fields::object<&pb::Event::previous_attributes_json>(), Absent::left_out,
        "What the changed fields were before."},
};
constexpr std::array kRequest = {
    Row{"id", fields::text<&request_id>(), Absent::null},
    Row{"idempotency_key", fields::text<&idempotency_key>(), Absent::null},
};
constexpr std::array kEvent = {
    Row{"id", fields::id<&pb::Event::no>(prefix::event), Absent::never},
    Row{"object", fields::constant("event"), Absent::never},
    Row{"api_version", fields::text<&api_version>(), Absent::never},
    Row{"created", fields::timestamp<&time_ms>(), Absent::never},
    Row{"data", fields::hash<kData>(), Absent::never},
    Row{"livemode", fields::boolean<&livemode>(), Absent::never},
    Row{"pending_webhooks", fields::integer<&pb::Event::pending_webhooks>(), Absent::never,
        "Endpoints that do not have it yet."},
    Row{"request", fields::hash<kRequest>(), Absent::never},
    Row{"type", fields::text<&pb::Event::type>(), Absent::never},
};

}  // namespace

constinit const fields::Shape kEventShape = fields::shape<kEvent>("event");

std::string event_json(const Registry& registry, const pb::AuditRecord& audit_record,
                       const pb::Event& event) {
    return render_object<kEvent>(View{registry, audit_record, event}, parts::kUsualObjectBytes + 512);
}

}  // namespace kontor::machine
