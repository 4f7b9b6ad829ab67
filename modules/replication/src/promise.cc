#include "kontor/replication/promise.h"

#include <algorithm>

namespace kontor::replication {

std::string forgotten(const Promise& before, const Promise& now) {
    const auto less = [](const char* what, std::uint64_t was, std::uint64_t is) {
        return std::string(what) + " " + std::to_string(was) + " then, " + std::to_string(is) + " now";
    };
    if (now.generation < before.generation) return less("start", before.generation, now.generation);
    if (now.term < before.term) return less("term", before.term, now.term);
    if (now.sequence < before.sequence) return less("votes and terms written", before.sequence, now.sequence);
    if (now.epoch < before.epoch) return less("epoch of the log", before.epoch, now.epoch);
    if (now.epoch == before.epoch && now.index < before.index)
        return less("last entry", before.index, now.index);
    return {};
}

Promise most_of(const Promise& one, const Promise& other) {
    return {std::max(one.generation, other.generation), std::max(one.sequence, other.sequence),
            std::max(one.term, other.term), std::max(one.epoch, other.epoch),
            std::max(one.index, other.index)};
}

}  // namespace kontor::replication
