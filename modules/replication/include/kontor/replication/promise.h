#pragma once
// What a node has promised the others: how often it started, in which term it is and how often it has written
// term and vote, and up to which entry its log is durable. None of it is ever taken back by a healthy node,
// so one that has less of it than somebody remembers stands on an older copy of its folder: it forgot votes
// and entries that were counted, and must not vote or acknowledge again (docs/adr/0011).
//
// Threading: value types. Errors: none.

#include <cstdint>
#include <string>

namespace kontor::replication {

struct Promise {
    std::uint64_t generation = 0;  // starts of this node; 0: it does not count them
    std::uint64_t sequence = 0;    // writes of term and vote
    std::uint64_t term = 0;
    std::uint64_t epoch = 0;  // grows before entries are taken back: a truncation, another node's state
    std::uint64_t index = 0;  // durable entries in this epoch
    friend bool operator==(const Promise&, const Promise&) = default;
};

// What a node that says `now` lacks of what it once said, for people; "": nothing.
[[nodiscard]] std::string forgotten(const Promise& before, const Promise& now);
// Field by field: nothing of either is forgotten by it.
[[nodiscard]] Promise most_of(const Promise& one, const Promise& other);

}  // namespace kontor::replication
