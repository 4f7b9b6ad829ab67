#include "kontor/http/uri.h"

#include <arpa/inet.h>

#include <charconv>

namespace kontor::http {
namespace {

int hex_value(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return -1;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

// No domain of the top level is a number. To resolvers such a host is an address, also when it is short,
// octal, hexadecimal or one number: "127.1", "0x7f.0.0.1", "2130706433".
bool ends_in_number(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    const bool is_hex = last.size() >= 2 && last[0] == '0' && (last[1] == 'x' || last[1] == 'X');
    for (const char c : last.substr(is_hex ? 2 : 0))
        if (is_hex ? hex_value(c) < 0 : !is_digit(c)) return false;
    return true;
}

bool valid_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253) return false;
    for (const char c : host)
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') return false;
    if (host.front() == '.' || host.find("..") != std::string_view::npos) return false;
    in_addr parsed{};
    return !ends_in_number(host) || inet_pton(AF_INET, std::string(host).c_str(), &parsed) == 1;
}

Result<void> split_authority(std::string_view authority, Url& url) {
    if (authority.find('@') != std::string_view::npos)
        return fail(ErrorCode::invalid_argument, "a URL must not contain a user name");
    std::string_view host = authority;
    std::string_view port;
    bool has_port = false;
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return fail(ErrorCode::invalid_argument, "URL: missing ']'");
        host = authority.substr(1, end - 1);
        const std::string_view rest = authority.substr(end + 1);
        has_port = !rest.empty();
        if (has_port && rest.front() != ':') return fail(ErrorCode::invalid_argument, "URL: text after ']'");
        if (has_port) port = rest.substr(1);
        in6_addr parsed{};
        if (inet_pton(AF_INET6, std::string(host).c_str(), &parsed) != 1)
            return fail(ErrorCode::invalid_argument, "URL: not an IPv6 address");
    } else {
        const std::size_t colon = authority.rfind(':');
        has_port = colon != std::string_view::npos;
        if (has_port) {
            port = authority.substr(colon + 1);
            host = authority.substr(0, colon);
        }
        if (host.ends_with('.')) host.remove_suffix(1);  // of a name that is whole, as ours all are
        if (!valid_host_name(host)) return fail(ErrorCode::invalid_argument, "URL: not a host name");
    }
    if (has_port) {
        unsigned number = 0;
        const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), number);
        if (error != std::errc() || end != port.data() + port.size() || number == 0 || number > 65535)
            return fail(ErrorCode::invalid_argument, "URL: not a port number");
        url.port = static_cast<std::uint16_t>(number);
    }
    url.host = to_lower(host);
    return {};
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '+' && plus_is_space) {
            out.push_back(' ');
        } else if (c == '%') {
            const int high = i + 2 < text.size() ? hex_value(text[i + 1]) : -1;
            const int low = i + 2 < text.size() ? hex_value(text[i + 2]) : -1;
            if (high < 0 || low < 0)
                return fail(ErrorCode::invalid_argument, "a '%' is not followed by two hex digits");
            out.push_back(static_cast<char>(high * 16 + low));
            i += 2;
        } else {
            out.push_back(c);
        }
    }
    return out;
}

std::string percent_encode(std::string_view text) {
    static constexpr char kHex[] = "0123456789ABCDEF";
    std::string out;
    out.reserve(text.size() * 3);
    for (const char c : text) {
        if (is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out.push_back(c);
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out.push_back('%');
        out.push_back(kHex[byte >> 4U]);
        out.push_back(kHex[byte & 15U]);
    }
    return out;
}

Result<QueryPairs> parse_query(std::string_view query, std::size_t max_pairs) {
    QueryPairs pairs;
    while (!query.empty()) {
        const std::size_t end = query.find('&');
        const std::string_view field = query.substr(0, end);
        query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
        if (field.empty()) continue;
        if (pairs.size() == max_pairs)
            return fail(ErrorCode::too_large, "more than " + std::to_string(max_pairs) + " parameters");
        const std::size_t equals = field.find('=');
        KONTOR_TRY(std::string name, percent_decode(field.substr(0, equals), true));
        if (name.empty()) return fail(ErrorCode::invalid_argument, "a parameter has no name");
        std::string value;
        if (equals != std::string_view::npos) {
            KONTOR_TRY(value, percent_decode(field.substr(equals + 1), true));
        }
        pairs.emplace_back(std::move(name), std::move(value));
    }
    return pairs;
}

std::string Url::authority() const {
    const bool brackets = host.find(':') != std::string::npos;
    std::string out = brackets ? "[" + host + "]" : host;
    if (port != (https ? 443 : 80)) out += ":" + std::to_string(port);
    return out;
}

Result<Url> split_url(std::string_view url) {
    if (url.size() > kMaxUrlBytes) return fail(ErrorCode::too_large, "URL is longer than 8 KiB");
    for (const char c : url) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte >= 0x7F)
            return fail(ErrorCode::invalid_argument,
                        "URL: spaces, control and non-ASCII characters must be escaped");
    }
    Url out;
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos)
        return fail(ErrorCode::invalid_argument, "URL: needs http:// or https://");
    const std::string scheme = to_lower(url.substr(0, scheme_end));
    if (scheme != "http" && scheme != "https")
        return fail(ErrorCode::invalid_argument, "URL: needs http:// or https://");
    out.https = scheme == "https";
    out.port = out.https ? 443 : 80;
    const std::string_view rest = url.substr(scheme_end + 3);
    if (rest.find('#') != std::string_view::npos)
        return fail(ErrorCode::invalid_argument, "URL: fragments have no use here");
    const std::size_t authority_end = rest.find_first_of("/?");
    KONTOR_CHECK(split_authority(rest.substr(0, authority_end), out));
    if (authority_end != std::string_view::npos) {
        out.target = rest.substr(authority_end);
        if (out.target.front() == '?') out.target.insert(0, 1, '/');
    }
    return out;
}

}  // namespace kontor::http
