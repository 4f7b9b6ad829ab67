#pragma once
// Nodes of two versions in one cluster (docs/adr/0007, "Features"): which rules this binary has, which ones
// are in use, and which commands need which.
//
//   feature_level()             what this binary can do
//   members::active_feature_level(rows)  what the cluster uses: the lowest that all members have, by
//   ActivateFeatures level_needed(command)       a leader proposes no command above the active level: an
//   older node would stop
//
// A rule of a command that exists already and shall change asks members::active_feature_level() in apply(),
// so that all nodes change at the same entry. A change raises kNewestFeatureLevel in features.cc; a command
// that it brings says so in its record (`since`).
//
// Threading: any thread. Deterministic: rows and binary alone decide.

#include <cstdint>

#include "kontor/store/row_store.h"

namespace kontor::pb {
class Command;
}  // namespace kontor::pb

namespace kontor::machine {

class Registry;

inline constexpr std::uint32_t kFirstFeatureLevel = 1;  // that of the first release, in use everywhere

[[nodiscard]] std::uint32_t feature_level();
[[nodiscard]] std::uint32_t level_needed(const Registry& registry, const pb::Command& command);

}  // namespace kontor::machine
