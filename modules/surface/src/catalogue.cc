#include "kontor/surface/catalogue.h"

#include <algorithm>
#include <set>

#include "kontor/machine/limits.h"
#include "kontor/surface/param_parts.h"

namespace kontor::surface {

namespace {

constexpr Param kExpand = {.name = "expand",
                           .kind = Kind::text_list,
                           .about = "References to answer as whole objects.",
                           .max = 200,
                           .high = static_cast<std::int64_t>(machine::limits::kExpandPaths)};
constexpr std::array kObjectParams = {kExpand};
constexpr std::array kListParams = {
    text("ending_before", 64, "The page before this object's id."),
    kExpand,
    Param{.name = "limit",
          .kind = Kind::integer,
          .about = "Objects a page; default 10.",
          .low = 1,
          .high = static_cast<std::int64_t>(machine::limits::kListLimitMax)},
    text("starting_after", 64, "The page after this object's id."),
};

bool is_param(std::string_view segment) {
    return segment.starts_with('{');
}

// The next segment of `path` without its slash; `path` moves on.
std::string_view next_segment(std::string_view& path) {
    path.remove_prefix(1);
    const auto slash = path.find('/');
    const std::string_view segment = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view() : path.substr(slash);
    return segment;
}

bool matches(std::string_view pattern, std::string_view path, std::vector<std::string_view>& params) {
    params.clear();
    while (!pattern.empty() && !path.empty()) {
        const std::string_view want = next_segment(pattern);
        const std::string_view have = next_segment(path);
        if (is_param(want)) {
            if (have.empty()) return false;
            params.push_back(have);
        } else if (want != have) {
            return false;
        }
    }
    return pattern.empty() && path.empty();
}

bool is_dotted_name(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.' ||
        text.find("..") != std::string_view::npos) {
        return false;
    }
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

// 32 hexadecimal digits, quotes and a comma: some 100 ids.
constexpr std::size_t kCheapLookupBytes = 4'096;

}  // namespace

bool Route::is_expensive(const http::Request& request) const {
    if (work.value == Work::read_many) return true;
    return work.value == Work::look_up && request.body.size() > kCheapLookupBytes;
}

std::string_view Route::path_param() const {
    const auto open = pattern.value.find('{');
    if (open == std::string_view::npos) return {};
    return pattern.value.substr(open + 1, pattern.value.find('}') - open - 1);
}

std::span<const Param> common_params(Shape shape) {
    if (shape == Shape::list) return kListParams;
    if (shape == Shape::object) return kObjectParams;
    return {};
}

Catalogue::Catalogue(const machine::Registry& registry, std::span<const Resource* const> resources)
    : registry_(registry), resources_(resources.begin(), resources.end()) {
    for (const Resource* resource : resources_) {
        routes_.insert(routes_.end(), resource->routes.begin(), resource->routes.end());
        names_.insert(names_.end(), resource->names.begin(), resource->names.end());
    }
}

std::size_t Catalogue::index_of(const Route* route) const {
    return route == nullptr ? routes_.size() : static_cast<std::size_t>(route - routes_.data());
}

Match Catalogue::match(std::string_view method, std::string_view path) const {
    Match found;
    if (!path.starts_with('/')) return found;
    std::vector<std::string_view> params;
    for (const Route& route : routes_) {
        if (route.method.value != method || !matches(route.pattern, path, params)) continue;
        found.route = &route;
        found.path_params = std::move(params);
        break;
    }
    return found;
}

const Route* Catalogue::route_of(std::string_view method, std::string_view path) const {
    if (!path.starts_with('/')) return nullptr;
    std::vector<std::string_view> params;
    for (const Route& route : routes_) {
        // Most differ before their first parameter, which costs no more than a comparison.
        const std::string_view fixed = route.pattern.value.substr(0, route.pattern.value.find('{'));
        if (route.method.value == method && path.starts_with(fixed) && matches(route.pattern, path, params))
            return &route;
    }
    return nullptr;
}

void Catalogue::explain(const pb::Result& result, ApiError& error) const {
    for (const Resource* resource : resources_)
        if (resource->explain.value != nullptr) resource->explain.value(result, error);
}

bool Catalogue::is_event_type(std::string_view type) const {
    const std::string_view resource = type.substr(0, type.find('.'));
    bool is_ours = false;
    for (const machine::Domain* domain : registry_.domains()) {
        for (const std::string_view known : domain->events) {
            if (known == type) return true;
            is_ours = is_ours || known.substr(0, known.find('.')) == resource;
        }
    }
    for (const Resource* brought : resources_) {
        for (const std::string_view known : brought->silent_events)
            if (known == type) return true;
    }
    if (!is_dotted_name(type) || type.find('.') == std::string_view::npos) return false;
    const bool of_a_part = std::count(type.begin(), type.end(), '.') > 1;  // charge.dispute.created
    return of_a_part || !is_ours;
}

bool Catalogue::is_event_group(std::string_view group) {
    return group.ends_with(".*") && is_dotted_name(group.substr(0, group.size() - 2));
}

std::string Catalogue::problems() const {
    std::set<std::string> known;
    std::string twice;
    const auto add = [&](std::string_view kind, std::string_view name) {
        const std::string what = std::string(kind) + ' ' + std::string(name);
        if (!known.insert(what).second) twice += what + '\n';
    };
    for (const Route& route : routes_) {
        add("operation", route.operation);
        // A parameter matches every segment, so its name tells nothing apart.
        std::string shape;
        for (std::string_view rest = route.pattern; !rest.empty();) {
            const std::string_view segment = next_segment(rest);
            shape += is_param(segment) ? "/{}" : "/" + std::string(segment);
        }
        add(route.method, shape);
    }
    for (const ObjectName& name : names_) add("prefix", name.prefix);
    for (const Resource* resource : resources_)
        for (const fields::Shape* object : resource->objects) add("object", object->name);
    return twice;
}

std::string_view object_name(std::span<const ObjectName> names, std::string_view id_prefix) {
    for (const ObjectName& name : names) {
        if (name.prefix.value == id_prefix) return name.name;
    }
    return "object";
}

}  // namespace kontor::surface
