#include "freshness.h"

#include <algorithm>
#include <functional>
#include <vector>

namespace kontor::replication {

bool Freshness::look(std::uint64_t now_ms) {
    const bool stood_still = now_ms_ != 0 && now_ms > now_ms_ + stall_ms_;
    now_ms_ = std::max(now_ms_, now_ms);
    if (!stood_still) return false;
    wants_entry_ = true;
    stalled_ms_ = now_ms_;
    waiting_.reset();
    newest_.reset();
    return true;
}

void Freshness::has_entry(std::uint64_t index) {
    wants_entry_ = false;
    entry_index_ = index;
}

void Freshness::heard(std::uint64_t leader_commit) {
    if (stalled_ms_ || leader_commit < least_commit_) return;
    take({now_ms_, leader_commit});
}

void Freshness::confirmed(std::uint64_t asked_ms, std::uint64_t leader_commit) {
    if (!stalled_ms_ || asked_ms < *stalled_ms_) return;
    stalled_ms_.reset();
    least_commit_ = leader_commit;
    take({asked_ms, leader_commit});
}

void Freshness::take(Heard heard) {
    if (!waiting_) waiting_ = heard;
    newest_ = heard;
}

void Freshness::lead(const Configuration& configuration, std::uint64_t self, bool is_of_term,
                     const std::function<std::uint64_t(std::uint64_t)>& match) {
    waiting_.reset();
    newest_.reset();
    if (configuration.sole_voter(self)) {
        known_at_ms_ = kNeverMs;
        return;
    }
    if (known_at_ms_ == kNeverMs) known_at_ms_ = 0;
    if (wants_entry_ || !is_of_term) return;
    std::vector<std::uint64_t> answers;
    std::size_t voters = 0;
    for (const Server& server : configuration.servers) {
        if (server.role != ServerRole::voter) continue;
        ++voters;
        if (server.id == self) continue;
        const auto answer = answered_ms_.find(server.id);
        const bool counts = answer != answered_ms_.end() && match(server.id) >= entry_index_;
        answers.push_back(counts ? answer->second : 0);
    }
    // Its own voice counts, if it has one.
    const std::size_t needed = voters / 2 + 1 - (voters - answers.size());
    if (needed == 0 || needed > answers.size()) return;
    std::sort(answers.begin(), answers.end(), std::greater<>());
    if (answers[needed - 1] < known_at_ms_) return;
    known_at_ms_ = answers[needed - 1];
    is_by_own_lead_ = known_at_ms_ != 0;
}

void Freshness::follow(std::uint64_t applied_index, bool is_of_term) {
    if (known_at_ms_ == kNeverMs) known_at_ms_ = 0;
    if (!is_of_term) return;
    if (newest_ && newest_->commit <= applied_index) {
        known_at_ms_ = std::max(known_at_ms_, newest_->at_ms);
        is_by_own_lead_ = false;
        waiting_.reset();
        newest_.reset();
    } else if (waiting_ && waiting_->commit <= applied_index) {
        known_at_ms_ = std::max(known_at_ms_, waiting_->at_ms);
        is_by_own_lead_ = false;
        waiting_ = newest_;
    }
}

}  // namespace kontor::replication
