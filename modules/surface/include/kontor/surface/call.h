#pragma once
// One request on its way through: who asks, what for, and how it is answered (once).
//
// Threading: a Call moves from the network thread to the thread that completes its command; never used by two
// at a time. Ownership: shared by whoever still owes the answer.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/http/server.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/permission.h"
#include "kontor/machine/rows.h"
#include "kontor/machine/service.h"
#include "kontor/surface/errors.h"
#include "kontor/surface/params.h"

namespace kontor {
class Clock;
}
namespace kontor::crypto {
class Sealer;
}
namespace kontor::pb {
class Command;
class Result;
}  // namespace kontor::pb

namespace kontor::surface {

struct Call;
struct Route;
class Catalogue;

// What all calls share: the parts of whoever answers them. All of it outlives the calls.
struct Host {
    Host() = default;
    virtual ~Host() = default;
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    // Each answer, before it goes out.
    virtual void answered(const Call& call, int status, std::uint64_t microseconds) = 0;

    machine::Service* service = nullptr;
    const crypto::Sealer* sealer = nullptr;  // secrets at rest
    const Clock* clock = nullptr;
    const Catalogue* catalogue = nullptr;
    std::function<std::string(std::size_t)> random_token;  // base62 characters
    // What webhooks go to (http::ClientOptions): an endpoint that no delivery could ever reach is refused.
    bool delivers_to_http = false, delivers_to_private_addresses = false;
};

struct Caller {
    machine::Scope scope;
    std::uint64_t key_no = 0;
    const machine::Role* role = nullptr;  // null: may do nothing
};

struct Call : std::enable_shared_from_this<Call> {
    Call(std::shared_ptr<Host> the_host, http::Request the_request, http::Responder the_responder);

    // Answers. Exactly one of them, once.
    void reply(std::string body, std::uint64_t log_index, bool replayed = false);
    void refuse(const ApiError& error, std::uint64_t log_index = 0, bool replayed = false);
    void refuse(const Error& failure);  // of the node

    // The first path parameter, parsed; the request is refused (404) when it cannot be an id of this kind.
    [[nodiscard]] std::optional<std::uint64_t> path_no(std::string_view id_prefix);
    [[nodiscard]] ApiError not_found(std::string_view id_prefix) const;  // the object of the path
    // A validated object_id parameter; 0: not given.
    [[nodiscard]] std::uint64_t number_of(std::string_view param, std::string_view id_prefix) const;
    [[nodiscard]] std::string random(std::size_t characters) const;  // base62
    [[nodiscard]] machine::Expansion expansion(const pb::Result& found) const;

    // A command of this caller with everything but its body. Its `done` renders with `render`, or answers the
    // outcome's error.
    using Render = std::function<std::string(const Call&, const pb::Result&)>;
    [[nodiscard]] pb::Command command() const;
    void submit(pb::Command command, Render render);
    // The same, with the answer in the caller's hands; an outcome that is not OK is refused before.
    using Finish = std::function<void(Call&, const pb::Result&, std::uint64_t log_index)>;
    void submit_raw(pb::Command command, Finish finish);
    [[nodiscard]] bool answered() const { return answered_; }
    // Reads whole entries; `body` answers. Failures of the store become 503.
    void read(const machine::Service::ReadBody& body);

    std::shared_ptr<Host> host;  // answers may come after whoever took the request is gone
    http::Request request;
    http::Responder respond;
    const Route* route = nullptr;
    std::vector<std::string_view> path_params;  // into request.path
    Node params;
    std::vector<std::string> expand;  // without "data."
    Caller caller;
    std::string request_id;
    std::string api_version;
    std::string_view content_type = "application/json";  // of an answer that is no error
    std::string idempotency_key;
    std::uint64_t started_us = 0;
    // What the limits that looked at this request leave; told in the answer. limit 0: none did.
    struct Rate {
        std::uint64_t limit = 0, remaining = 0, reset_s = 0, retry_s = 0;
    };
    Rate rate;

 private:
    void finish(const pb::Result& result, std::uint64_t log_index, const Finish& finish_with);
    void send(int status, std::string body, const ApiError* error, std::uint64_t log_index, bool replayed);
    http::Response* into_ = nullptr;  // where the answer goes instead of to `respond`
    bool answered_ = false;
};
using CallPtr = std::shared_ptr<Call>;

}  // namespace kontor::surface
