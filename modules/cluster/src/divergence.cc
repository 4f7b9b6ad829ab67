#include "divergence.h"

#include <algorithm>
#include <map>

namespace kontor::cluster {

Verdict judge(const Votes& votes, bool is_last) {
    std::map<std::string, std::size_t> groups;
    ++groups[votes.mine];
    const bool we_lead = votes.mine == votes.leaders;
    if (!we_lead) ++groups[votes.leaders];
    for (const std::string& hash : votes.others) ++groups[hash];
    const std::size_t ours = groups[votes.mine];
    std::size_t largest = 0;
    for (const auto& [hash, size] : groups)
        if (hash != votes.mine) largest = std::max(largest, size);
    if (largest > ours + votes.unknown) return Verdict::we_are_wrong;
    if (ours > largest + votes.unknown) return Verdict::they_are_wrong;
    if (votes.unknown != 0 && !is_last) return Verdict::not_known_yet;
    if (largest != ours) return largest > ours ? Verdict::we_are_wrong : Verdict::they_are_wrong;
    return we_lead ? Verdict::they_are_wrong : Verdict::we_are_wrong;
}

Difference first_difference(const Difference& known, const AskHash& mine_from, const AskHash& theirs) {
    Difference found = known;
    const auto oldest = mine_from(0);
    if (!oldest) return found;
    // Hashes are chained, so all after the first difference differ. What the other side does not know any
    // more is older than what it knows.
    std::uint64_t low = oldest->index, end = known.mine.index;
    for (int asked = 0; low < end && asked < kMaxAsked;) {
        const std::uint64_t middle = low + (end - low) / 2;
        const auto mine = mine_from(middle);
        if (!mine || mine->index >= end) {
            end = middle;
            continue;
        }
        ++asked;
        const auto there = theirs(mine->index);
        if (there && there->hash != mine->hash) {
            found = {*mine, *there};
            end = middle;
        } else {
            low = mine->index + 1;
        }
    }
    return found;
}

}  // namespace kontor::cluster
