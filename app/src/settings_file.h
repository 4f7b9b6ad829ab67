#pragma once
// The TOML file among the sources of settings, and what it shares with the others. TOML stays in its .cc.
//
// Threading: pure functions. Errors: every problem at once, with its line; a file that is no TOML has one.
// Limits: a file of kMaxSmallFileBytes.

#include "settings.h"

namespace kontor::app {

void load_settings_file(const std::string& file, Settings& settings, std::vector<Problem>& problems,
                        LoadNotes& notes);

[[nodiscard]] const Setting* find_setting(std::string_view key);
[[nodiscard]] std::string unknown_setting(std::string_view key);  // with the one that was meant, perhaps
[[nodiscard]] std::string wrong_kind(const Setting& setting);
// "" when the value was taken, else what is wrong with it.
[[nodiscard]] std::string assign(const Setting& setting, Settings& settings, std::int64_t value);
[[nodiscard]] std::string assign(const Setting& setting, Settings& settings, bool value);
[[nodiscard]] std::string assign(const Setting& setting, Settings& settings, const std::string& value);

}  // namespace kontor::app
