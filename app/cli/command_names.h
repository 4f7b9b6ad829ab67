#pragma once
// What to say about a command that there is not.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace kontor::app {

// "" when the words name commands that exist, or the options of one begin.
[[nodiscard]] std::string unknown_command(const CLI::App& app, const std::vector<std::string>& words);

}  // namespace kontor::app
