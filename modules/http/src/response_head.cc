#include "response_head.h"

#include <boost/beast/http/status.hpp>
#include <charconv>
#include <ctime>

#include "ascii.h"

namespace kontor::http {
namespace {

bool is_servers_own(std::string_view name) {
    // By length first: this runs for each field of each response.
    switch (name.size()) {
        case 4:
            return equal_ignoring_case(name, "date");
        case 10:
            return equal_ignoring_case(name, "connection") || equal_ignoring_case(name, "keep-alive");
        case 14:
            return equal_ignoring_case(name, "content-length");
        case 17:
            return equal_ignoring_case(name, "transfer-encoding");
        default:
            return false;
    }
}

void append_number(std::string& out, std::size_t value) {
    char digits[24];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value).ptr;
    out.append(digits, end);
}

}  // namespace

void append_head(std::string& out, const Response& response, const HeadOptions& options) {
    if (response.status == 200) {
        out += options.http11 ? "HTTP/1.1 200 OK\r\n" : "HTTP/1.0 200 OK\r\n";
    } else {
        out += options.http11 ? "HTTP/1.1 " : "HTTP/1.0 ";
        append_number(out, static_cast<std::size_t>(response.status));
        out += ' ';
        const auto known = boost::beast::http::int_to_status(static_cast<unsigned>(response.status));
        out += boost::beast::http::obsolete_reason(known);
        out += "\r\n";
    }
    if (!options.date.empty()) out.append("Date: ").append(options.date).append("\r\n");
    if (options.content_length) {
        out += "Content-Length: ";
        append_number(out, *options.content_length);
        out += "\r\n";
    }
    if (options.chunked) out += "Transfer-Encoding: chunked\r\n";
    if (!options.keep_alive)
        out += "Connection: close\r\n";
    else if (!options.http11)
        out += "Connection: keep-alive\r\n";
    for (const Header& header : response.headers) {
        if (is_servers_own(header.name) || !is_token(header.name)) continue;
        out.append(header.name).append(": ");
        const std::size_t at = out.size();
        out += header.value;
        if (!is_field_value(header.value))
            for (std::size_t i = at; i < out.size(); ++i)
                if (!is_field_value({&out[i], 1})) out[i] = ' ';
        out += "\r\n";
    }
    out += "\r\n";
}

std::string http_date(std::int64_t unix_seconds) {
    static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    const auto seconds = static_cast<std::time_t>(unix_seconds);
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char text[80];
    const int n = std::snprintf(text, sizeof(text), "%s, %02d %s %04d %02d:%02d:%02d GMT", kDays[utc.tm_wday],
                                utc.tm_mday, kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min,
                                utc.tm_sec);
    return {text, static_cast<std::size_t>(n)};
}

}  // namespace kontor::http
