#pragma once
// HTTPS server: TLS 1.2/1.3, HTTP/1.1 keep-alive, N threads with one Asio context and one SO_REUSEPORT
// listener each; no lock shared between sessions on the hot path. Knows no payments.
//
// Threading: the handler runs on the session's network thread and must not block; the Responder may be
// called from any thread, once. Ownership: the server outlives its responders' sessions (a late answer to a
// closed session is dropped). Errors: malformed TLS, HTTP, too large or too slow requests are answered with
// 400, 408, 413, 414, 431, 501 or 505 and an error object (kontor/json/error_object.h), then closed cleanly.
// Limits: ServerLimits; each has a test at its edge.

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/transport/tls_identity.h"

namespace kontor::http {

class AddressRanges;

// What the kernel holds of a connection's answers, besides ServerLimits::max_answer_bytes; it takes the
// double, and at most what net.core.wmem_max allows.
inline constexpr int kSendBufferBytes = 128 << 10;

struct ServerLimits {
    // Fields that a request may have once; a second one is answered with 400, since two parties that read it
    // could each take another. Lower case. Host, Content-Length and those like them are always of that kind.
    std::vector<std::string> single_fields;
    std::size_t max_header_bytes = 16U << 10U;
    std::size_t max_target_bytes = 8U << 10U;
    std::size_t max_body_bytes = 2U << 20U;
    // At either limit the connection that has waited longest for its client makes room: one of the same
    // address, or one of the address that has most. Where nobody waits, the new one is closed.
    std::size_t max_connections = 10'000;
    std::size_t max_connections_per_address = 2'500;  // IPv6: per /64
    // A socket with this descriptor number or a higher one is closed at once: those are left for files, so
    // that sockets cannot take what the store needs. 0: no such limit.
    int max_descriptor = 0;
    // Handshakes begun; those above wait for their turn, within handshake_timeout_ms. P-384 costs as much as
    // eight. 0: any number.
    std::size_t handshakes_per_s = 2'000;
    std::size_t handshakes_per_s_per_address = 1'000;
    // The sum of all bodies that do not come with their heads, until they are answered, and of all answers
    // that are large or wait for slow readers. One account or address has half of it at most. Above: 429 for
    // the account's own, else 503; 400 for a large answer that never fits; one that is under way is cut off.
    std::size_t max_request_bytes = 256U << 20U;
    std::size_t max_answer_bytes = 256U << 20U;
    std::size_t max_stranger_bytes = 8U << 20U;  // of max_request_bytes: bodies without an account, together
    std::uint64_t handshake_timeout_ms = 10'000;
    std::uint64_t header_timeout_ms = 10'000;  // from the first byte of a request to its last header
    std::uint64_t body_timeout_ms = 30'000;
    std::uint64_t idle_timeout_ms = 75'000;  // keep-alive
    std::uint64_t write_timeout_ms = 30'000;
    std::uint64_t response_timeout_ms = 60'000;  // handler never answered: 503
};

struct Header {
    std::string name, value;
};

// What a request does, as its route says it. Whoever passes requests on to other nodes goes by it.
struct RequestKind {
    bool is_read = false;        // changes nothing
    bool is_repeatable = false;  // sending it twice does no harm
    bool is_costly = false;      // a read whose work does not end with one row: worth the way to another node
};

struct Request {
    std::string method;           // upper case
    std::string path;             // before '?', not decoded
    std::string query;            // after '?', not decoded
    std::vector<Header> headers;  // as received
    std::string body;
    // Whom it is from, for limits, audit and logs: the other end of the connection or, behind a proxy of
    // ServerOptions::trusted_proxies, what that one says (client_address.h).
    std::string peer_ip;
    bool is_from_proxy = false;  // the other end is such a proxy
    bool is_http10 = false;
    bool is_head = false;   // HEAD, which `method` calls GET: for who answers no HEAD
    RequestKind kind = {};  // set by who passes requests on; the server leaves it alone
    [[nodiscard]] std::string_view header(std::string_view name) const;  // case-insensitive; "" if absent
};

// A stream of bytes after the head (server-sent events). close() or destruction ends it.
class Stream {
 public:
    virtual ~Stream() = default;
    virtual void write(
        std::string chunk) = 0;  // any thread; queue bounded at 1 MiB, then the client is cut off
    [[nodiscard]] virtual bool open() const = 0;
    virtual void close() = 0;
};

struct Response {
    int status = 200;
    std::vector<Header> headers;  // Content-Length, Date and Connection are the server's
    std::string body;
    // Static assets: a view that lives as long as the process, sent instead of `body` when not empty.
    std::string_view static_body;
    // Set: the body is a stream; called on the network thread after the head was sent.
    std::function<void(std::shared_ptr<Stream>)> on_stream;
    // Set: called on the session's network thread before anything is sent, and fills in all the rest. So a
    // thread that must not be held up answers without doing the work.
    std::function<void(Response&)> prepare = nullptr;
    std::uint64_t account = 0;  // whose answer it is, as Admission::account: it counts while he does not read
    // What came of it, in the handler's own numbers, for programs between handler and server: clients do not
    // see it. 0: nothing is said.
    std::uint32_t outcome = 0;
};

using Responder = std::function<void(Response)>;
using Handler = std::function<void(Request, Responder)>;

// What is known of a request by its head alone.
struct Admission {
    // Set: answered with it, before a byte of the body is kept, and however long the body is.
    std::optional<Response> refusal;
    std::uint64_t account = 0;                                             // whose key it is; 0: a stranger
    std::size_t max_body_bytes = std::numeric_limits<std::size_t>::max();  // of this route; above: 413
};

struct ServerOptions {
    std::string address = "127.0.0.1";
    std::uint16_t port = 0;  // 0: any free one
    unsigned threads = 2;
    transport::TlsIdentity tls;
    ServerLimits limits;
    std::shared_ptr<const AddressRanges> trusted_proxies;  // null: none
    Handler handler;
    // Asked on the network thread when a head is complete and its body is not, or is too large: nothing is
    // buffered for a stranger. The request has no body yet. May be null: then everybody is a stranger.
    std::function<Admission(const Request&)> admit;
    const Clock* clock = nullptr;  // for the Date field; null: none is sent
};

struct ServerStats {
    std::uint64_t connections = 0, open_connections = 0, requests = 0, tls_failures = 0, bad_requests = 0;
    std::uint64_t refused_connections = 0;  // for want of room
    std::uint64_t closed_for_room = 0;      // waiting ones that made room for others
    std::uint64_t delayed_handshakes = 0;
    std::uint64_t request_bytes = 0, answer_bytes = 0;  // held now: ServerLimits::max_request_bytes
};

// Whether a server could listen there now; nothing stays open. already_exists: somebody listens there;
// permission_denied: a low port; invalid_argument: no IP address, or none of this machine.
[[nodiscard]] Result<void> check_listen(const std::string& address, std::uint16_t port);

class Server {
 public:
    static Result<std::unique_ptr<Server>> start(ServerOptions options);
    virtual ~Server() = default;  // stop()
    [[nodiscard]] virtual std::uint16_t port() const = 0;
    // Every connection, new ones too, is told to close with its next answer; so clients come back elsewhere.
    virtual void tell_to_close() = 0;
    virtual void stop_accepting() = 0;  // drain: keep-alive connections are told to close
    virtual void stop(std::uint64_t grace_ms) = 0;
    // For connections from now on; those that are open keep theirs. An identity that cannot be used changes
    // nothing.
    [[nodiscard]] virtual Result<void> set_identity(const transport::TlsIdentity& identity) = 0;
    // For requests from now on; null: none.
    virtual void set_trusted_proxies(std::shared_ptr<const AddressRanges> proxies) = 0;
    [[nodiscard]] virtual ServerStats stats() const = 0;
};

}  // namespace kontor::http
