#include "request_parser.h"

#include <algorithm>
#include <boost/asio/buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <functional>
#include <limits>

#include "ascii.h"
#include "kontor/base/assert.h"

namespace kontor::http {
namespace {

namespace beast = boost::beast::http;

// A body is not reserved beyond this before its bytes arrive: a claimed length costs the claimer nothing.
constexpr std::size_t kMaxReserveBytes = 64U << 10U;

bool supported(beast::verb method) {
    switch (method) {
        case beast::verb::get:
        case beast::verb::head:
        case beast::verb::post:
        case beast::verb::put:
        case beast::verb::patch:
        case beast::verb::delete_:
        case beast::verb::options:
            return true;
        default:
            return false;
    }
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

// Fields of HTTP itself that have one value. Those that are lists (Accept, Via, X-Forwarded-For) may repeat.
constexpr beast::field kSingle[] = {
    beast::field::host,         beast::field::content_length, beast::field::transfer_encoding,
    beast::field::content_type, beast::field::authorization,  beast::field::expect,
    beast::field::cookie,       beast::field::origin,         beast::field::referer,
    beast::field::user_agent,   beast::field::range,          beast::field::if_modified_since,
    beast::field::max_forwards, beast::field::from,           beast::field::proxy_authorization,
};
constexpr std::size_t kMaxPortDigits = 5;
constexpr std::size_t kSingleCount = std::size(kSingle);
constexpr std::size_t kMaxSingleFields = 32;  // bits of `seen_`

// RFC 9110 7.2, as RFC 3986 3.2 writes it, without a user: a name or an address in brackets, and a port.
bool is_host_and_port(std::string_view text) {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos || end < 3) return false;
        const std::string_view inner = text.substr(1, end - 1);
        if (inner.find_first_not_of("0123456789abcdefABCDEFvV:.") != std::string_view::npos) return false;
        ++end;
    } else {
        constexpr std::string_view kOthers = "-._~%!$&'()*+,;=";
        const auto may_stand = [&](char c) {
            return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') ||
                   kOthers.find(c) != std::string_view::npos;
        };
        while (end < text.size() && may_stand(text[end])) ++end;
    }
    if (end == text.size()) return true;
    if (text[end] != ':' || (end == 0 && !text.empty())) return false;
    const std::string_view port = text.substr(end + 1);
    return port.size() <= kMaxPortDigits && std::all_of(port.begin(), port.end(), is_digit);
}

std::string_view without_port(std::string_view authority, std::string_view port) {
    const std::size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.ends_with(']')) return authority;
    const std::string_view has = authority.substr(colon + 1);
    return has.empty() || has == port ? authority.substr(0, colon) : authority;
}

// "… HTTP/2.0": a version that we do not speak, as opposed to garbage.
bool names_a_version(std::string_view rest) {
    const std::string_view line = rest.substr(0, rest.find_first_of("\r\n"));
    const std::size_t at = line.rfind(" HTTP/");
    if (at == std::string_view::npos) return false;
    const std::string_view version = line.substr(at + 6);
    if (version == "1.0" || version == "1.1") return false;  // the line is bad for another reason
    return version.size() == 3 && is_digit(version[0]) && version[1] == '.' && is_digit(version[2]);
}

}  // namespace

RequestParser::RequestParser(const ServerLimits& limits) : limits_(limits) {
    // The head is counted here: Beast counts line and fields separately.
    header_limit(std::numeric_limits<std::uint32_t>::max());
    body_limit(limits.max_body_bytes);
    KONTOR_ASSERT(kSingleCount + limits.single_fields.size() <= kMaxSingleFields, "a bit for each field");
    request_.headers.reserve(12);
}

Request RequestParser::head() const {
    Request head;
    head.method = request_.method;
    head.path = request_.path;
    head.query = request_.query;
    head.headers = request_.headers;
    return head;
}

void RequestParser::refuse(int status, const char* message) {
    if (failure_status_ != 0) return;
    failure_status_ = status;
    failure_message_ = message;
}

void RequestParser::refuse(int status, const char* message, error_code& ec) {
    refuse(status, message);
    ec = beast::error::bad_value;
}

