#pragma once
// The records of the back office: a resource brings its routes as a table of constants in
// domains/<x>/admin.cc; a column that is left out does not compile. docs/admin-api.md says the shapes.
//
// Threading: constants. Errors: office::routes_are_sound() is for a static_assert beside each table; what two
// resources have twice, a unit test finds (Catalogue::problems).

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/machine/permission.h"
#include "kontor/surface/office_call.h"
#include "kontor/surface/table.h"

namespace kontor::surface::office {

enum class Place : std::uint8_t { instance, mode };  // mode: below test/ or live/
// What reads much or asks SQLite leaves the network thread.
enum class Runs : std::uint8_t { here, report_thread };

using surface::kNone;

using Handler = void (*)(const CallPtr&);

struct Route {
    Required<std::string_view> method;
    Required<Place> place;
    Required<std::string_view> pattern;  // below /admin/api/ or /admin/api/{test|live}/; one '*' is a segment
    RequiredPointer<const machine::Permission*> permission;
    Required<Runs> runs;
    RequiredPointer<Handler> handle;
    // What the body of a POST may hold, besides `reason`; anything else is refused, so that a misspelt
    // "merchant" is not the platform.
    Table<std::string_view> members;
};

// "GET {mode}/payments/*": which one it is, for people.
[[nodiscard]] std::string request_of(const Route& route);

// What one resource brings to the back office.
struct Resource {
    Table<Route> routes;
};

[[nodiscard]] constexpr bool routes_are_sound(std::span<const Route> routes) {
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const Route& route = routes[i];
        if (route.method.value != "GET" && route.method.value != "POST") return false;
        if (route.pattern.value.empty() || route.pattern.value.starts_with('/')) return false;
        if (route.permission.value->name.empty()) return false;
        if (route.method.value == "GET" && !route.members.empty()) return false;
        for (std::size_t j = 0; j < i; ++j) {
            if (routes[j].method.value == route.method.value && routes[j].place.value == route.place.value &&
                routes[j].pattern.value == route.pattern.value)
                return false;
        }
    }
    return true;
}

struct Match {
    const Route* route = nullptr;
    std::string rest;   // what stood for the '*'
    std::string allow;  // the methods that the path is known with
};

// The bound back office. Constant after construction; any thread.
class Catalogue {
 public:
    explicit Catalogue(std::span<const Resource* const> resources);

    [[nodiscard]] std::span<const Route> routes() const { return routes_; }
    [[nodiscard]] Match match(std::string_view method, Place place, std::string_view path) const;
    // "" or the routes that are there twice.
    [[nodiscard]] std::string problems() const;

 private:
    std::vector<Route> routes_;
};

}  // namespace kontor::surface::office
