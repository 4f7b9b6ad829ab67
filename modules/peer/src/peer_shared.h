#pragma once
// What all parts of one PeerNet share.
//
// Threading: constant after start, but for what has a lock or is atomic.

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "kontor/peer/peer.h"
#include "kontor/transport/name_lookup.h"
#include "peer_link.h"
#include "peer_loop.h"
#include "peer_tls.h"

namespace kontor::peer {

struct PeerShared {
    explicit PeerShared(PeerNetOptions given) : options(std::move(given)), names(options.look_up) {}
    PeerNetOptions options;
    transport::NameLookup names;  // one that hangs holds up no other name, and no end
    PeerLoop fast, bulk;

    [[nodiscard]] std::shared_ptr<const PeerTls> tls() const;
    void set_tls(std::shared_ptr<const PeerTls> tls);
    [[nodiscard]] std::shared_ptr<PeerMeter> meter(std::uint64_t node_id) const;

    // Callbacks, guarded: one that throws is as one that failed.
    [[nodiscard]] Result<std::string> hello() const;
    [[nodiscard]] std::optional<PeerRefusal> check_hello(const PeerIdentity& who,
                                                         std::string_view bytes) const;
    void on_link(std::uint64_t node_id, bool up) const;
    void on_message(std::uint64_t from, std::string frame) const;
    // At most one line a second, so that nobody fills the disk with log lines.
    void log_limited(std::string_view message);

 private:
    mutable std::mutex mutex_;
    std::shared_ptr<const PeerTls> tls_;
    mutable std::map<std::uint64_t, std::shared_ptr<PeerMeter>> meters_;
    std::atomic<std::uint64_t> next_log_ms_{0};
    std::atomic<std::uint64_t> unlogged_{0};
};

[[nodiscard]] std::string node_name(std::uint64_t node_id);
[[nodiscard]] PeerLoop& loop_for(PeerShared& shared, Purpose purpose);
[[nodiscard]] std::string_view to_string(Purpose purpose);

}  // namespace kontor::peer
