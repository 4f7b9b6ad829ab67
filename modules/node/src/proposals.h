#pragma once
// What is waiting: commands for a batch, batches for the log, requests for a channel. Only bookkeeping, no
// threads.
//
// Fair between merchants, each of whom has a queue of his own. Into a batch: in turns, kTurnBytes each
// (deficit round robin: Shreedhar and Varghese 1995). Into the queue: nobody may hold more than what is still
// free (dynamic thresholds: Choudhury and Hahne 1998). One merchant alone gets half of the room, two a third
// each, and a new merchant always finds some. The instance's own commands (merchant 0) may have all of it.
//
// Threading: every function locks; `done` callbacks are returned to the caller, never called under the lock.
// Limits: bytes and commands of the queue.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "kontor/log.pb.h"
#include "kontor/machine/machine.h"
#include "kontor/machine/service.h"
#include "kontor/replication/replica.h"

namespace kontor::node {

struct Proposal {
    std::string command;  // serialized by its submitter, so that the one proposer thread only copies
    machine::Service::Done done;
    std::size_t bytes = 0;
    std::uint64_t weight = 1;       // how much work it is (machine::command_weight)
    std::uint64_t merchant_no = 0;  // whose turn it takes
};

// One batch on its way through the log.
struct Flight {
    std::uint64_t id = 0;
    std::optional<replication::Position> position;  // known once the log accepted it
    std::vector<machine::Service::Done> done;
    bool in_log = true;  // not yet durable and committed
};

inline constexpr std::size_t kTurnBytes = 16U << 10U;
inline constexpr std::size_t kFlightsAtOnce = 1;  // in the log: two of them carry half as much each
inline constexpr std::size_t kGatheredBytes = 64U << 10U;

struct Waiter {
    machine::Service::Done done;
    pb::Result interim;
    std::uint64_t log_index = 0;
    std::uint64_t deadline_ms = 0;
};

class Proposals {
 public:
    Proposals(std::uint64_t max_bytes, std::uint64_t max_commands)
        : max_bytes_(max_bytes), max_commands_(max_commands) {}

    enum class Refusal : std::uint8_t { none, closed, full };
    // Takes the proposal unless it is refused.
    [[nodiscard]] Refusal add(Proposal& proposal);
    struct Most {
        std::size_t bytes = 0;
        std::uint64_t weight = 0;
        std::size_t commands = 0;
    };
    // The next batch, with at most so much in it, and as many commands as an entry has numbers for
    // (kMaxCommandsPerBatch); at least one command. Empty: nothing is waiting.
    [[nodiscard]] std::vector<Proposal> take(const Most& most);
    // Group commit: while kFlightsAtOnce batches are under way the next one gathers, unless much waits
    // already. Small batches would cost the same thread hand-overs, and carry less.
    [[nodiscard]] bool worth_proposing() const;
    [[nodiscard]] std::vector<Proposal> close();     // refuses from now on; what was waiting
    [[nodiscard]] std::vector<Proposal> take_all();  // what was waiting; nothing of it was proposed

    std::uint64_t launch(std::vector<Proposal>& batch);  // the flight's id
    void accepted(std::uint64_t flight_id, replication::Position position);
    [[nodiscard]] std::optional<Flight> abandon(std::uint64_t flight_id);
    // The flight at `position` begins to be applied: the next one may use the log.
    void leaves_log(replication::Position position);
    // The flight that lands at `position`; those that can no longer land (same or lower index, other term) go
    // to `lost`.
    [[nodiscard]] std::optional<Flight> land(replication::Position position, std::vector<Flight>& lost);
    [[nodiscard]] std::vector<Flight> abandon_all();
    // Those that the log accepted in an earlier term.
    [[nodiscard]] std::vector<Flight> abandon_before(std::uint64_t term);
    [[nodiscard]] bool idle() const;  // nothing waits, nothing flies

    void wait_for_channel(std::uint64_t attempt_no, Waiter waiter);
    [[nodiscard]] std::vector<Waiter> resolve(std::uint64_t attempt_no);
    [[nodiscard]] std::vector<Waiter> expired(std::uint64_t now_ms);
    [[nodiscard]] std::vector<Waiter> abandon_waiters();

    [[nodiscard]] std::pair<std::uint64_t, std::uint64_t> queued() const;  // bytes, commands

 private:
    struct Lane {
        std::deque<Proposal> queue;
        std::uint64_t bytes = 0;
        std::size_t credit = 0;  // what is left of its turn
    };
    [[nodiscard]] std::size_t flights_in_log() const;
    [[nodiscard]] std::vector<Proposal> empty_lanes();

    const std::uint64_t max_bytes_, max_commands_;
    mutable std::mutex mutex_;
    // Guarded by mutex_.
    bool closed_ = false;
    std::map<std::uint64_t, Lane> lanes_;  // by merchant; only those where something waits
    std::deque<std::uint64_t> turns_;      // the merchants of lanes_; the front one's turn it is
    std::uint64_t queue_bytes_ = 0, queue_commands_ = 0;
    std::deque<Flight> flights_;
    std::uint64_t next_flight_ = 1;
    std::multimap<std::uint64_t, Waiter> waiters_;
};

}  // namespace kontor::node
