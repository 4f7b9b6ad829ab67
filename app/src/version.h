#pragma once
// The one place that knows the version at run time; CMake's project() is its source.

namespace kontor::app {
inline constexpr const char* kVersion = KONTOR_VERSION;
}  // namespace kontor::app
