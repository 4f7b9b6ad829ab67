#pragma once
// HTTP(S) client for webhooks, the admin's own commands, bench and verify. Keep-alive pool per origin.
//
// Threading: send() anywhere; `done` exactly once, on one of the client's threads (or inside of send() when
// the request itself is wrong). fetch() and the destructor never on one of the client's threads. Errors:
// unavailable (not connected, also a certificate that is not trusted: nothing was sent), timeout (outcome not
// known), io (connection lost after sending began: outcome not known), invalid_argument (URL, header field,
// CA), permission_denied (a private address), too_large (the response), overloaded (too many wait here, or
// this machine lacks descriptors, ports or memory: nothing was sent, and the other side has no part in it).
// What is repeatable
// (GET, HEAD, ClientRequest::repeatable) is sent once more when the server closed the used connection before
// it answered; nothing else is ever sent twice. Answers are read generously (src/response_reader.h).
// Limits: ClientOptions; redirects are not followed. A name with several addresses: all are tried in turn,
// and none when one of them is private and private ones are refused. Names are looked up on threads of their
// own, one at most a name, shared between accounts (kontor/transport/name_lookup.h); no look-up holds up the
// destructor.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/http/server.h"
#include "kontor/transport/look_up_name.h"

namespace kontor::http {

struct ClientOptions {
    unsigned threads = 1;
    std::size_t max_connections_per_origin = 16;  // an account: no more than are free, alone it has half
    // To all origins together; at the limit those that have been idle longest make room.
    std::size_t max_connections = 1'024;
    int max_descriptor = 0;  // as ServerLimits::max_descriptor: `overloaded` at it
    std::size_t max_response_bytes = 1U << 20U;
    std::string ca_pem;             // trusted in addition to the system's; "" : system's only
    bool allow_plain_http = false;  // webhooks to loopback in dev
    // Refuse private, loopback and link-local addresses (a webhook must not reach into the house).
    bool allow_private_addresses = true;
    int niceness = 0;               // of its threads, up to 19: others go first
    transport::LookUpName look_up;  // null: the system's
};

struct ClientRequest {
    std::string method = "GET";
    std::string url;
    std::vector<Header> headers;
    std::string body;
    std::uint64_t timeout_ms = 30'000;  // connect to last byte; with status_only to the end of the head
    // The status is all that matters (webhooks): `done` comes with the head and has no body. What is cut,
    // late or long behind it is nobody's failure.
    bool status_only = false;
    bool repeatable = false;    // receiving it twice does no harm
    std::uint64_t account = 0;  // whose it is: accounts share look-ups and an origin's connections; 0: ours
};

struct ClientResponse {
    int status = 0;
    std::vector<Header> headers;
    std::string body;
};

class Client {
 public:
    static std::unique_ptr<Client> make(ClientOptions options);
    virtual ~Client() = default;
    virtual void send(ClientRequest request, std::function<void(Result<ClientResponse>)> done) = 0;
    // Blocking convenience for commands.
    [[nodiscard]] Result<ClientResponse> fetch(ClientRequest request);
};

}  // namespace kontor::http
