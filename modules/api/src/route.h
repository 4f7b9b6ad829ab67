#pragma once
// The route table: every request this API answers, with what it accepts and what it gives.

#include <span>
#include <string_view>

#include "call.h"
#include "spec.h"

namespace kontor::api {

// What a route takes and gives. `ledger…`: bodies of rows, which the handler parses itself (ledger_wire.h);
// only the query is a parameter tree: one row, new rows, many rows, rows by their ids.
enum class Shape : std::uint8_t {
    object,
    list,
    document,
    ledger,
    ledger_create,
    ledger_list,
    ledger_look_up
};

[[nodiscard]] constexpr bool is_ledger(Shape shape) {
    return shape >= Shape::ledger;
}

struct Route {
    std::string_view method, pattern;  // "{id}" stands for one path segment
    std::string_view operation;        // OpenAPI's operationId, metrics' label
    std::string_view object;           // kind of what comes back, as in `object` of its JSON
    Shape shape = Shape::object;
    void (*handler)(const CallPtr&) = nullptr;
    std::span<const Param> params = {};
    std::string_view about = {};

    // It changes nothing; a look-up has its ids in a POST's body.
    [[nodiscard]] bool is_read() const { return method == "GET" || shape == Shape::ledger_look_up; }
    // A list, a history, a look-up of many ids: work that does not end with one row.
    [[nodiscard]] bool is_expensive(const net::Request& request) const;
};

[[nodiscard]] std::span<const Route> routes();

// The parameters that a route has besides its own: expand; for lists limit, starting_after, ending_before.
[[nodiscard]] std::span<const Param> common_params(Shape shape);

struct Match {
    const Route* route = nullptr;
    std::vector<std::string_view> path_params;
    std::string allow;  // no route, but the path is known with these methods
};
[[nodiscard]] Match match(std::string_view method, std::string_view path);
// The same route without the rest, for every request in a cluster. Null: there is none.
[[nodiscard]] const Route* route_of(std::string_view method, std::string_view path);

}  // namespace kontor::api
