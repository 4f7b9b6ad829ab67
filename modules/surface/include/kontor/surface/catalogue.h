#pragma once
// The bound API: all routes in one table, and which of them a request is.
//
// Threading: constant after construction; any thread. Ownership: what it is made of lives as long as the
// process. Errors: problems() names what two resources have twice; a unit test sees that it is empty.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/machine/domain.h"
#include "kontor/surface/route.h"

namespace kontor::surface {

struct Match {
    const Route* route = nullptr;
    std::vector<std::string_view> path_params;
};

// The parameters that a route has besides its own: expand; for lists limit, starting_after, ending_before.
[[nodiscard]] std::span<const Param> common_params(Shape shape);

class Catalogue {
 public:
    Catalogue(const machine::Registry& registry, std::span<const Resource* const> resources);
    Catalogue(const Catalogue&) = delete;
    Catalogue& operator=(const Catalogue&) = delete;

    [[nodiscard]] std::span<const Route> routes() const { return routes_; }
    // Of one of routes(): a number below their count, which is that of no route.
    [[nodiscard]] std::size_t index_of(const Route* route) const;
    [[nodiscard]] Match match(std::string_view method, std::string_view path) const;
    // The same route without the rest, for every request in a cluster. Null: there is none.
    [[nodiscard]] const Route* route_of(std::string_view method, std::string_view path) const;

    [[nodiscard]] const machine::Registry& registry() const { return registry_; }
    [[nodiscard]] std::span<const Resource* const> resources() const { return resources_; }
    [[nodiscard]] std::span<const ObjectName> names() const { return names_; }
    // A misspelt event of ours never comes, so it is no type. Events of resources that this platform does not
    // have are types (Resource::silent_events says why).
    [[nodiscard]] bool is_event_type(std::string_view type) const;
    // "charge.*": all types that begin like that.
    [[nodiscard]] static bool is_event_group(std::string_view group);
    // Adds what the resources have to say about a command's error.
    void explain(const pb::Result& result, ApiError& error) const;

    // "" or the routes, operations, names or objects that are there twice.
    [[nodiscard]] std::string problems() const;

 private:
    const machine::Registry& registry_;
    const std::vector<const Resource*> resources_;
    std::vector<Route> routes_;
    std::vector<ObjectName> names_;
};

// "customer" for "cus": how a prefix is called in messages; "object" when nobody names it.
[[nodiscard]] std::string_view object_name(std::span<const ObjectName> names, std::string_view id_prefix);

}  // namespace kontor::surface
