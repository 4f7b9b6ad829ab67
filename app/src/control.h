#pragma once
// The control socket: how `kontor verify`, `kontor status` and friends reach a running node of the same
// machine and user. A Unix socket in the data folder, mode 0600: who may read the data may use it.
//
// Protocol: one JSON object a line from the client, one JSON object a line back, then the server closes.
// While a client waits it gets a blank each second: some answers take long (verify), and a node that does not
// live sends none.
//
// Threading: one thread takes requests, from all clients at once; each lane has one that answers its clients
// in turn. So questions never wait for a command that waits for other machines, and no two commands run at
// once. A request whose client has gone by its turn is not begun. Limits: the constants below; a client too
// many is told so. A client that sends its request too slowly, or does not take the answer, is dropped.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "kontor/base/result.h"

namespace kontor::app {

inline constexpr int kControlSilentMs = 10'000;  // then a client gives the node up
inline constexpr int kControlRequestMs = 2'000;  // for a request to be there, all of it
inline constexpr int kControlAnswerMs = 5'000;   // for an answer to be taken, all of it
inline constexpr std::size_t kControlRequestBytes = 64U << 10U;
inline constexpr std::size_t kControlAnswerBytes = 16U << 20U;
inline constexpr std::size_t kControlSending = 32;  // clients without a whole request; the oldest goes first
inline constexpr std::size_t kControlWaiting = 32;  // clients that wait in a lane, beside the one at work

enum class ControlLane {
    question,      // answered at once
    command,       // changes something, and may wait for other machines
    verification,  // looks at everything
};
inline constexpr std::size_t kControlLanes = 3;

struct ControlOptions {
    std::string path;
    std::function<std::string(const std::string& request_json)> handler;
    std::function<ControlLane(const std::string& request_json)> lane_of;  // null: all are questions
    // The process ends soon: only questions are answered any more. May be null.
    std::function<bool()> shall_stop;
};

class ControlServer {
 public:
    static Result<std::unique_ptr<ControlServer>> start(ControlOptions options);
    // Stops, tells waiting clients that nothing was done, and removes the socket. Waits for the handler's
    // requests at work: they have to know by themselves that they shall end.
    virtual ~ControlServer() = default;
};

// Sends one request. unavailable: nobody listens there; timeout: who does says nothing for that long (a
// process that was stopped); io: it ended before it answered. In both, whether the request is carried out is
// not known.
[[nodiscard]] Result<std::string> control_call(const std::string& path, const std::string& request_json,
                                               int silent_ms = kControlSilentMs);
// The process that listens there, as the kernel knows it.
[[nodiscard]] Result<int> control_peer(const std::string& path);
[[nodiscard]] std::string control_path(const std::string& data_folder);

}  // namespace kontor::app
