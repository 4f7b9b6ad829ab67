#pragma once
// The admin surface: /admin/ (the web UI's assets) and /admin/api/ (docs/admin-api.md). Sessions, roles,
// set-up by one-time link. The UI uses the same HTTP API that scripts can use.
//
// Threading: handle() is called on network threads and does not block them: passwords are hashed and reports
// are read on threads of their own, with bounded queues. Ownership: everything passed in outlives it, and it
// outlives the server that calls it. Errors: JSON, see docs. Limits: kontor/admin/limits.h.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "domains/roles.h"
#include "kontor/base/clock.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/server.h"
#include "kontor/node/node.h"
#include "kontor/reporting/reports.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::admin {

struct AdminOptions {
    node::Node* node = nullptr;
    reporting::Reports* reports = nullptr;
    const crypto::Sealer* sealer = nullptr;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    std::string version;
    // What an operator's role may do; null: nothing. Tests have roles of their own.
    std::function<const machine::Role*(std::string_view name)> role = domains::role;
    // Whether what this node knows is fresh enough to be shown as live; null: it is. Any thread.
    std::function<bool()> knows_now;
};

class Admin {
 public:
    static std::unique_ptr<Admin> make(AdminOptions options);
    virtual ~Admin() = default;  // ends streams, joins its threads, waits for commands under way
    // Everything at or below /admin.
    virtual void handle(http::Request request, http::Responder respond) = 0;
    virtual void stop() = 0;  // closes open streams, so that the server can stop
};

}  // namespace kontor::admin
