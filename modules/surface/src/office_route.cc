#include "kontor/surface/office_route.h"

#include <set>

namespace kontor::surface::office {

namespace {

// True when `path` matches; `rest` is what stands for the '*'.
bool matches(std::string_view pattern, std::string_view path, std::string& rest) {
    const std::size_t star = pattern.find('*');
    if (star == std::string_view::npos) return pattern == path;
    const std::string_view before = pattern.substr(0, star), after = pattern.substr(star + 1);
    if (path.size() <= before.size() + after.size() || !path.starts_with(before) || !path.ends_with(after))
        return false;
    const std::string_view middle = path.substr(before.size(), path.size() - before.size() - after.size());
    if (middle.find('/') != std::string_view::npos) return false;
    rest = std::string(middle);
    return true;
}

}  // namespace

std::string request_of(const Route& route) {
    return std::string(route.method.value) + (route.place.value == Place::mode ? " {mode}/" : " ") +
           std::string(route.pattern.value);
}

Catalogue::Catalogue(std::span<const Resource* const> resources) {
    for (const Resource* resource : resources)
        routes_.insert(routes_.end(), resource->routes.begin(), resource->routes.end());
}

Match Catalogue::match(std::string_view method, Place place, std::string_view path) const {
    Match found;
    for (const Route& route : routes_) {
        if (route.place.value != place || !matches(route.pattern, path, found.rest)) continue;
        found.allow += (found.allow.empty() ? "" : ", ") +
                       std::string(route.method.value == "GET" ? "GET, HEAD" : route.method.value);
        if (route.method.value == method) found.route = &route;
    }
    return found;
}

std::string Catalogue::problems() const {
    std::set<std::string> known;
    std::string twice;
    for (const Route& route : routes_) {
        const std::string what = request_of(route);
        if (!known.insert(what).second) twice += what + '\n';
    }
    return twice;
}

}  // namespace kontor::surface::office