void RequestParser::map_error(const error_code& ec, std::string_view rest) {
    if (ec == beast::error::body_limit) {
        // Beast looks at the length before it says that the head is whole.
        if (!head_done_ && head_bytes_ > limits_.max_header_bytes)
            return refuse(431, "the request's header is too large");
        error_code ignored;
        if (!head_done_) on_header_impl(ignored);
        return refuse(413, "the body is too large");
    }
    if (ec == beast::error::bad_version)
        return names_a_version(rest) ? refuse(505, "only HTTP/1.1 is spoken here")
                                     : refuse(400, "not an HTTP request");
    if (ec == beast::error::bad_content_length || ec == beast::error::multiple_content_length)
        return refuse(400, "bad Content-Length");
    if (ec == beast::error::bad_transfer_encoding) return refuse(400, "bad Transfer-Encoding");
    if (ec == beast::error::bad_chunk || ec == beast::error::bad_chunk_extension)
        return refuse(400, "bad chunk");
    refuse(400, "malformed HTTP request");
}

std::size_t RequestParser::feed(std::string_view bytes) {
    std::size_t taken = 0;
    if (!head_done_) {
        taken = feed_head(bytes);
        if (!head_done_ || failure_status_ != 0) return taken;
    }
    while (!is_done() && taken < bytes.size()) {
        error_code ec;
        taken += put(boost::asio::buffer(bytes.data() + taken, bytes.size() - taken), ec);
        if (ec == beast::error::need_more) {
            // Only chunk headers and trailers need to be whole.
            if (bytes.size() - taken > limits_.max_header_bytes)
                refuse(431, "a chunk header or trailer is too large");
            break;
        }
        if (ec) {
            map_error(ec, bytes.substr(taken));
            break;
        }
    }
    return taken;
}

std::size_t RequestParser::feed_head(std::string_view bytes) {
    std::size_t taken = 0;
    // RFC 9112 2.2: empty lines before the request line are ignored.
    while (!started_ && taken < bytes.size()) {
        if (bytes[taken] == '\n' ||
            (bytes[taken] == '\r' && taken + 1 < bytes.size() && bytes[taken + 1] == '\n'))
            taken += bytes[taken] == '\n' ? 1 : 2;
        else if (bytes[taken] == '\r' && taken + 1 == bytes.size())
            return taken;
        else
            started_ = true;
    }
    empty_bytes_ += taken;
    if (empty_bytes_ > kMaxEmptyBytes) {
        refuse(400, "too many empty lines before a request");
        return taken;
    }
    if (!started_) return taken;
    error_code ec;
    const std::string_view rest = bytes.substr(taken);
    input_ = rest.data();
    input_end_ = rest.data() + rest.size();
    const std::size_t used = put(boost::asio::buffer(rest.data(), rest.size()), ec);
    head_bytes_ += used;
    if (head_done_ && head_bytes_ > limits_.max_header_bytes) {
        refuse(431, "the request's header is too large");
    } else if (ec == beast::error::need_more) {
        const std::size_t waiting = rest.size() - used;
        if (head_bytes_ + waiting > limits_.max_header_bytes) {
            if (!line_done_ && rest.find('\n') == std::string_view::npos)
                refuse(414, "the request's target is too long");
            else
                refuse(431, "the request's header is too large");
        }
    } else if (ec) {
        map_error(ec, rest.substr(used));
    }
    if (head_done_) eager(true);
    return taken + used;
}

bool RequestParser::set_target(std::string_view target) {
    if (target == "*") {
        request_.path = "*";
        return request_.method == "OPTIONS";
    }
    // RFC 9112 3.2.2: a server accepts the absolute form, which proxies use.
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (target.size() < scheme.size() || !equal_ignoring_case(target.substr(0, scheme.size()), scheme))
            continue;
        const std::size_t path = target.find_first_of("/?", scheme.size());
        authority_ =
            target.substr(scheme.size(), path == std::string_view::npos ? path : path - scheme.size());
        authority_port_ = scheme == "https://" ? "443" : "80";
        if (authority_.empty() || !is_host_and_port(authority_)) return false;
        target = path == std::string_view::npos ? std::string_view("/") : target.substr(path);
        break;
    }
    const std::size_t question = target.find('?');
    request_.path = target.substr(0, question);
    if (question != std::string_view::npos) request_.query = target.substr(question + 1);
    if (request_.path.empty()) request_.path = "/";  // "https://host?query"
    return request_.path.front() == '/' && target.find('#') == std::string_view::npos;
}

