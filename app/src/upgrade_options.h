#pragma once
// The options of `kontor upgrade`.

#include <CLI/CLI.hpp>

#include "commands.h"

namespace kontor::app {
[[nodiscard]] CLI::App* add_upgrade_command(CLI::App& app, UpgradeArguments& arguments);
}  // namespace kontor::app
