#pragma once
// Nodes of two versions in one cluster (docs/adr/0007, "Features"): which rules this binary has, which ones
// are in use, and which commands need which.
//
//   feature_level()             what this binary can do
//   active_feature_level(rows)  what the cluster uses: the lowest that all members have, by ActivateFeatures
//   level_needed(command)       a leader proposes no command above the active level: an older node would stop
//
// A rule of a command that exists already and shall change asks active_feature_level() in apply(), so that
// all nodes change at the same entry. A change raises kNewestFeatureLevel in features.cc and, when it brings
// a command, adds a row to the table there.
//
// Threading: any thread. Deterministic: rows and binary alone decide.

#include <cstdint>

#include "kontor/store/row_store.h"

namespace kontor::pb {
class Command;
}  // namespace kontor::pb

namespace kontor::payments {

inline constexpr std::uint32_t kFirstFeatureLevel = 1;  // that of the first release, in use everywhere
// Rules that came later:
inline constexpr std::uint32_t kCapsAttempts = 2;  // declined attempts of a payment intent are counted

[[nodiscard]] std::uint32_t feature_level();
[[nodiscard]] std::uint32_t level_needed(const pb::Command& command);
// A single node uses all that it has.
[[nodiscard]] std::uint32_t active_feature_level(const store::Reader& rows);

}  // namespace kontor::payments
