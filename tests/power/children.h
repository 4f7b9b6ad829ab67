#pragma once
// Runs of seeds, each in a process of its own, since it may die of what it finds; as many at once as there
// are cores.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "support/environment.h"

namespace kontor::power {

using kontor_test::from_environment;
// From `first` on; KONTOR_SEED names one alone.
[[nodiscard]] std::vector<std::uint64_t> seeds(std::uint64_t first, std::uint64_t count);
// A folder's name for a seed; of the calling process.
[[nodiscard]] std::string place_of(std::uint64_t seed);

// `run` answers the problem that it found, or "". The seeds that found one, or died. `quiet`: says nothing,
// stops at the first, and keeps no folder.
[[nodiscard]] std::vector<std::uint64_t> run_children(
    std::vector<std::uint64_t> seeds, const std::function<std::string(std::uint64_t seed)>& run, bool quiet);

}  // namespace kontor::power
