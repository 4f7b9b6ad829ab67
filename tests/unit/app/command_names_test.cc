#include "command_names.h"

#include <gtest/gtest.h>

namespace kontor::app {
namespace {

TEST(CommandNames, AWordThatIsNoCommandIsNamedWithTheOneThatIsMeant) {
    CLI::App app;
    app.add_subcommand("serve");
    app.add_subcommand("dev");
    auto* cluster = app.add_subcommand("cluster");
    cluster->add_subcommand("status");
    EXPECT_EQ(unknown_command(app, {"servee"}), "unknown command 'servee'; did you mean 'serve'?");
    EXPECT_EQ(unknown_command(app, {"clustr", "status"}),
              "unknown command 'clustr'; did you mean 'cluster'?");
    EXPECT_EQ(unknown_command(app, {"cluster", "statsu"}),
              "unknown command 'statsu'; did you mean 'status'?");
    EXPECT_EQ(unknown_command(app, {"start"}), "unknown command 'start'; there are: serve, dev, cluster");
    EXPECT_EQ(unknown_command(app, {"x"}), "unknown command 'x'; there are: serve, dev, cluster");
    for (const std::vector<std::string>& good :
         {std::vector<std::string>{}, {"--help"}, {"serve", "more"}, {"cluster"}, {"cluster", "status", "x"}})
        EXPECT_EQ(unknown_command(app, good), "") << good.size();
}

}  // namespace
}  // namespace kontor::app
