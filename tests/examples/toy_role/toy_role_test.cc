// The role in the matrix: what it may, and that it may nothing else.
#include "examples/toy_role/role.h"

#include <set>

#include "domains/all.h"
#include "domains/routes.h"
#include "support/permission_matrix.h"
#include "unit/admin/office.h"

namespace kontor::toy_role {
namespace {

using surface::office::Place;
using surface::office::Route;

const surface::office::Catalogue kOffice(domains::admin());

bool may(const machine::Permission& permission) {
    return domains::role(kRole)->may(permission);
}

TEST(ToyRole, MayTheseInTheMatrix) {
    std::set<std::string> office, api;
    for (const Route& route : kOffice.routes())
        if (may(*route.permission.value)) office.insert(request_of(route));
    for (const surface::Resource* resource : domains::api())
        for (const surface::Route& route : resource->routes)
            if (may(*route.permission.value)) api.insert(std::string(route.operation.value));
    EXPECT_EQ(office, (std::set<std::string>{"GET {mode}/payments", "GET {mode}/payments/*"}));
    EXPECT_EQ(api, (std::set<std::string>{"list_charges", "list_payment_intents", "retrieve_charge",
                                          "retrieve_payment_intent"}))
        << "an operator has no API key: nothing is opened by that";
}

TEST(ToyRole, MayNoCommand) {
    for (const machine::Domain* domain : domains::registry().domains())
        for (const machine::Command& command : domain->commands)
            EXPECT_FALSE(may(*command.permission.value)) << command.name.value;
}

TEST(ToyRole, StandsBesideTheOthers) {
    EXPECT_EQ(kontor_test::roles_that_may(payments::permission::read), "owner secret_key toy_role");
    EXPECT_EQ(kontor_test::roles_that_may(operators::permission::session), "owner toy_role");
    EXPECT_EQ(kontor_test::roles_that_may(payments::permission::write), "secret_key");
}

class ToyRoleOffice : public admin::testing::Office {};

TEST_F(ToyRoleOffice, IsRefusedWhatItMayNot) {
    set_up("ada");
    role_ = [](std::string_view /*name*/) { return domains::role(kRole); };
    EXPECT_EQ(get("session").status, 200);
    std::size_t refused = 0, taken = 0;
    for (const Route& route : kOffice.routes()) {
        std::string path(route.pattern.value);
        if (const auto star = path.find('*'); star != std::string::npos) path.replace(star, 1, "x");
        if (route.place.value == Place::mode) path = "test/" + path;
        const auto answer =
            route.method.value == "GET" ? get(path) : post(path, admin::testing::Json::object());
        EXPECT_EQ(answer.status == 403, !may(*route.permission.value)) << request_of(route) << answer.text;
        ++(answer.status == 403 ? refused : taken);
    }
    EXPECT_EQ(taken, 2U);
    EXPECT_GT(refused, 8U);
}

}  // namespace
}  // namespace kontor::toy_role
