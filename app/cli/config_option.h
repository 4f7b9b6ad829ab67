#pragma once
// What all options --config have in common.

#include <CLI/CLI.hpp>
#include <string>

namespace kontor::app {

// A variable of a script that is not set makes an empty name: that is no wish for the defaults.
[[nodiscard]] inline CLI::Validator named_file() {
    return CLI::Validator(
        [](const std::string& name) {
            return name.empty() ? std::string("is empty: name a file, or leave the option out")
                                : std::string();
        },
        "");
}

}  // namespace kontor::app
