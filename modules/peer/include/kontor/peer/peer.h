#pragma once
// Authenticated links between the nodes of a cluster: frames over mutual TLS 1.3. Knows neither consensus nor
// payments: messages, calls and hellos are opaque bytes. The wire format is docs/formats/peer-link.md.
//
// To each peer a node dials three connections: one for messages (so that their order is plain), one for fast
// calls and one for bulk calls (so that a transfer delays nothing else). The certificate says who somebody
// is (`kontor://<cluster>/node/<id>`, certificates.h); both sides check chain, validity, cluster and node.
//
// Threading: every function from any thread; stop() and the destructor not from a callback. There are two
// network threads. The fast one calls on_message, on_link, fast calls' on_call and their `done`; the bulk one
// calls hello, check_hello, bulk and anonymous calls' on_call and their `done`. Callbacks must not block:
// what takes long is handed to another thread. After stop() none runs any more.
// Ownership: a CallResponder may outlive its connection and the PeerNet; its answer is then dropped.
// Errors: of a call: unavailable (not connected, or never written: nothing was sent), too_large (body above
// max_frame_bytes, either way), overloaded (a queue is full here or there; nothing was done), timeout and io
// (the outcome is not known; io also when there is no room for the answer); all others are what the other
// side's responder gave, code and text. Limits: PeerLimits and the constants below, each with a test at its
// edge.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/peer/certificates.h"
#include "kontor/transport/look_up_name.h"

namespace kontor::peer {

inline constexpr std::size_t kMaxHelloBytes = 16U << 10U;
inline constexpr std::size_t kMaxAnonymousBytes = 64U << 10U;  // body of an anonymous call
inline constexpr std::size_t kMaxAnonymousCalls = 4;           // in flight on one connection; then overloaded
inline constexpr std::size_t kMaxAnonymousQueuedBytes = 256U << 10U;  // of answers for one that does not read
inline constexpr std::size_t kMaxCallsInFlight = 65'536;              // a lane, either side; then overloaded
inline constexpr std::size_t kMaxRefusalBytes = 1'024;                // longer reasons are cut

struct PeerCredentials {
    std::string ca_pem;           // one or more authorities that are trusted: two during a rotation
    std::string certificate_pem;  // this node's
    std::string private_key_pem;
};

struct PeerLimits {
    std::size_t max_frame_bytes = 8U << 20U;     // a message, a call's body, an answer
    std::size_t max_queued_bytes = 16U << 20U;   // a connection; more: see send() and call()
    std::size_t max_anonymous_connections = 64;  // above: refused
    std::size_t max_greetings = 256;  // connections before their hello; above: the oldest is closed
    // As ServerLimits::max_descriptor, for accepted connections. Our own to the peers, three each, may use
    // what is left for files: a node without them is as one without a disk.
    int max_descriptor = 0;
    // Accepted connections, of one address and of all: more are closed at once, and peers dial again.
    std::size_t handshakes_per_s_per_address = 500;
    std::size_t handshakes_per_s = 1'000;
    std::uint64_t connect_timeout_ms = 2'000;
    std::uint64_t handshake_timeout_ms = 5'000;  // TLS and hello, together
    std::uint64_t ping_interval_ms = 1'000;
    std::uint64_t dead_after_ms = 4'000;  // nothing heard, or nothing taken by the other side
    // Sooner, on the connections for messages and fast calls: no byte heard for so long and eight round
    // trips, at most dead_after_ms. Bytes count, not answers: a slow line is never silent, since each
    // side pings. 0: dead_after_ms.
    std::uint64_t silent_after_ms = 0;
    std::uint64_t reconnect_min_ms = 50;  // doubles up to the maximum, with jitter
    std::uint64_t reconnect_max_ms = 1'000;
    std::uint64_t anonymous_lifetime_ms = 30'000;
};

// For nodes that choose a new leader after so long: they know soon that a line is cut, and dial again as soon
// as it is whole.
[[nodiscard]] PeerLimits peer_limits_for(std::uint64_t election_timeout_ms);

// Answers a call: any thread, once. One that goes away without an answer answers `internal`.
using CallResponder = std::function<void(Result<std::string>)>;
using CallDone = std::function<void(Result<std::string>)>;

enum class PeerLane : std::uint8_t { fast, bulk };

// Why a connection is refused.
struct PeerRefusal {
    Error error;                // its text is for people
    std::uint16_t verdict = 0;  // for the program on the other side, in the owner's own numbers; 0: none
};

struct PeerNetOptions {
    std::string address = "127.0.0.1";  // to listen on; an IP address
    std::uint16_t port = 0;             // 0: any free one
    PeerIdentity self;                  // cluster and node id; must be what the certificate says
    PeerCredentials credentials;
    PeerLimits limits;
    // Sent at the start of each connection, by both sides; at most kMaxHelloBytes. Null: empty. Nobody
    // without a good certificate sees it.
    std::function<std::string()> hello;
    // What it answers refuses the connection: the text reaches the other side's log and last_error, the
    // verdict its last_verdict.
    std::function<std::optional<PeerRefusal>(const PeerIdentity& who, std::string_view hello)> check_hello;
    // One-way messages, in the order of sending.
    std::function<void(std::uint64_t from, std::string frame)> on_message;
    // `from.node_id` == 0: a caller without certificate, only for `anonymous_kinds`.
    std::function<void(PeerIdentity from, std::uint16_t kind, std::string body, CallResponder respond)>
        on_call;
    std::vector<std::uint16_t> anonymous_kinds;
    // Our message connection to that node came up, or was lost. After a renewal (set_credentials): down, up.
    std::function<void(std::uint64_t node_id, bool up)> on_link;
    transport::LookUpName look_up;  // null: the system's
};

struct PeerStatus {
    std::uint64_t node_id = 0;
    std::string address;
    bool up = false;         // our message connection to it
    std::string last_error;  // why the last connection ended or could not be made; "" : none yet
    // The verdict of that node itself, when the last attempt to connect ended with its refusal; 0: none.
    std::uint16_t last_verdict = 0;
    std::uint64_t rtt_us = 0;    // of the last ping on the message connection; 0: none yet
    std::uint64_t state_ms = 0;  // how long it has been up or down
    std::uint64_t bytes_in = 0;  // frames with their headers, all connections in both directions
    std::uint64_t bytes_out = 0;
    std::uint64_t dropped_messages = 0;  // given to send() while down or full
    std::uint64_t connects = 0;          // message connections made
};

class PeerNet {
 public:
    // Errors: invalid_argument (address, credentials, an identity that is not the certificate's), io (the
    // port).
    [[nodiscard]] static Result<std::unique_ptr<PeerNet>> start(PeerNetOptions options);
    virtual ~PeerNet() = default;  // stop()
    [[nodiscard]] virtual std::uint16_t port() const = 0;

