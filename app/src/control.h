#pragma once
// The control socket: how `kontor verify`, `kontor status` and friends reach a running node of the same
// machine and user. A Unix socket in the data folder, mode 0600: who may read the data may use it.
//
// Protocol: one JSON object a line from the client, one JSON object a line back, then the server closes.
// While a client waits it gets a blank each second: some answers take long (verify), and a node that does not
// live sends none. Threading: one thread answers one client after the other, one takes requests. Limits: 64
// clients at once, a request line of 64 KiB, answered within the handler's own time; a client that sends
// nothing is dropped after 2 s, a node that sends nothing is given up after kControlSilentMs.

#include <functional>
#include <memory>
#include <string>

#include "kontor/base/result.h"

namespace kontor::app {

class ControlServer {
 public:
    using Handler = std::function<std::string(const std::string& request_json)>;
    static Result<std::unique_ptr<ControlServer>> start(const std::string& path, Handler handler);
    virtual ~ControlServer() = default;  // stops and removes the socket
};

inline constexpr int kControlSilentMs = 10'000;

// Sends one request. unavailable: nobody listens there; timeout: who does says nothing for that long (a
// process that was stopped), and whether the request is carried out is not known.
[[nodiscard]] Result<std::string> control_call(const std::string& path, const std::string& request_json,
                                               int silent_ms = kControlSilentMs);
// The process that listens there, as the kernel knows it.
[[nodiscard]] Result<int> control_peer(const std::string& path);
[[nodiscard]] std::string control_path(const std::string& data_folder);

}  // namespace kontor::app
