#include "kontor/uri/uri.h"

#include <boost/url/encode.hpp>
#include <boost/url/grammar/hexdig_chars.hpp>
#include <boost/url/ipv4_address.hpp>
#include <boost/url/ipv6_address.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <charconv>

namespace kontor::uri {
namespace {

namespace urls = boost::urls;

constexpr std::size_t kMaxHostBytes = 253;

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
        if (is_hex ? !urls::grammar::hexdig_chars(c) : !is_digit(c)) return false;
    return true;
}

Unexpected bad_url(const char* what) {
    return fail(ErrorCode::invalid_argument, std::string("URL: ") + what);
}

// Of a name or a plain IPv4 address.
Result<void> check_host_name(std::string_view host) {
    const auto bad = [] { return bad_url("not a host name"); };
    if (host.empty() || host.size() > kMaxHostBytes) return bad();
    for (const char c : host)
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') return bad();
    if (host.front() == '.' || host.find("..") != std::string_view::npos) return bad();
    if (ends_in_number(host) && !urls::parse_ipv4_address(host)) return bad();
    return {};
}

Result<std::uint16_t> port_of(std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size() || number == 0 || number > 65'535)
        return bad_url("not a port number");
    return static_cast<std::uint16_t>(number);
}

// Not parse_authority(): that of Boost 1.81 refuses names that begin like an IPv4 address (127.0.0.1.nip.io),
// and its ports wrap (80000 is 14464).
Result<void> split_authority(std::string_view authority, Url& url) {
    if (authority.find('@') != std::string_view::npos)
        return fail(ErrorCode::invalid_argument, "a URL must not contain a user name");
    std::string_view host = authority;
    std::size_t colon = authority.rfind(':');
    if (authority.starts_with('[')) {
        const std::size_t end = authority.find(']');
        if (end == std::string_view::npos) return bad_url("missing ']'");
        host = authority.substr(1, end - 1);
        colon = end + 1 < authority.size() ? end + 1 : std::string_view::npos;
        if (colon != std::string_view::npos && authority[colon] != ':') return bad_url("text after ']'");
        if (!urls::parse_ipv6_address(host)) return bad_url("not an IPv6 address");
    } else {
        host = authority.substr(0, colon);
        if (host.ends_with('.')) host.remove_suffix(1);  // of a name that is whole, as ours all are
        KONTOR_CHECK(check_host_name(host));
    }
    if (colon != std::string_view::npos) {
        KONTOR_TRY(url.port, port_of(authority.substr(colon + 1)));
    }
    url.host = to_lower(host);
    return {};
}

}  // namespace

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
    const auto escaped = urls::make_pct_string_view(text);
    if (!escaped) return fail(ErrorCode::invalid_argument, "a '%' is not followed by two hex digits");
    return escaped->decode(urls::encoding_opts(plus_is_space));
}

std::string percent_encode(std::string_view text) {
    return urls::encode(text, urls::unreserved_chars);
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

std::string join_authority(std::string_view host, std::uint16_t port) {
    const bool brackets = host.find(':') != std::string_view::npos;
    std::string out = brackets ? "[" + std::string(host) + "]" : std::string(host);
    if (port != 0) out += ":" + std::to_string(port);
    return out;
}

std::string Url::authority() const {
    return join_authority(host, port == (https ? 443 : 80) ? 0 : port);
}

Result<Url> split_url(std::string_view url) {
    if (url.size() > kMaxUrlBytes) return fail(ErrorCode::too_large, "URL is longer than 8 KiB");
    for (const char c : url) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte <= 0x20 || byte >= 0x7F)
            return bad_url("spaces, control and non-ASCII characters must be escaped");
    }
    Url out;
    const std::size_t scheme_end = url.find("://");
    if (scheme_end == std::string_view::npos) return bad_url("needs http:// or https://");
    const std::string scheme = to_lower(url.substr(0, scheme_end));
    if (scheme != "http" && scheme != "https") return bad_url("needs http:// or https://");
    out.https = scheme == "https";
    out.port = out.https ? 443 : 80;
    // The target stays as it is, also where no grammar has it: "?session={CHECKOUT_SESSION_ID}" is a
    // template.
    const std::string_view rest = url.substr(scheme_end + 3);
    if (rest.find('#') != std::string_view::npos) return bad_url("fragments have no use here");
    const std::size_t authority_end = rest.find_first_of("/?");
    KONTOR_CHECK(split_authority(rest.substr(0, authority_end), out));
    if (authority_end != std::string_view::npos) {
        out.target = rest.substr(authority_end);
        if (out.target.front() == '?') out.target.insert(0, 1, '/');
    }
    return out;
}

}  // namespace kontor::uri
