// Equal states (docs/adr/0007): the leader's newest hash goes round, and a node that finds a difference finds
// out with the others who is wrong. That one names the rows, and stops.

#include <algorithm>

#include "cluster_impl.h"
#include "divergence.h"
#include "domains/all.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kHashWaitMs = 900;  // for an entry that is not applied yet; then the next one
constexpr std::uint64_t kVoteMs = 1'500;    // an answer may wait for the entry
constexpr std::uint64_t kVotesAgainMs = 200;
constexpr std::uint64_t kVotesForMs = 5'000;   // others may be behind
constexpr std::uint64_t kNamingForMs = 3'000;  // meanwhile this node goes on
constexpr std::size_t kNamedBuckets = 4;       // whose rows are asked for

std::string index_as_bytes(std::uint64_t index) {
    std::string bytes;
    put_be64(bytes, index);
    return bytes;
}

}  // namespace

void ClusterImpl::tell_hash() {
    const auto hash = node()->entry_hash(0);
    if (!hash) return;
    std::string message = store::encode_entry_hash(*hash);
    message.push_back(kHashMessage);
    for (const auto& [no, address] : told_peers_) net_->send(no, message);
}

// Network thread. What this node has not applied yet, or has forgotten, it cannot compare: the next one comes
// in a second.
void ClusterImpl::compare_hash(std::uint64_t from, const std::string& theirs_bytes) {
    const auto theirs = store::decode_entry_hash(theirs_bytes);
    if (!theirs) return;
    node()->wait_applied(theirs->index, kHashWaitMs, [this, from, theirs = *theirs](bool is_applied) {
        if (!is_applied) return;
        const auto mine = node()->entry_hash(theirs.index);
        if (!mine || mine->hash == theirs.hash || is_judging_.exchange(true)) return;
        const bool posted = tasks_.post([this, from, difference = Difference{*mine, theirs}] {
            settle_difference(from, difference);
            is_judging_.store(false);
        });
        if (!posted) is_judging_.store(false);
    });
}

// On tasks_. `from` is the leader, or, on the leader, a node that the others are with.
void ClusterImpl::settle_difference(std::uint64_t from, const Difference& difference) {
    const std::uint64_t deadline = options_.clock->monotonic_ms() + kVotesForMs;
    Verdict verdict = Verdict::not_known_yet;
    while (verdict == Verdict::not_known_yet) {
        const Votes votes = votes_about(from, difference);
        verdict = judge(votes, options_.clock->monotonic_ms() >= deadline);
        std::unique_lock lock(reconciler_mutex_);
        if (verdict == Verdict::not_known_yet)
            reconciler_changed_.wait_for(lock, std::chrono::milliseconds(kVotesAgainMs),
                                         [this] { return stopping_; });
        if (stopping_) return;
    }
    const std::string node_name = "node " + std::to_string(from);
    if (verdict == Verdict::they_are_wrong) {
        log::error("cluster", "event=state_differs node=" + std::to_string(from) +
                                  " entry=" + std::to_string(difference.mine.index) + " it_is_wrong=yes");
        if (!node()->leads())
            (void)call_and_wait(from, call_kind::compare, store::encode_entry_hash(difference.mine), kVoteMs);
        return;
    }
    const std::string where = name_rows(from, difference);
    // A start by hand or by systemd must not give wrong answers for a second.
    if (auto marked = change_identity([&](Identity& identity) { identity.differs = where; }); !marked)
        log::error("cluster", "the folder is not marked: " + marked.error().describe());
    if (options_.on_fatal)
        options_.on_fatal(Error{ErrorCode::corruption,
                                std::string("this node's state differs from the ") +
                                    (node()->leads() ? "others', though it led: " : "leader's: ") + where});
}

Votes ClusterImpl::votes_about(std::uint64_t from, const Difference& difference) {
    Votes votes;
    votes.mine = difference.mine.hash;
    const bool we_lead = node()->leads();
    votes.leaders = we_lead ? votes.mine : difference.theirs.hash;
    if (we_lead) votes.others.push_back(difference.theirs.hash);
    const std::uint64_t self = identity().node_no;
    for (const replication::Member& member : node()->cluster_view().members) {
        if (member.id == self || member.id == from) continue;
        {
            const std::lock_guard lock(mutex_);
            const auto known = known_.find(member.id);
            if (known == known_.end() || !known->second.is_up) continue;
        }
        if (const auto hash = ask_hash(member.id, difference.mine.index, kVoteMs))
            votes.others.push_back(hash->hash);
        else
            ++votes.unknown;
    }
    return votes;
}

std::optional<store::EntryHash> ClusterImpl::ask_hash(std::uint64_t node_no, std::uint64_t index,
                                                      std::uint64_t timeout_ms) {
    const auto answer = call_and_wait(node_no, call_kind::entry_hash, index_as_bytes(index), timeout_ms);
    if (!answer || answer->empty()) return std::nullopt;
    auto hash = store::decode_entry_hash(*answer);
    if (!hash || hash->index != index) return std::nullopt;
    return *std::move(hash);
}

std::string ClusterImpl::name_rows(std::uint64_t from, const Difference& known) {
    const std::uint64_t deadline = options_.clock->monotonic_ms() + kNamingForMs;
    const auto left_ms = [&]() -> std::uint64_t {
        const std::uint64_t now = options_.clock->monotonic_ms();
        return now < deadline ? deadline - now : 0;
    };
    const Difference first = first_difference(
        known, [this](std::uint64_t index) { return node()->entry_hash_from(index); },
        [&](std::uint64_t index) -> std::optional<store::EntryHash> {
            if (left_ms() == 0) return std::nullopt;
            return ask_hash(from, index, left_ms());
        });
    std::size_t asked = 0;
    const auto keys = [&](store::TableId table, std::uint8_t partition) -> std::optional<store::KeyRange> {
        if (++asked > kNamedBuckets || left_ms() == 0) return std::nullopt;
        std::string question = index_as_bytes(first.mine.index);
        question.push_back(static_cast<char>(table));
        question.push_back(static_cast<char>(partition));
        const auto theirs = call_and_wait(from, call_kind::entry_rows, question, left_ms());
        if (!theirs) return std::nullopt;
        auto range = store::differing_keys(node()->entry_rows(first.mine.index, table, partition), *theirs);
        if (!range) return std::nullopt;
        return *std::move(range);
    };
    const auto tables = domains::registry().tables();
    return store::name_difference(first.mine, first.theirs,
                                  std::vector<store::TableSpec>(tables.begin(), tables.end()), keys);
}

// --- what others ask: network thread

void ClusterImpl::tell_entry_hash(const std::string& body, const peer::CallResponder& respond) {
    if (body.size() != 8) return respond(fail(ErrorCode::invalid_argument, "entry hash: no index"));
    const std::uint64_t index = get_be64(body);
    node()->wait_applied(index, kHashWaitMs, [this, index, respond](bool) {
        const auto hash = node()->entry_hash(index);
        respond(hash ? store::encode_entry_hash(*hash) : std::string());
    });
}

void ClusterImpl::tell_entry_rows(const std::string& body, const peer::CallResponder& respond) {
    if (body.size() != 10) return respond(fail(ErrorCode::invalid_argument, "entry rows: no bucket"));
    const auto table = static_cast<store::TableId>(body[8]);
    const auto partition = static_cast<unsigned char>(body[9]);
    respond(node()->entry_rows(get_be64(body), table, partition));
}

}  // namespace kontor::cluster
