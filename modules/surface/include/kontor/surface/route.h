#pragma once
// The records of the merchant API. A resource brings its routes, names and objects as tables of constants in
// domains/<x>/api.cc; a column that is left out does not compile.
//
// Threading: constants. Errors: routes_are_sound() is for a static_assert beside each table; what two
// resources have twice, a unit test finds (Catalogue).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/required.h"
#include "kontor/json/fields.h"
#include "kontor/json/writer.h"
#include "kontor/machine/permission.h"
#include "kontor/surface/call.h"
#include "kontor/surface/param.h"
#include "kontor/surface/table.h"

namespace kontor::surface {

// What a request does: whether another node may answer it, and whether it can hold up others.
enum class Work : std::uint8_t {
    read,       // some rows
    read_many,  // a list, a history: work that does not end with one row
    look_up,    // rows by the ids in a POST's body: as many as there are
    write       // a command
};

// What a route takes and gives.
enum class Shape : std::uint8_t {
    object,    // a parameter tree; an object
    list,      // the same, with the parameters of lists; a page of objects
    document,  // something about the API itself: the same for everybody, before the node is ready too
    own        // bodies that the handler parses and writes; only the query is a parameter tree
};

struct Route;

// How the description tells bodies that are others than the shape says.
struct OwnBodies {
    RequiredPointer<void (*)(JsonWriter&, const Route&)> request;   // the member requestBody, or nothing
    RequiredPointer<void (*)(JsonWriter&, const Route&)> response;  // the `content` of 200
};

// Of a GET: the object, or that it was deleted.
extern const OwnBodies kMayBeDeleted;

using Handler = void (*)(const CallPtr&);  // parameters are validated when it runs

struct Route {
    Required<std::string_view> method, pattern;  // "{id}" stands for one path segment
    Required<std::string_view> operation;        // OpenAPI's operationId, metrics' label
    RequiredPointer<const machine::Permission*> permission;
    Required<Work> work;
    Required<Shape> shape;
    Required<std::string_view> object;  // kind of what comes back, as in `object` of its JSON
    Table<Param> params;
    RequiredPointer<Handler> handler;
    Required<std::string_view> about;
    std::optional<const OwnBodies*> own = {};  // Shape::own has it

    // It changes nothing.
    [[nodiscard]] constexpr bool is_read() const { return work.value != Work::write; }
    // Work that does not end with one row.
    [[nodiscard]] bool is_expensive(const http::Request& request) const;
    // The name of the first segment that is a parameter; "" if there is none.
    [[nodiscard]] std::string_view path_param() const;
};

// How messages call the objects of an id's prefix: "No such customer".
struct ObjectName {
    Required<std::string_view> prefix, name;
};

// What one resource brings to the merchant API.
struct Resource {
    Table<Route> routes;
    Table<ObjectName> names;
    Table<const fields::Shape*> objects;  // its schemas in the description, by name
    // Events of its objects that exist elsewhere and are not written here: endpoints may ask for them.
    Table<std::string_view> silent_events;
    // What the error of a command says besides its outcome's row. Null: nothing.
    Required<void (*)(const pb::Result&, ApiError&)> explain;
    // More members of the description's components/schemas, without a comma at either end. Null: none.
    Required<std::string (*)()> schemas;
};

// Every column is filled in, columns agree with each other, and no request has two routes.
[[nodiscard]] constexpr bool routes_are_sound(std::span<const Route> routes) {
    for (std::size_t i = 0; i < routes.size(); ++i) {
        const Route& route = routes[i];
        const bool is_get = route.method.value == "GET";
        if (!is_get && route.method.value != "POST" && route.method.value != "DELETE") return false;
        if (!route.pattern.value.starts_with("/v1/") || route.operation.value.empty()) return false;
        if (route.object.value.empty() || route.about.value.empty()) return false;
        if (route.permission.value->name.empty()) return false;
        const bool is_open = route.permission.value->name == machine::kAnybody.name;
        if (is_open != (route.shape.value == Shape::document)) return false;
        if (is_get != (route.work.value == Work::read || route.work.value == Work::read_many)) return false;
        if (route.shape.value == Shape::list && route.work.value != Work::read_many) return false;
        if (route.shape.value == Shape::own && !route.own) return false;
        for (std::size_t j = 0; j < i; ++j) {
            if (routes[j].operation.value == route.operation.value) return false;
            if (routes[j].method.value == route.method.value &&
                routes[j].pattern.value == route.pattern.value)
                return false;
        }
    }
    return true;
}

}  // namespace kontor::surface
