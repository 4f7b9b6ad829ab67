// The shipped lists with the examples at their ends hold what the shipped ones hold.
#include <gtest/gtest.h>

#include <fstream>

#include "connectors/all.h"
#include "domains/all.h"
#include "domains/roles.h"
#include "domains/routes.h"
#include "kontor/surface/catalogue.h"
#include "reports/all.h"

namespace kontor {
namespace {

// The lines of a list that name a folder: of the binary's, and of the examples'.
std::size_t named_in(const std::string& list) {
    std::size_t count = 0;
    const std::string name = list.substr(list.rfind('/') + 1);
    for (const std::string& file : {"modules/" + list, "tests/examples/" + name}) {
        std::ifstream in(std::string(KONTOR_SOURCE_DIR) + "/" + file);
        EXPECT_TRUE(in) << file;
        for (std::string line; std::getline(in, line);)
            count += !line.empty() && line[0] >= 'a' && line[0] <= 'z' ? 1U : 0U;
    }
    return count;
}

// The program has what is in its own lists, and not what is in the libraries'.
TEST(Lists, HaveALineForEach) {
    EXPECT_EQ(domains::registry().domains().size(), named_in("domains/DOMAINS") + 1) << "the frame has none";
    EXPECT_EQ(domains::roles().size(), named_in("domains/roles/ROLES"));
    EXPECT_EQ(connectors::all().size(), named_in("connectors/CONNECTORS"));
    EXPECT_EQ(reports::all().size(), named_in("reports/REPORTS"));
}

TEST(Lists, NothingIsThereTwice) {
    EXPECT_EQ(surface::Catalogue(domains::registry(), domains::api()).problems(), "");
    EXPECT_EQ(surface::office::Catalogue(domains::admin()).problems(), "");
}

}  // namespace
}  // namespace kontor
