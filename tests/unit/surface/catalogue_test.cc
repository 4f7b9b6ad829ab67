// Binding: a request finds its route, what two resources have twice is named, and a table whose columns
// contradict each other is none.
#include "kontor/surface/catalogue.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <type_traits>

#include "domains/all.h"

namespace kontor::surface {
namespace {

constexpr machine::Permission kMayLook("toys.read"), kMayChange("toys.write");

void nothing(const CallPtr& /*call*/) {}

constexpr Route kLook{"GET",         "/v1/toys/{id}", "retrieve_toy", &kMayLook, Work::read,
                      Shape::object, "toy",           kNone,          nothing,   "Retrieve a toy"};
constexpr Route kList{"GET",       "/v1/toys", "list_toys", &kMayLook, Work::read_many,
                      Shape::list, "toy",      kNone,       nothing,   "List toys"};
constexpr Route kMake{"POST",        "/v1/toys", "create_toy", &kMayChange, Work::write,
                      Shape::object, "toy",      kNone,        nothing,     "Create a toy"};
constexpr std::array kToys = {kLook, kList, kMake};
static_assert(routes_are_sound(kToys));

// `change` makes one column wrong.
template <typename Change>
constexpr bool is_sound(Route route, Change change) {
    change(route);
    const std::array routes = {kList, route};
    return routes_are_sound(routes);
}
static_assert(!std::is_constructible_v<kontor::RequiredPointer<Handler>, std::nullptr_t>);
static_assert(is_sound(kMake, [](Route&) {}));
static_assert(!is_sound(kMake, [](Route& r) { r.permission.value = &machine::kAnybody; }));
static_assert(!is_sound(kMake, [](Route& r) { r.method.value = "PATCH"; }));
static_assert(!is_sound(kMake, [](Route& r) { r.method.value = "GET"; }), "a GET changes nothing");
static_assert(!is_sound(kMake, [](Route& r) { r.work.value = Work::read; }), "a POST is no plain read");
static_assert(!is_sound(kMake, [](Route& r) { r.operation.value = "list_toys"; }));
static_assert(!is_sound(kMake, [](Route& r) { r.operation.value = ""; }));
static_assert(!is_sound(kMake, [](Route& r) { r.pattern.value = "/toys"; }));
static_assert(!is_sound(kMake, [](Route& r) { r.shape.value = Shape::own; }), "nobody describes its bodies");
static_assert(!is_sound(kLook, [](Route& r) { r.pattern.value = "/v1/toys"; }), "one request, two routes");
static_assert(!is_sound(kLook, [](Route& r) { r.shape.value = Shape::list; }), "a list is many rows");
static_assert(!is_sound(kLook, [](Route& r) { r.about.value = ""; }));

constexpr std::array kToyNames = {ObjectName{"toy", "toy"}};
constexpr fields::Shape kToy = {.name = "toy", .fields = {}};
constexpr std::array<const fields::Shape*, 1> kToyObjects = {&kToy};
constinit const Resource kToyShop = {.routes = kToys,
                                     .names = kToyNames,
                                     .objects = kToyObjects,
                                     .silent_events = kNone,
                                     .explain = nullptr,
                                     .schemas = nullptr};

// Another resource with the same request under another name of its parameter.
constexpr std::array kOthers = {Route{"GET", "/v1/toys/{name}", "find_toy", &kMayLook, Work::read,
                                      Shape::object, "toy", kNone, nothing, "Find a toy"}};
constinit const Resource kOtherShop = {.routes = kOthers,
                                       .names = kToyNames,
                                       .objects = kToyObjects,
                                       .silent_events = kNone,
                                       .explain = nullptr,
                                       .schemas = nullptr};

TEST(Catalogue, FindsTheRouteOfARequest) {
    constexpr std::array<const Resource*, 1> kAll = {&kToyShop};
    const Catalogue catalogue(domains::registry(), kAll);
    EXPECT_EQ(catalogue.problems(), "");
    const Match found = catalogue.match("GET", "/v1/toys/toy_1");
    ASSERT_NE(found.route, nullptr);
    EXPECT_EQ(found.route->operation.value, "retrieve_toy");
    EXPECT_EQ(found.path_params, std::vector<std::string_view>{"toy_1"});
    EXPECT_EQ(found.route->path_param(), "id");
    EXPECT_EQ(catalogue.route_of("GET", "/v1/toys/toy_1"), found.route);
    EXPECT_EQ(catalogue.index_of(found.route), 0U);
    EXPECT_EQ(catalogue.index_of(nullptr), 3U);
    EXPECT_EQ(catalogue.match("DELETE", "/v1/toys").route, nullptr);
    EXPECT_EQ(catalogue.route_of("DELETE", "/v1/toys"), nullptr);
    for (const std::string_view path : {"/v1/toys/", "/v1/toys/a/b", "/v1/toy", "v1/toys", "/", ""}) {
        EXPECT_EQ(catalogue.match("GET", path).route, nullptr) << path;
        EXPECT_EQ(catalogue.route_of("GET", path), nullptr) << path;
    }
    EXPECT_EQ(object_name(catalogue.names(), "toy"), "toy");
    EXPECT_EQ(object_name(catalogue.names(), "cus"), "object");
}

TEST(Catalogue, NamesWhatTwoResourcesHaveTwice) {
    constexpr std::array<const Resource*, 2> kAll = {&kToyShop, &kOtherShop};
    EXPECT_EQ(Catalogue(domains::registry(), kAll).problems(), "GET /v1/toys/{}\nprefix toy\nobject toy\n");
    constexpr std::array<const Resource*, 2> kTwice = {&kToyShop, &kToyShop};
    EXPECT_NE(Catalogue(domains::registry(), kTwice).problems().find("operation list_toys"),
              std::string::npos);
}

}  // namespace
}  // namespace kontor::surface
