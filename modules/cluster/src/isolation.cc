// A node that its peer port is cut off from the others for a while, as a broken switch would: what it sends
// is lost, what it gets is not heard, calls hang. For `kontor selftest`; the links below stay.

#include "cluster_impl.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "wire.h"

namespace kontor::cluster {
namespace {

constexpr std::uint64_t kAnswerMs = 5'000;
constexpr std::size_t kHeldCalls = kForwardsAtOnce;

}  // namespace

Result<void> ClusterImpl::isolate(std::uint64_t node_no, std::uint64_t ms) {
    if (!is_member()) return fail(ErrorCode::invalid_argument, "this node is not a cluster");
    std::string body;
    put_be64(body, ms);
    const auto answer = node_no == identity().node_no
                            ? isolate_here(body)
                            : call_as(Asker::people, node_no, call_kind::isolate, body, kAnswerMs);
    if (!answer) return Unexpected{answer.error()};
    return {};
}

Result<std::string> ClusterImpl::isolate_here(const std::string& body) {
    const std::uint64_t ms = body.size() == 8 ? get_be64(body) : 0;
    if (ms == 0 || ms > kMaxIsolationMs)
        return fail(ErrorCode::invalid_argument,
                    "a node is isolated for 1 to " + std::to_string(kMaxIsolationMs) + " ms");
    // A moment later, so that the answer is heard.
    const std::uint64_t from = options_.clock->monotonic_ms() + kIsolationBeginsMs;
    isolated_from_ms_.store(from);
    isolated_until_ms_.store(from + ms);
    log::warning("cluster", "event=isolated ms=" + std::to_string(ms));
    const bool posted = tasks_.post(
        [this] {
            log::warning("cluster", "event=isolation_ended");
            std::vector<peer::CallResponder> held;
            {
                const std::lock_guard lock(mutex_);
                held.swap(held_calls_);
            }
            // Nothing was done about them; callers that still wait ask again.
            for (const peer::CallResponder& respond : held)
                respond(fail(ErrorCode::unavailable, "this node was cut off"));
        },
        kIsolationBeginsMs + ms);
    if (!posted) isolated_until_ms_.store(0);
    return posted ? Result<std::string>(std::string())
                  : Result<std::string>(fail(ErrorCode::unavailable, "this node is stopping"));
}

bool ClusterImpl::is_isolated() const {
    const std::uint64_t until = isolated_until_ms_.load(std::memory_order_relaxed);
    if (until == 0) return false;
    const std::uint64_t now = options_.clock->monotonic_ms();
    return now >= isolated_from_ms_.load(std::memory_order_relaxed) && now < until;
}

void ClusterImpl::hold_call(peer::CallResponder respond) {
    const std::lock_guard lock(mutex_);
    if (held_calls_.size() < kHeldCalls) held_calls_.push_back(std::move(respond));
}

}  // namespace kontor::cluster
