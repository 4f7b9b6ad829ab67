// The shipped lists with the examples at their ends hold what the shipped ones hold.
#include <gtest/gtest.h>

#include "connectors/all.h"
#include "domains/all.h"
#include "domains/roles.h"
#include "domains/routes.h"
#include "kontor/surface/catalogue.h"
#include "reports/all.h"

namespace kontor {
namespace {

TEST(Lists, NothingIsThereTwice) {
    EXPECT_EQ(surface::Catalogue(domains::registry(), domains::api()).problems(), "");
    EXPECT_EQ(surface::office::Catalogue(domains::admin()).problems(), "");
}

// The program has what is in its own lists, and not what is in the libraries'.
TEST(Lists, HaveOneMoreThanShips) {
    EXPECT_EQ(connectors::all().size(), 2U);
    EXPECT_EQ(domains::roles().size(), 3U);
    EXPECT_EQ(reports::all().size(), 3U);
    EXPECT_EQ(connectors::all().front()->name.value, "sandbox") << "what ships stands before";
    const auto own = [](const machine::Domain* domain) { return domain->tables; };
    for (const machine::Domain* domain : domains::registry().domains())
        for (const store::TableSpec& table : own(domain)) {
            const auto& all = domains::registry().tables();
            EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](const store::TableSpec& known) {
                return known.id == table.id;
            })) << table.name;
        }
}

}  // namespace
}  // namespace kontor
