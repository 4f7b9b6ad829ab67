#include "peer_shared.h"

#include "kontor/base/log.h"

namespace kontor::peer {

std::shared_ptr<const PeerTls> PeerShared::tls() const {
    const std::lock_guard lock(mutex_);
    return tls_;
}

void PeerShared::set_tls(std::shared_ptr<const PeerTls> tls) {
    const std::lock_guard lock(mutex_);
    tls_ = std::move(tls);
}

std::shared_ptr<PeerMeter> PeerShared::meter(std::uint64_t node_id) const {
    const std::lock_guard lock(mutex_);
    auto& one = meters_[node_id];
    if (!one) one = std::make_shared<PeerMeter>();
    return one;
}

Result<std::string> PeerShared::hello() const {
    if (!options.hello) return std::string();
    try {
        std::string bytes = options.hello();
        if (bytes.size() > kMaxHelloBytes) return fail(ErrorCode::internal, "this node's hello is too large");
        return bytes;
    } catch (const std::exception& e) {
        return fail(ErrorCode::internal, std::string("this node has no hello: ") + e.what());
    }
}

std::optional<PeerRefusal> PeerShared::check_hello(const PeerIdentity& who, std::string_view bytes) const {
    if (!options.check_hello) return std::nullopt;
    try {
        return options.check_hello(who, bytes);
    } catch (const std::exception& e) {
        return PeerRefusal{{ErrorCode::internal, std::string("the hello could not be checked: ") + e.what()}};
    }
}

void PeerShared::on_link(std::uint64_t node_id, bool up) const {
    if (!options.on_link) return;
    try {
        options.on_link(node_id, up);
    } catch (const std::exception& e) {
        log::error("net", std::string("on_link threw: ") + e.what());
    }
}

void PeerShared::on_message(std::uint64_t from, std::string frame) const {
    if (!options.on_message) return;
    try {
        options.on_message(from, std::move(frame));
    } catch (const std::exception& e) {
        log::error("net", std::string("on_message threw: ") + e.what());
    }
}

void PeerShared::log_limited(std::string_view message) {
    const std::uint64_t now = PeerLoop::now_ms();
    std::uint64_t next = next_log_ms_.load(std::memory_order_relaxed);
    if (now < next || !next_log_ms_.compare_exchange_strong(next, now + 1000)) {
        unlogged_.fetch_add(1, std::memory_order_relaxed);
        return;
    }
    const std::uint64_t more = unlogged_.exchange(0, std::memory_order_relaxed);
    std::string line = "peer port: " + std::string(message);
    if (more > 0) line += " (and " + std::to_string(more) + " lines like it)";
    log::warning("net", line);
}

std::string node_name(std::uint64_t node_id) {
    return node_id == 0 ? "somebody without certificate" : "node " + std::to_string(node_id);
}

PeerLoop& loop_for(PeerShared& shared, Purpose purpose) {
    return purpose == Purpose::messages || purpose == Purpose::fast_calls ? shared.fast : shared.bulk;
}

std::string_view to_string(Purpose purpose) {
    switch (purpose) {
        case Purpose::messages:
            return "messages";
        case Purpose::fast_calls:
            return "fast calls";
        case Purpose::bulk_calls:
            return "bulk calls";
        case Purpose::anonymous:
            return "anonymous calls";
    }
    return "?";
}

}  // namespace kontor::peer
