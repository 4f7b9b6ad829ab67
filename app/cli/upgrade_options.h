#pragma once
// The options of `kontor upgrade` and `kontor selftest`.

#include <CLI/CLI.hpp>

#include "commands.h"

namespace kontor::app {
[[nodiscard]] CLI::App* add_upgrade_command(CLI::App& app, UpgradeArguments& arguments);
[[nodiscard]] CLI::App* add_selftest_command(CLI::App& app, SelftestArguments& arguments);
}  // namespace kontor::app
