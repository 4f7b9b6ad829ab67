#pragma once
// One HTTP/1.1 request: Beast's parser filling a Request directly, with Kontor's limits and the status
// that each kind of bad input gets. Stricter than Beast where a lenient reading lets two parties see two
// requests: transfer codings, Host, the form of the target.
//
// A request has no folded line (RFC 9112 5.2 lets a server refuse it) and no field twice that is read as one
// value (kSingle, ServerLimits::single_fields).
//
// Threading: one thread. Limits: head (request line, fields and the empty line), target, body,
// kMaxHeaderFields, kMaxEmptyBytes.

#include <boost/beast/http/basic_parser.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/http/server.h"

namespace kontor::http {

inline constexpr std::size_t kMaxHeaderFields = 128;
inline constexpr std::size_t kMaxEmptyBytes = 64;  // of empty lines before a request

class RequestParser final : public boost::beast::http::basic_parser<true> {
 public:
    explicit RequestParser(const ServerLimits& limits);

    // Reads from the front of `bytes` and returns how many it took. What is left must be given again, with
    // more behind it, unless the request is complete or failed.
    std::size_t feed(std::string_view bytes);

    [[nodiscard]] bool head_done() const { return head_done_; }
    [[nodiscard]] bool complete() const { return head_done_ && failure_status_ == 0 && is_done(); }
    [[nodiscard]] int failure_status() const { return failure_status_; }  // 0: none
    [[nodiscard]] const char* failure_message() const { return failure_message_; }
    // The client waits for "100 Continue" before it sends the body.
    [[nodiscard]] bool wants_continue() const { return expects_continue_ && http11_; }
    [[nodiscard]] bool http11() const { return http11_; }
    [[nodiscard]] Request take() { return std::move(request_); }
    [[nodiscard]] const Request& request() const { return request_; }
    [[nodiscard]] Request head() const;  // a copy without the body

 private:
    using error_code = boost::beast::error_code;
    using view = boost::beast::string_view;

    void refuse(int status, const char* message, error_code& ec);
    void refuse(int status, const char* message);
    void map_error(const error_code& ec, std::string_view rest);
    std::size_t feed_head(std::string_view bytes);
    bool set_target(std::string_view target);
    [[nodiscard]] bool names_its_host() const;
    [[nodiscard]] bool is_folded(std::string_view name, std::string_view value) const;
    // False: the field may stand once only, and stood already.
    bool note_single(boost::beast::http::field field, std::string_view name);

    void on_request_impl(boost::beast::http::verb method, view method_text, view target, int version,
                         error_code& ec) override;
    void on_response_impl(int, view, int, error_code&) override {}
    void on_field_impl(boost::beast::http::field field, view name, view value, error_code& ec) override;
    void on_header_impl(error_code& ec) override;
    void on_body_init_impl(const boost::optional<std::uint64_t>& content_length, error_code& ec) override;
    std::size_t on_body_impl(view body, error_code& ec) override;
    void on_chunk_header_impl(std::uint64_t, view, error_code&) override {}
    std::size_t on_chunk_body_impl(std::uint64_t remain, view body, error_code& ec) override;
    void on_finish_impl(error_code&) override {}

    const ServerLimits& limits_;
    Request request_;
    std::size_t head_bytes_ = 0;  // taken so far
    std::size_t empty_bytes_ = 0;
    bool started_ = false;  // past the empty lines that may come before a request
    bool line_done_ = false;
    bool head_done_ = false;
    bool http11_ = false;
    // The input of the current feed: a folded line is the one value that Beast hands over from elsewhere.
    const char* input_ = nullptr;
    const char* input_end_ = nullptr;
    std::string authority_;                 // of a target in absolute form
    std::string_view authority_port_ = "";  // what its scheme means without one
    std::uint32_t seen_ = 0;                // of kSingle and limits_.single_fields
    bool has_host_ = false;
    bool expects_continue_ = false;
    int failure_status_ = 0;
    const char* failure_message_ = "";
};

}  // namespace kontor::http
