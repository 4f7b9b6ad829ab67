#pragma once
// The composition root: everything that `kontor dev` and `kontor serve` have in common, started in the order
// of dependency and stopped in reverse. It holds parts together and decides nothing.
//
// Threading: start() and stop() on one thread; the rest anywhere.

#include <functional>
#include <memory>
#include <string>

#include "kontor/base/clock.h"
#include "kontor/base/result.h"
#include "kontor/cluster/cluster.h"
#include "kontor/crypto/crypto.h"
#include "kontor/node/node.h"
#include "kontor/telemetry/metrics.h"
#include "settings.h"

namespace kontor::app {

struct ApplianceOptions {
    Settings settings;
    crypto::Secret secrets_key;
    std::string marker;  // marker_path(), or "" for a folder that does not last
    bool dev = false;
    std::string extra_trusted_ca_pem;  // dev: the webhook receiver's
    const Clock* clock = nullptr;
    // Storage failed or is corrupt: nothing more is acknowledged, the process must end.
    std::function<void(const Error&)> on_fatal;
    // Lines for people while the start takes long: a node that joined copies the state first.
    std::function<void(const std::string&)> tell;
    // A new node copies the state before anything else is there: with its cluster, and with null at the end.
    std::function<void(cluster::Cluster* joining)> on_joining;
    // Asked now and then while that goes on: true: start() gives up with unavailable. And by commands of
    // people that wait for other nodes, which end then.
    std::function<bool()> shall_stop;
    // The node shall start again in place: drain(), stop, become the binary on disk. Null: it cannot.
    std::function<void(std::uint64_t drain_ms)> on_restart;
    std::function<Result<std::string>()> next_version;
};

// By which the other nodes reach this one, "host:port"; "": it is not set.
[[nodiscard]] std::string advertised_address(const Settings& settings);
[[nodiscard]] std::string node_name(const Settings& settings);

class Appliance {
 public:
    static Result<std::unique_ptr<Appliance>> start(ApplianceOptions options);
    virtual ~Appliance() = default;  // stop()
    // Before stop(), when others were told of it: /readyz says 503, connections are told to close, and
    // another node leads. Everything that comes is still answered.
    virtual void drain() = 0;
    // Takes what may change while running: certificates and their names.
    virtual void reload(const Settings& settings) = 0;
    virtual void stop() = 0;  // refuses new work, finishes what is in flight, checkpoints

    [[nodiscard]] virtual std::string url() const = 0;      // "https://127.0.0.1:8443"
    [[nodiscard]] virtual std::string ca_file() const = 0;  // "" with the operator's own certificate
    [[nodiscard]] virtual std::string ca_pem() const = 0;
    [[nodiscard]] virtual node::Node& node() = 0;
    [[nodiscard]] virtual cluster::Cluster& cluster() = 0;
    [[nodiscard]] virtual const crypto::Sealer& sealer() const = 0;
    // A new one-time link for the first operator; the plain admin address once there is one, unless `always`:
    // for another operator, or, with `operator_name`, for the one of that name, whose password and
    // authenticator it renews. Errors: not_found: there is none; and those of a proposal.
    [[nodiscard]] virtual Result<std::string> admin_link(bool always = false,
                                                         const std::string& operator_name = {}) = 0;
};

// Each file of the log takes so much when it is made.
[[nodiscard]] std::uint64_t log_segment_bytes(const Settings& settings);

// "Kontor is ready at https://…", or why /readyz says 503 although it runs.
[[nodiscard]] std::string where_it_is(Appliance& appliance);

}  // namespace kontor::app
