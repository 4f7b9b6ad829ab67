// The back office's binding: a request finds its route, and what is there twice is named.
#include <gtest/gtest.h>

#include <cstddef>
#include <type_traits>

#include "kontor/surface/office_route.h"

namespace kontor::surface::office {
namespace {

constexpr machine::Permission kMayLook("toys.read");
void nothing(const CallPtr& /*call*/) {}

constexpr Route kList{"GET", Place::mode, "toys", &kMayLook, Runs::here, nothing, kNone};
constexpr Route kMake{"POST", Place::mode, "toys", &kMayLook, Runs::here, nothing, kNone};
constexpr Route kLook{"GET", Place::mode, "toys/*", &kMayLook, Runs::here, nothing, kNone};
constexpr Route kParts{"GET", Place::mode, "toys/*/parts", &kMayLook, Runs::report_thread, nothing, kNone};
constexpr std::array kToys = {kList, kMake, kLook, kParts};
static_assert(routes_are_sound(kToys));

template <typename Change>
constexpr bool is_sound(Change change) {
    Route route = kMake;
    change(route);
    const std::array routes = {kList, route};
    return routes_are_sound(routes);
}
static_assert(!std::is_constructible_v<kontor::RequiredPointer<Handler>, std::nullptr_t>);
static_assert(is_sound([](Route&) {}));
static_assert(!is_sound([](Route& r) { r.method.value = "DELETE"; }));
static_assert(!is_sound([](Route& r) { r.method.value = "GET"; }), "one request, two routes");
static_assert(!is_sound([](Route& r) { r.pattern.value = "/toys"; }));
static_assert(!is_sound([](Route& r) { r.pattern.value = ""; }));

constinit const Resource kShop = {.routes = kToys};

TEST(OfficeCatalogue, FindsTheRouteOfARequest) {
    constexpr std::array<const Resource*, 1> kAll = {&kShop};
    const Catalogue catalogue(kAll);
    EXPECT_EQ(catalogue.problems(), "");
    const auto pattern = [&](std::string_view method, std::string_view path) {
        const Match found = catalogue.match(method, Place::mode, path);
        return found.route == nullptr ? "- " + found.allow
                                      : std::string(found.route->pattern.value) + " " + found.rest;
    };
    EXPECT_EQ(pattern("GET", "toys"), "toys ");
    EXPECT_EQ(pattern("GET", "toys/toy_1"), "toys/* toy_1");
    EXPECT_EQ(pattern("GET", "toys/toy_1/parts"), "toys/*/parts toy_1");
    EXPECT_EQ(pattern("PUT", "toys"), "- GET, HEAD, POST");
    for (const std::string_view path : {"toys/", "toys/a/b", "toys//parts", "toy", ""})
        EXPECT_EQ(pattern("GET", path), "- ") << path;
    EXPECT_EQ(catalogue.match("GET", Place::instance, "toys").route, nullptr);
}

TEST(OfficeCatalogue, NamesWhatTwoResourcesHaveTwice) {
    constexpr std::array<const Resource*, 2> kTwice = {&kShop, &kShop};
    EXPECT_EQ(Catalogue(kTwice).problems(),
              "GET {mode}/toys\nPOST {mode}/toys\nGET {mode}/toys/*\nGET {mode}/toys/*/parts\n");
}

}  // namespace
}  // namespace kontor::surface::office
