#include "byte_budget.h"

#include "kontor/base/assert.h"

namespace kontor::http {
namespace {

template <typename Map, typename Key>
std::size_t held_by(const Map& sums, const Key& key) {
    const auto found = sums.find(key);
    return found == sums.end() ? 0 : found->second;
}

template <typename Map, typename Key>
void lower(Map& sums, const Key& key, std::size_t bytes) {
    const auto found = sums.find(key);
    KONTOR_ASSERT(found != sums.end() && found->second >= bytes, "what is given back was taken");
    found->second -= bytes;
    if (found->second == 0) sums.erase(found);
}

}  // namespace

ByteBudget::Verdict ByteBudget::take(const ByteClaim& claim) {
    const std::lock_guard lock(mutex_);
    const std::size_t half = total_ / 2;
    const auto fits = [&claim](std::size_t held, std::size_t most) {
        return claim.bytes <= most && held <= most - claim.bytes;
    };
    if (claim.account != 0 && !fits(held_by(accounts_, claim.account), half)) return Verdict::over_share;
    if (!claim.share.empty() && !fits(held_by(shares_, claim.share), half)) return Verdict::over_share;
    if (claim.account == 0 && !fits(held_by_strangers_, strangers_)) return Verdict::full;
    if (!fits(held_, total_)) return Verdict::full;
    held_ += claim.bytes;
    if (claim.bytes == 0) return Verdict::taken;
    if (claim.account == 0) held_by_strangers_ += claim.bytes;
    if (claim.account != 0) accounts_[claim.account] += claim.bytes;
    if (!claim.share.empty()) shares_[claim.share] += claim.bytes;
    return Verdict::taken;
}

void ByteBudget::give_back(ByteClaim& claim) {
    if (claim.bytes == 0) return;
    const std::lock_guard lock(mutex_);
    held_ -= claim.bytes;
    if (claim.account == 0) held_by_strangers_ -= claim.bytes;
    if (claim.account != 0) lower(accounts_, claim.account, claim.bytes);
    if (!claim.share.empty()) lower(shares_, claim.share, claim.bytes);
    claim = {};
}

std::size_t ByteBudget::held() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

}  // namespace kontor::http
