#pragma once
// The command line of `kontor cluster`.

#include <CLI/CLI.hpp>

#include "commands.h"

namespace kontor::app {

CLI::App* add_cluster_command(CLI::App& app, ClusterArguments& arguments);

}  // namespace kontor::app
