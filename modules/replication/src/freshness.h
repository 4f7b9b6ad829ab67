#pragma once
// As of when this node knows everything that the cluster acknowledged (docs/cluster.md, "What clients see").
// Neither a role nor a frame says that: a machine that stood still wakes up with both, and another node may
// have led meanwhile. So a leader counts the answers of a majority, a follower what its leader had committed
// when it spoke; and after a stop only what was certainly said after it.
//
//   each lap of the loop: look(now) -> answered() / heard() for its frames -> follow() or lead()
//
// Frames of a lap count as of its look(): when the node stops in the middle of it, the next look() sees the
// gap. Threading: one thread. Limits: kMaxServers peers. Times are of the clock that goes on while a machine
// sleeps.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>

#include "configuration.h"
#include "kontor/replication/replica.h"

namespace kontor::replication {

class Freshness {
 public:
    // Laps further apart than `stall_ms`: this node stood still.
    explicit Freshness(std::uint64_t stall_ms) : stall_ms_(stall_ms) {}

    // True: it stood still just now.
    bool look(std::uint64_t now_ms);
    // This leader was given an entry to commit since it stood still: who has it has spoken since then.
    [[nodiscard]] bool wants_entry() const { return wants_entry_; }
    void has_entry(std::uint64_t index);
    void answered(std::uint64_t peer) { answered_ms_[peer] = now_ms_; }
    // The leader of the newest term, with what it had committed.
    void heard(std::uint64_t leader_commit);
    // It answered a question that was asked then.
    void confirmed(std::uint64_t asked_ms, std::uint64_t leader_commit);

    // What is known now; `match`: up to where a peer has the log. `is_of_term`: the newest entry that was
    // applied is of the newest term. Until then a leader may not know itself yet what was committed before
    // it.
    void lead(const Configuration& configuration, std::uint64_t self, bool is_of_term,
              const std::function<std::uint64_t(std::uint64_t)>& match);
    void follow(std::uint64_t applied_index, bool is_of_term);

    // 0: never; kNeverMs: nobody else could lead, so always.
    [[nodiscard]] std::uint64_t known_at_ms() const { return known_at_ms_; }
    // Known by its own leadership, and not yet by the word of another leader.
    [[nodiscard]] bool is_by_own_lead() const { return is_by_own_lead_; }
    [[nodiscard]] std::uint64_t now_ms() const { return now_ms_; }

 private:
    struct Heard {
        std::uint64_t at_ms = 0, commit = 0;
    };
    void take(Heard heard);

    const std::uint64_t stall_ms_;
    std::uint64_t now_ms_ = 0, known_at_ms_ = 0;
    bool is_by_own_lead_ = false;
    bool wants_entry_ = false;
    std::uint64_t entry_index_ = 0;                       // leader: see has_entry()
    std::map<std::uint64_t, std::uint64_t> answered_ms_;  // members only: what else speaks is not counted
    std::optional<std::uint64_t> stalled_ms_;             // follower: since then nothing is confirmed
    std::uint64_t least_commit_ = 0;                      // of what is heard after a confirmation
    std::optional<Heard> waiting_, newest_;               // heard, and not all of it applied
};

}  // namespace kontor::replication
