// Which role may do what in the back office, written out; and that every other role is refused.
#include <set>

#include "catalogue.h"
#include "domains/operators/permissions.h"
#include "domains/roles.h"
#include "office.h"
#include "support/permission_matrix.h"

namespace kontor::admin {
namespace {

using surface::office::Place;
using surface::office::Route;
using testing::Answer;

struct Row {
    std::string_view request, permission, roles;
};

// Every route and every role. An API key opens no session: that both have a permission opens nothing.
constexpr Row kMatrix[] = {
    {"GET setup", "anybody", "owner secret_key"},
    {"POST setup/begin", "anybody", "owner secret_key"},
    {"POST setup/finish", "anybody", "owner secret_key"},
    {"POST login", "anybody", "owner secret_key"},
    {"POST logout", "session.own", "owner"},
    {"GET session", "session.own", "owner"},
    {"GET {mode}/home", "home.read", "owner"},
    {"GET {mode}/stream", "home.read", "owner"},
    {"GET {mode}/payments", "payments.read", "owner secret_key"},
    {"GET {mode}/payments/*", "payments.read", "owner secret_key"},
    {"GET {mode}/merchants", "merchants.read", "owner"},
    {"POST {mode}/merchants", "merchants.write", "owner"},
    {"GET {mode}/merchants/*", "merchants.read", "owner"},
    {"GET {mode}/merchants/*/keys", "keys.read", "owner"},
    {"POST {mode}/merchants/*/keys", "keys.write", "owner"},
    {"POST {mode}/keys/*/revoke", "keys.write", "owner"},
    {"GET {mode}/channels", "channels.read", "owner"},
    {"POST {mode}/channels", "channels.write", "owner"},
    {"POST {mode}/channels/*", "channels.write", "owner"},
    {"GET {mode}/channel_routes", "channels.read", "owner"},
    {"POST {mode}/channel_routes", "channels.write", "owner"},
    {"GET approvals", "approvals.read", "owner"},
    {"GET approvals/*", "approvals.read", "owner"},
    {"POST approvals/*/approve", "approvals.decide", "owner"},
    {"POST approvals/*/reject", "approvals.decide", "owner"},
    {"POST approvals/*/withdraw", "approvals.read", "owner"},
    {"GET approval_policy", "approvals.read", "owner"},
    {"POST approval_policy", "approvals.policy", "owner"},
};

TEST(Permissions, AreTheseForEachRouteAndRole) {
    std::set<std::string> wanted, found;
    for (const Row& row : kMatrix)
        wanted.insert(std::string(row.request) + ": " + std::string(row.permission) + ": " +
                      std::string(row.roles));
    for (const Route& route : catalogue().routes()) {
        ASSERT_NE(route.permission.value, nullptr) << route.pattern.value;
        found.insert(request_of(route) + ": " + std::string(route.permission.value->name) + ": " +
                     kontor_test::roles_that_may(*route.permission.value));
    }
    EXPECT_EQ(found, wanted);
}

TEST(Permissions, ARoleThatIsNotInTheTableMayNothing) {
    EXPECT_EQ(domains::role("viewer"), nullptr);
    EXPECT_EQ(domains::role(""), nullptr);
}

class Roles : public testing::Office {
 protected:
    Answer ask(const Route& route) {
        std::string path(route.pattern.value);
        if (const auto star = path.find('*'); star != std::string::npos) path.replace(star, 1, "x");
        const std::string target = "/admin/api/" + (route.place.value == Place::mode ? "test/" + path : path);
        return route.method.value == "GET" ? send("GET", target, {}, {{"Cookie", session_.cookie}})
                                           : send("POST", target, "{}", credentials());
    }
};

TEST_F(Roles, WhoDoesNotHaveTheRoutesPermissionIsRefused) {
    set_up("ada");
    const machine::Role& owner = *domains::role(operators::kOwner);
    const Route* logout = nullptr;
    for (const Route& route : catalogue().routes()) {
        if (route.permission.value == &machine::kAnybody) continue;
        SCOPED_TRACE(request_of(route));
        std::vector<const machine::Permission*> others;
        for (const machine::Permission* permission : owner.permissions.value)
            if (permission != route.permission.value) others.push_back(permission);
        const std::vector<const machine::Permission*> own = {route.permission.value};
        const machine::Role without{"without", std::span<const machine::Permission* const>(others)};
        const machine::Role with{"with", std::span<const machine::Permission* const>(own)};
        for (const machine::Role* role : {&without, static_cast<const machine::Role*>(nullptr)}) {
            role_ = [role](std::string_view) { return role; };
            const Answer refused = ask(route);
            EXPECT_EQ(refused.status, 403) << refused.text;
            EXPECT_EQ(refused.code(), "forbidden");
        }
        if (route.pattern.value == "logout") {
            logout = &route;  // its session ends with it
            continue;
        }
        role_ = [&with](std::string_view) { return &with; };
        EXPECT_NE(ask(route).status, 403);
    }
    role_ = domains::role;
    EXPECT_EQ(get("session").status, 200) << "no logout went through";
    ASSERT_NE(logout, nullptr);
    EXPECT_EQ(ask(*logout).status, 200);
}

TEST_F(Roles, AreAskedForByTheOperatorsOwn) {
    set_up("ada");
    std::string asked;
    role_ = [&asked](std::string_view name) {
        asked = name;
        return domains::role(name);
    };
    EXPECT_EQ(get("session").json.at("operator").at("role"), "owner");
    EXPECT_EQ(asked, operators::kOwner);
}

}  // namespace
}  // namespace kontor::admin
