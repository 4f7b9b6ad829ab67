#pragma once
// The process log: one line an event, key=value, to stderr. Never called from deterministic modules.
// Callers never pass secrets (crypto::Secret has no formatter) or request bodies.
//
// Threading: safe everywhere. Limits: a line is cut at 4 KiB.

#include <string>
#include <string_view>

namespace kontor::log {

enum class Level : unsigned char { debug, info, warning, error };

void set_level(Level level);
[[nodiscard]] bool enabled(Level level);
// `component` is the module's name. Control characters in `message` are replaced, so that nobody forges
// lines.
void write(Level level, std::string_view component, std::string_view message);

inline void debug(std::string_view component, std::string_view message) {
    if (enabled(Level::debug)) write(Level::debug, component, message);
}
inline void info(std::string_view component, std::string_view message) {
    write(Level::info, component, message);
}
inline void warning(std::string_view component, std::string_view message) {
    write(Level::warning, component, message);
}
inline void error(std::string_view component, std::string_view message) {
    write(Level::error, component, message);
}

}  // namespace kontor::log
