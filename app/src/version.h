#pragma once
// The one place that knows the version at run time; CMake's project() is its source.

namespace kontor::app {
extern const char* const kVersion;
}  // namespace kontor::app