void RequestParser::on_request_impl(beast::verb method, view method_text, view target, int version,
                                    error_code& ec) {
    line_done_ = true;
    http11_ = version >= 11;
    if (!supported(method)) return refuse(501, "this method is not implemented", ec);
    request_.method = method_text;
    if (target.size() > limits_.max_target_bytes) return refuse(414, "the request's target is too long", ec);
    if (!set_target(target)) return refuse(400, "bad request target", ec);
}

// Beast joins a value of several lines in a buffer of its own, and skips a first line that is empty.
bool RequestParser::is_folded(std::string_view name, std::string_view value) const {
    const std::less<const char*> before;
    if (before(value.data(), input_) || before(input_end_, value.data())) return true;
    const char* const gap = name.data() + name.size();
    return std::find(gap, value.data(), '\n') != value.data();
}

bool RequestParser::note_single(beast::field field, std::string_view name) {
    std::size_t bit = 0;
    if (field != beast::field::unknown) {
        while (bit < kSingleCount && kSingle[bit] != field) ++bit;
    } else {
        bit = kSingleCount;
    }
    if (bit == kSingleCount) {
        const auto& more = limits_.single_fields;
        const auto found = std::find_if(more.begin(), more.end(), [name](const std::string& one) {
            return equal_ignoring_case(one, name);
        });
        if (found == more.end()) return true;
        bit += static_cast<std::size_t>(found - more.begin());
    }
    const std::uint32_t mask = std::uint32_t{1} << bit;
    if ((seen_ & mask) != 0) return false;
    seen_ |= mask;
    return true;
}

void RequestParser::on_field_impl(beast::field field, view name, view value, error_code& ec) {
    if (head_done_) return;  // trailers are read and dropped
    if (request_.headers.size() == kMaxHeaderFields) return refuse(431, "too many header fields", ec);
    if (is_folded(name, value)) return refuse(400, "a folded header line", ec);
    if (!note_single(field, name)) return refuse(400, "a header field stands twice that may stand once", ec);
    switch (field) {
        case beast::field::host:
            if (!is_host_and_port(value)) return refuse(400, "bad Host", ec);
            has_host_ = true;
            break;
        case beast::field::content_length:
            // "5, 5" and "+5" are numbers to some.
            if (value.empty() || value.find_first_not_of("0123456789") != view::npos)
                return refuse(400, "bad Content-Length", ec);
            break;
        case beast::field::transfer_encoding:
            if (!http11_) return refuse(400, "bad Transfer-Encoding", ec);
            if (!equal_ignoring_case(value, "chunked"))
                return refuse(501, "this transfer coding is not implemented", ec);
            break;
        case beast::field::expect:
            // RFC 9110 10.1.1: an expectation that we do not know may be answered with 417.
            if (!equal_ignoring_case(value, "100-continue")) return refuse(417, "unknown expectation", ec);
            expects_continue_ = true;
            break;
        default:
            break;
    }
    request_.headers.push_back({std::string(name), std::string(value)});
}

void RequestParser::on_header_impl(error_code& ec) {
    head_done_ = true;
    if (http11_ && !has_host_) return refuse(400, "Host is missing", ec);
    if (authority_.empty()) return;
    if (!has_host_) return request_.headers.push_back({"Host", authority_});
    if (!names_its_host()) refuse(400, "the target and Host name different hosts", ec);
}

// RFC 9112 3.2.2 lets the target count. Who sends two that differ wants two parties to see two requests.
bool RequestParser::names_its_host() const {
    return equal_ignoring_case(without_port(authority_, authority_port_),
                               without_port(request_.header("host"), authority_port_));
}

void RequestParser::on_body_init_impl(const boost::optional<std::uint64_t>& content_length, error_code&) {
    if (content_length)
        request_.body.reserve(
            static_cast<std::size_t>(std::min<std::uint64_t>(*content_length, kMaxReserveBytes)));
}

std::size_t RequestParser::on_body_impl(view body, error_code&) {
    request_.body.append(body.data(), body.size());
    return body.size();
}

std::size_t RequestParser::on_chunk_body_impl(std::uint64_t, view body, error_code&) {
    request_.body.append(body.data(), body.size());
    return body.size();
}

}  // namespace kontor::http
