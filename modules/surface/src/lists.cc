#include "kontor/surface/lists.h"

#include <algorithm>
#include <array>
#include <limits>

#include "kontor/carriers.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/events.h"
#include "kontor/machine/fields.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/page.h"
#include "kontor/machine/rows.h"
#include "kontor/surface/command_parts.h"

namespace kontor::surface {

namespace {

// `created` as half-open bounds in milliseconds: objects show whole seconds, so whole seconds are compared.
void read_created(const Node& params, ListRequest& list) {
    const Node* created = params.find("created");
    if (created == nullptr) return;
    std::int64_t from = 0;
    std::int64_t to = std::numeric_limits<std::int64_t>::max();
    const auto at_least = [&](std::int64_t second) { from = std::max(from, second * 1000); };
    const auto before = [&](std::int64_t second) { to = std::min(to, second * 1000); };
    if (!created->is_container()) {
        if (const auto second = parse_integer(created->text)) {
            at_least(*second);
            before(*second + 1);
        }
    }
    if (const auto second = created->integer_of("gte")) at_least(*second);
    if (const auto second = created->integer_of("gt")) at_least(*second + 1);
    if (const auto second = created->integer_of("lte")) before(*second + 1);
    if (const auto second = created->integer_of("lt")) before(*second);
    list.empty = list.empty || from >= to;
    list.query.created_gte_ms = from;
    list.query.created_lt_ms = to == std::numeric_limits<std::int64_t>::max() ? 0 : to;
}

// Of events, whose types are more than a parameter can list. "charge.*" stands for every type that begins
// like that.
std::optional<ApiError> read_event_types(const Catalogue& catalogue, const Node& params, ListRequest& list) {
    list.query.types = params.list_of("types");
    for (std::size_t i = 0; i < list.query.types.size(); ++i) {
        const std::string& type = list.query.types[i];
        if (!catalogue.is_event_type(type)) return no_event_type("types[" + std::to_string(i) + "]", type);
    }
    const auto type = params.text_of("type");
    if (!type) return std::nullopt;
    if (!list.query.types.empty()) return exclusive_parameters("type", "types");
    if (!Catalogue::is_event_group(*type)) {
        if (!catalogue.is_event_type(*type)) return no_event_type("type", *type);
        list.query.type = *type;
        return std::nullopt;
    }
    const std::string_view group = std::string_view(*type).substr(0, type->size() - 1);
    for (const machine::Domain* domain : catalogue.registry().domains()) {
        for (const std::string_view known : domain->events) {
            if (known.starts_with(group)) list.query.types.emplace_back(known);
        }
    }
    if (list.query.types.empty()) return no_event_type("type", *type);
    return std::nullopt;
}

std::optional<ApiError> read_object(const Call& call, const store::Reader& rows, std::string_view param,
                                    std::string_view id_prefix, std::uint64_t& no) {
    const auto id = call.params.text_of(param);
    if (!id) return std::nullopt;
    no = parse_id(id_prefix, *id).value_or(0);
    if (no != 0 && exists(call, rows, id_prefix, no)) return std::nullopt;
    return no_such(object_name(call.host->catalogue->names(), id_prefix), *id, std::string(param), false);
}

// An object of any kind, by its id alone; validation saw that its prefix is one of the parameter's.
std::optional<ApiError> read_source(const Call& call, const store::Reader& rows, std::string& source_id) {
    const auto id = call.params.text_of("source");
    if (!id) return std::nullopt;
    std::uint64_t no = 0;
    if (auto error = read_object(call, rows, "source", id->substr(0, id->find('_')), no)) return error;
    source_id = *id;
    return std::nullopt;
}

struct Page {
    std::string_view url;
    const std::vector<std::string>& data;
    bool has_more = false;
};
const std::vector<std::string>& data_of(const Page& page) {
    return page.data;
}

using fields::Absent;
using Row = fields::Field<Page>;
constexpr std::array kList = {
    Row{"object", fields::constant("list"), Absent::never},
    Row{"data", fields::objects<&data_of>(), Absent::never},
    Row{"has_more", fields::boolean<&Page::has_more>(), Absent::never},
    Row{"url", fields::text<&Page::url>(), Absent::never},
};

}  // namespace

bool exists(const Call& call, const store::Reader& rows, std::string_view id_prefix, std::uint64_t no) {
    const machine::Scope scope = call.caller.scope;
    if (id_prefix == machine::prefix::event) return machine::find_event(rows, scope, no).has_value();
    const machine::ObjectKind* kind = call.host->catalogue->registry().object_by_prefix(id_prefix);
    pb::Object found;
    return kind != nullptr && kind->find.value != nullptr && kind->find.value(rows, scope, no, found);
}

std::optional<ApiError> read_list_request(const Call& call, const store::Reader& rows,
                                          std::string_view id_prefix, ListRequest& list) {
    machine::ListQuery& query = list.query;
    const Node& params = call.params;
    query.limit = static_cast<std::size_t>(
        params.integer_of("limit").value_or(static_cast<std::int64_t>(machine::limits::kListLimitDefault)));
    if (params.find("starting_after") != nullptr && params.find("ending_before") != nullptr) {
        return exclusive_parameters("starting_after", "ending_before");
    }
    if (auto error = read_object(call, rows, "starting_after", id_prefix, query.starting_after)) return error;
    if (auto error = read_object(call, rows, "ending_before", id_prefix, query.ending_before)) return error;
    for (const Param& param : call.route->params) {
        if (param.filter == nullptr) continue;
        if (auto error = read_object(call, rows, param.name, param.prefix, query.*param.filter)) return error;
    }
    read_created(params, list);
    query.email = params.text_of("email").value_or("");
    if (id_prefix == machine::prefix::event) {
        if (auto error = read_event_types(*call.host->catalogue, params, list)) return error;
    } else {
        query.type = params.text_of("type").value_or("");
    }
    if (auto error = read_source(call, rows, query.source_id)) return error;
    query.currency = currency_of(params);
    return std::nullopt;
}

constinit const fields::Shape kListShape = fields::shape<kList>("list");

std::string list_json(std::string_view url, const std::vector<std::string>& data, bool has_more) {
    std::size_t size = 128;
    for (const std::string& object : data) size += object.size() + 1;
    return machine::render_object<kList>(Page{url, data, has_more}, size);
}

ApiError scan_exhausted() {
    return invalid("This filter matched nothing in the newest " +
                   std::to_string(machine::limits::kListScanMax) +
                   " objects it looked at, and there are more. Narrow the list with 'created'.");
}

}  // namespace kontor::surface
