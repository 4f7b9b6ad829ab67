#pragma once
// Reads one HTTP response, byte by byte as it comes, and is generous about it: receivers of webhooks cannot
// be changed. Accepted besides what RFC 9112 asks for: any HTTP version, no reason phrase, several spaces,
// lines that end with LF alone, empty lines before the status line, folded fields, spaces before the colon,
// lines without a colon (skipped), any byte but CR and LF in names and values.
//
// A framing that is not beyond doubt (two different lengths, a length beside chunks) is still read, and the
// connection is not used again: keeps_alive().
//
// Threading: one thread. Errors: too_large (head above kMaxHeadBytes, body above `max_body`), io (no HTTP).
// Limits: kMaxHeadBytes for status line, fields and interim answers together, and again for trailers.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/http/server.h"

namespace kontor::http {

class ResponseReader {
 public:
    static constexpr std::size_t kMaxHeadBytes = 256U << 10U;

    ResponseReader(bool answers_head, std::size_t max_body)
        : answers_head_(answers_head), max_body_(max_body) {}

    // Takes what belongs to the response and returns how much that was; less than all only when it is
    // complete.
    [[nodiscard]] Result<std::size_t> put(std::string_view bytes);
    // The server closed. True: that completes the response.
    [[nodiscard]] bool put_end();

    [[nodiscard]] bool has_begun() const { return has_begun_; }
    [[nodiscard]] bool has_head() const { return phase_ > Phase::fields; }  // of the final answer
    [[nodiscard]] bool is_complete() const { return phase_ == Phase::complete; }
    [[nodiscard]] bool keeps_alive() const { return is_complete() && keep_alive_ && !is_doubtful_; }
    [[nodiscard]] int status() const { return status_; }
    [[nodiscard]] std::vector<Header>& headers() { return headers_; }
    [[nodiscard]] std::string& body() { return body_; }

 private:
    enum class Phase : std::uint8_t {
        status_line,
        fields,
        body,  // `left_` bytes
        chunk_size,
        chunk,  // `left_` bytes
        chunk_end,
        trailers,
        until_end,
        complete
    };

    [[nodiscard]] Result<void> take_line(std::string_view line);
    [[nodiscard]] Result<void> take_status_line(std::string_view line);
    void take_field(std::string_view line);
    [[nodiscard]] Result<void> take_chunk_size(std::string_view line);
    [[nodiscard]] Result<void> end_of_head();
    [[nodiscard]] Result<std::size_t> take_body(std::string_view bytes);
    void take_length(std::string_view value);
    void take_connection(std::string_view value);
    void begin();

    const bool answers_head_;
    const std::size_t max_body_;
    Phase phase_ = Phase::status_line;
    bool has_begun_ = false;
    std::string line_;  // begun, its end is still to come
    std::size_t head_bytes_ = 0;
    int status_ = 0;
    bool is_http_11_ = false;
    bool keep_alive_ = false, says_close_ = false, says_keep_alive_ = false;
    bool is_doubtful_ = false;
    bool has_length_ = false, has_coding_ = false, is_chunked_ = false;
    std::uint64_t length_ = 0, left_ = 0;
    std::vector<Header> headers_;
    std::string body_;
};

}  // namespace kontor::http
