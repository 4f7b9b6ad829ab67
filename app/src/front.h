#pragma once
// The front of the one port: which surface answers which path.
//
//   /v1/…            merchant API          /admin…        admin API and UI
//   /channels/…      what channels say, and the payer's pages of the sandbox
//   /livez, /readyz  health, open to all   /metrics       for programs of this machine, not through a proxy;
//                                                         or on a port of its own, and then there only
//
// Threading: handle() anywhere.

#include <atomic>
#include <functional>
#include <string>

#include "kontor/admin/admin.h"
#include "kontor/api/api.h"
#include "kontor/cluster/cluster.h"
#include "kontor/http/server.h"
#include "kontor/inbox/door.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::app {

struct Front {
    api::Api* api = nullptr;
    admin::Admin* admin = nullptr;
    inbox::Door* door = nullptr;
    const telemetry::Registry* metrics = nullptr;
    std::function<bool()> ready;
    std::function<std::string()> ready_details;  // lines for /readyz?verbose
    std::atomic<bool> draining{false};           // /readyz says so: clients go elsewhere
    bool has_metrics_port = false;
    cluster::Cluster* cluster = nullptr;  // null: this node is alone and answers all itself

    void handle(http::Request request, http::Responder respond) const;
    void handle_metrics_port(http::Request request, http::Responder respond) const;
    // By the head alone, while the body is on its way.
    [[nodiscard]] http::Admission admit(const http::Request& head) const;
    // What is said to API and admin, here and now, whatever node this is.
    void handle_here(http::Request request, http::Responder respond) const;
    // What a request to API or admin does, by their routes.
    [[nodiscard]] static http::RequestKind kind_of(const http::Request& request);
};

}  // namespace kontor::app