    // Node id -> "host:port" ("[::1]:port"). Dials these and keeps dialling; a changed address reconnects;
    // who is no longer named is hung up on, in both directions. Our own id is skipped. Others may still
    // connect to us: check_hello decides about that.
    virtual void set_peers(std::map<std::uint64_t, std::string> peers) = 0;
    // Never blocks. Dropped while not connected, and above max_frame_bytes (logged). A queue above
    // max_queued_bytes drops the message and reconnects. After a reconnect nothing of the old connection is
    // delivered any more. It is of group 0, as every call is: there is no other so far. What comes for
    // another group is dropped (logged); a call for one fails with `unsupported`.
    virtual void send(std::uint64_t node_id, std::string frame) = 0;
    // `done` exactly once, on the lane's network thread, or inside of call() for an unknown node, a body that
    // is too large, or after stop().
    virtual void call(std::uint64_t node_id, std::uint16_t kind, std::string body, std::uint64_t timeout_ms,
                      CallDone done, PeerLane lane = PeerLane::fast) = 0;
    // New connections use them at once; our connections to others are renewed one after the other: calls in
    // flight finish on the old one, messages in flight may be lost (on_link says down, up). Errors as
    // start().
    [[nodiscard]] virtual Result<void> set_credentials(PeerCredentials credentials) = 0;
    // Hangs up on that node's connections to us and on ours to it; both dial again and check_hello decides.
    virtual void disconnect(std::uint64_t node_id, std::string_view reason) = 0;
    [[nodiscard]] virtual std::vector<PeerStatus> status() const = 0;
    virtual void stop() = 0;
};

// For joining: one call without a client certificate, blocking. The server must show a node certificate
// under the authority whose certificate has this SHA-256 (hex, colons allowed); nothing is sent otherwise.
// Errors: as calls; permission_denied when it is another authority or when the other side refuses.
[[nodiscard]] Result<std::string> anonymous_call(const std::string& address, const std::string& ca_sha256,
                                                 std::uint16_t kind, std::string_view body,
                                                 std::uint64_t timeout_ms);

}  // namespace kontor::peer
