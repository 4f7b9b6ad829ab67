#pragma once
// The time of a log line: UTC with milliseconds, right for every time that the system's clock can have.
// Threading: any. Errors, Limits: none.

#include <ctime>
#include <string>

namespace kontor::log {

[[nodiscard]] std::string stamp_of(const timespec& time);

}  // namespace kontor::log
