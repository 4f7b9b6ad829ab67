#pragma once
// Many requests before the load run: accounts, customers, payments. Some connections at once, every answer
// looked at.
//
// Threading: blocks the caller. Errors: the first answer that `take` refuses; unavailable when a connection
// breaks or `progress` wants to end it; timeout when the server does not get on for kSetupPatienceMs. A 429
// or 503 is sent again: requests must bear that.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bench_scenario.h"

namespace kontor::app {

inline constexpr std::size_t kSetupConnections = 16;
inline constexpr std::uint64_t kSetupPatienceMs = 30'000;

struct SetupWork {
    std::string what;  // "accounts", for the progress line
    std::uint64_t requests = 0;
    std::uint64_t items = 0, items_each = 1;  // for the progress line
    std::size_t connections = kSetupConnections;
    std::function<void(std::uint64_t request, std::string& out)> write;
    std::function<Result<void>(std::uint64_t request, std::string_view body)> take;  // of a 200
};
[[nodiscard]] Result<void> run_setup(const BenchTarget& target, const SetupWork& work,
                                     const SetupProgress& progress);

}  // namespace kontor::app
