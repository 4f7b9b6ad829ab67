#include "kontor/machine/events.h"

#include <algorithm>

#include "kontor/base/bytes.h"
#include "kontor/base/object_id.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/chain.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/json_parts.h"
#include "kontor/machine/links.h"

namespace kontor::machine {
namespace {

std::string image(const Registry& registry, const pb::Event& event) {
    const ObjectKind* kind = registry.object(event.object().kind());
    return kind == nullptr ? "{}" : kind->event_json.value(event.object());
}

}  // namespace

std::shared_ptr<const pb::Journal> find_journal(const store::Reader& rows, Scope scope,
                                                std::uint64_t command_no) {
    const auto bytes = rows.get(table::journals, object_key(scope, command_no).view());
    if (!bytes) return nullptr;
    return std::make_shared<const pb::Journal>(parse_row<pb::Journal>(*bytes, "journals"));
}

std::optional<FoundEvent> find_event(const store::Reader& rows, Scope scope, std::uint64_t event_no) {
    auto journal = find_journal(rows, scope, command_no(event_no));
    if (!journal) return std::nullopt;
    for (const pb::Event& event : journal->events()) {
        if (event.no() == event_no) return FoundEvent{journal, &event};
    }
    return std::nullopt;
}

Listed<FoundEvent> list_events(const store::Reader& rows, Scope scope, const ListQuery& query, Bound& bound) {
    const Source source = objects(table::journals, scope);
    // Bounds on events are bounds on journals, but that the bounding event's own journal is looked at too.
    ListQuery journals = query;
    journals.starting_after = journals.ending_before = 0;
    Range range = range_of(rows, source, journals, [](std::string_view value) {
        return parse_row<pb::Journal>(value, "journals").time_ms();
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
        const auto journal = std::make_shared<const pb::Journal>(parse_row<pb::Journal>(value, "journals"));
        if (!range.admits(journal->time_ms())) return true;
        const int size = journal->events_size();
        for (int i = 0; i < size && page.rows.size() <= limit; ++i) {
            const pb::Event& event = journal->events(range.ascending ? i : size - 1 - i);
            if (wanted(event)) page.rows.push_back(FoundEvent{journal, &event});
        }
        return page.rows.size() <= limit;
    });
    // Behind all events of the journal that was looked at last.
    if (bound.resume != 0 && range.ascending) bound.resume = last_of_command(bound.resume);
    page.has_more = bound.resume != 0;
    if (page.rows.size() > limit) {
        page.rows.resize(limit);
        page.has_more = true;
    }
    if (range.ascending) std::reverse(page.rows.begin(), page.rows.end());
    return page;
}

void visit_journals(const store::Reader& rows, Scope scope, std::uint64_t after_command_no, std::size_t limit,
                    const std::function<bool(const pb::Journal&)>& visit) {
    if (limit == 0) return;
    std::size_t visited = 0;
    rows.scan(table::journals, object_key(scope, after_command_no + 1).view(), scope_end(scope).view(),
              store::Direction::ascending, [&](std::string_view, std::string_view value) {
                  return visit(parse_row<pb::Journal>(value, "journals")) && ++visited < limit;
              });
}

std::vector<std::shared_ptr<const pb::Journal>> journals_about(const store::Reader& rows, Scope scope,
                                                               LinkKind kind, std::uint64_t no,
                                                               std::uint64_t after_no, std::size_t limit) {
    std::vector<std::shared_ptr<const pb::Journal>> found;
    for (const std::uint64_t journal_no : linked(rows, scope, no, kind, after_no, limit)) {
        if (auto journal = find_journal(rows, scope, journal_no)) found.push_back(std::move(journal));
    }
    return found;
}

std::string event_json(const Registry& registry, const pb::Journal& journal, const pb::Event& event) {
    std::string out;
    out.reserve(parts::kUsualObjectBytes + 512);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::event, event.no())).field("object", "event");
    json.field("api_version", kApiVersion).field_integer("created", parts::seconds(journal.time_ms()));
    json.key("data").begin_object().field_raw("object", image(registry, event));
    if (!event.previous_attributes_json().empty()) {
        json.field_raw("previous_attributes", event.previous_attributes_json());
    }
    json.end_object();
    json.field_boolean("livemode", journal.livemode());
    json.field_integer("pending_webhooks", event.pending_webhooks());
    json.key("request").begin_object();
    json.field_or_null("id", journal.request_id())
        .field_or_null("idempotency_key", journal.idempotency_key());
    json.end_object();
    json.field("type", event.type());
    json.end_object();
    return out;
}

}  // namespace kontor::machine
