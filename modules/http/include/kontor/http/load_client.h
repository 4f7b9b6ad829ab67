#pragma once
// Many keep-alive HTTPS connections driven by one thread, for load generation: bytes that the caller has
// built go out, status and body come back, and as little as possible happens in between. Not a general
// client: no redirects, no chunked answers, no pool; for everything else use http::Client.
//
// Threading: an object belongs to one thread. Ownership: answers are views that live until on_answer()
// returns. Errors: connect() says what is wrong with URL, certificate or server. Afterwards a broken
// connection is an answer with status 0 and the failure's name; the next send() on it connects again
// (blocking, at most kConnectTimeoutMs). Limits: kMaxAnswerBytes an answer; kMaxLoadConnections connections.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "kontor/base/result.h"

namespace kontor::http {

inline constexpr std::size_t kMaxAnswerBytes = 64U << 20U;
inline constexpr std::size_t kMaxLoadConnections = 10'000;
inline constexpr int kConnectTimeoutMs = 5'000;

struct LoadClientOptions {
    std::string url;     // "https://127.0.0.1:8443"; its path is not used
    std::string ca_pem;  // trusted in addition to the system's
    std::size_t connections = 1;
};

struct LoadAnswer {
    int status = 0;  // 0: the connection broke; `failure` says how
    std::string_view body;
    std::string_view failure;
};

class LoadHandler {
 public:
    virtual ~LoadHandler() = default;
    // The connection is free again: send() may be called from inside.
    virtual void on_answer(std::size_t connection, const LoadAnswer& answer) = 0;
};

class LoadClient {
 public:
    // Connects all; the first certificate that is not trusted or server that does not answer ends it.
    [[nodiscard]] static Result<std::unique_ptr<LoadClient>> connect(const LoadClientOptions& options);
    virtual ~LoadClient() = default;

    // The buffer of a free connection, empty: write one whole request into it, then send().
    [[nodiscard]] virtual std::string& buffer(std::size_t connection) = 0;
    virtual void send(std::size_t connection) = 0;
    // Waits until something arrives, `timeout_us` at most, and hands out the answers.
    virtual void poll(std::uint64_t timeout_us, LoadHandler& handler) = 0;
};

// The parts of an answer's head that matter here; public for its test.
struct AnswerHead {
    enum class State : std::uint8_t { incomplete, complete, unusable };
    State state = State::incomplete;
    int status = 0;
    std::size_t head_bytes = 0, body_bytes = 0;
    bool close = false;  // the server will close the connection
};
[[nodiscard]] AnswerHead parse_answer_head(std::string_view received);

}  // namespace kontor::http
