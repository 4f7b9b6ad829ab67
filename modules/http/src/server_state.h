#pragma once
// What the workers of one server share. Constant after start(), but for the atomics.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "address_shares.h"
#include "byte_budget.h"
#include "kontor/http/server.h"
#include "kontor/transport/byte_stream.h"
#include "kontor/transport/handshake_budget.h"

namespace kontor::http {

class Worker;

inline constexpr std::size_t kMaxStreamQueueBytes = 1U << 20U;
inline constexpr std::uint64_t kLingerMs = 2'000;     // for the peer to read a last answer and say goodbye
inline constexpr std::uint64_t kDrainLingerMs = 250;  // the same while stopping
inline constexpr std::size_t kMaxLingerBytes = 16U << 20U;  // read and dropped meanwhile
inline constexpr std::size_t kScratchBytes = 64U << 10U;

struct ServerState {
    ServerOptions options;
    std::atomic<bool> telling_to_close{false};  // each answer is the last one of its connection
    std::atomic<bool> draining{false};
    std::atomic<std::size_t> open_connections{0};
    AddressShares shares;                                    // connections of each address, over all workers
    std::unique_ptr<transport::HandshakeBudget> handshakes;  // set before the workers start
    std::unique_ptr<ByteBudget> requests, answers;           // the same
    std::vector<Worker*> workers;                            // all of them, to ask for room
    // stop() waits here for open_connections == 0.
    std::mutex mutex;
    std::condition_variable changed;

    // At most one line a second, so that nobody fills the disk with log lines.
    void log_limited(std::uint64_t now_ms, std::string_view message);

 private:
    std::atomic<std::uint64_t> next_log_ms_{0};
};

// One per worker, on a cache line of its own.
struct alignas(64) WorkerStats {
    std::atomic<std::uint64_t> connections{0}, requests{0}, tls_failures{0}, bad_requests{0};
    std::atomic<std::uint64_t> refused{0}, closed_for_room{0}, delayed_handshakes{0};
};

}  // namespace kontor::http
