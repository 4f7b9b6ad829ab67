#pragma once
// Two nodes whose states differ: who of them is right, since when they differ, and in which rows
// (docs/formats/state.md). What needs no links, as functions of what others answer.
//
// Threading: any. Errors: an answer that does not come is unknown. Limits: kMaxAsked questions for a search.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kontor/store/entry_hash.h"

namespace kontor::cluster {

inline constexpr int kMaxAsked = 40;  // a ring of 4,096 entries takes twelve

enum class Verdict : std::uint8_t { we_are_wrong, they_are_wrong, not_known_yet };

struct Votes {
    std::string mine;                 // state hash of this node
    std::string leaders;              // and of the leader; the same on the leader itself
    std::vector<std::string> others;  // of all others that are neither, as far as they are known
    std::size_t unknown = 0;          // of those that are connected and may yet say it
};
// The most nodes with one state are right; of two groups of one size the leader's. `is_last`: decide by what
// is known.
[[nodiscard]] Verdict judge(const Votes& votes, bool is_last);

// nullopt: not known there (any more).
using AskHash = std::function<std::optional<store::EntryHash>(std::uint64_t index)>;

struct Difference {
    store::EntryHash mine, theirs;
};
// The oldest entry, known on both sides, after which the states differ; they do after that of `known`.
// `mine_from`: this node's oldest entry of at least that index.
[[nodiscard]] Difference first_difference(const Difference& known, const AskHash& mine_from,
                                          const AskHash& theirs);

}  // namespace kontor::cluster
