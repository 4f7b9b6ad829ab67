#include "kontor/http/client_address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>

#include "ascii.h"

namespace kontor::http {
namespace {

using Bytes = std::array<std::uint8_t, 16>;
constexpr unsigned kBits4 = 32, kBits6 = 128, kMappedBits = kBits6 - kBits4;

// IPv4 as ::ffff:a.b.c.d, so that there is one kind.
std::optional<Bytes> bytes_of(std::string_view text, bool* is_v4 = nullptr) {
    char buffer[INET6_ADDRSTRLEN + 1];
    if (text.size() >= sizeof(buffer)) return std::nullopt;
    std::memcpy(buffer, text.data(), text.size());
    buffer[text.size()] = '\0';
    Bytes bytes{};
    if (is_v4 != nullptr) *is_v4 = false;
    if (::inet_pton(AF_INET6, buffer, bytes.data()) == 1) return bytes;
    bytes = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
    if (::inet_pton(AF_INET, buffer, bytes.data() + kMappedBits / 8) != 1) return std::nullopt;
    if (is_v4 != nullptr) *is_v4 = true;
    return bytes;
}

bool has_prefix(const Bytes& address, const Bytes& prefix, unsigned bits) {
    const std::size_t whole = bits / 8;
    if (std::memcmp(address.data(), prefix.data(), whole) != 0) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((address[whole] ^ prefix[whole]) >> (8 - rest)) == 0;
}

std::string_view trimmed(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
    return text;
}

// "1.2.3.4:5678", "[::1]:80", "[::1]" without what is around the address.
std::string_view without_port(std::string_view text) {
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        return end == std::string_view::npos ? text : text.substr(1, end - 1);
    }
    const std::size_t colon = text.find(':');
    const bool is_one =
        colon != std::string_view::npos && text.find(':', colon + 1) == std::string_view::npos;
    return is_one ? text.substr(0, colon) : text;
}

// As the server writes addresses itself.
std::string written(const Bytes& bytes) {
    char text[INET6_ADDRSTRLEN] = {};
    static constexpr Bytes kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 0, 0, 0, 0};
    if (has_prefix(bytes, kMapped, kMappedBits))
        ::inet_ntop(AF_INET, bytes.data() + kMappedBits / 8, text, sizeof(text));
    else
        ::inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
    return text;
}

}  // namespace

Result<AddressRanges> AddressRanges::parse(const std::vector<std::string>& ranges) {
    if (ranges.size() > kMaxRanges)
        return fail(ErrorCode::invalid_argument, "more than " + std::to_string(kMaxRanges) + " ranges");
    AddressRanges out;
    std::string bad;
    for (const std::string& text : ranges) {
        const std::size_t slash = text.find('/');
        bool is_v4 = false;
        const auto bytes = bytes_of(std::string_view(text).substr(0, slash), &is_v4);
        unsigned bits = is_v4 ? kBits4 : kBits6;
        bool is_good = bytes.has_value();
        if (slash != std::string::npos) {
            const char* const end = text.data() + text.size();
            unsigned wanted = 0;
            const auto [at, error] = std::from_chars(text.data() + slash + 1, end, wanted);
            is_good = is_good && error == std::errc() && at == end && wanted <= bits;
            bits = wanted;
        }
        if (!is_good) {
            bad += (bad.empty() ? "" : ", ") + text;
            continue;
        }
        out.ranges_.push_back({*bytes, is_v4 ? bits + kMappedBits : bits});
    }
    if (!bad.empty())
        return fail(ErrorCode::invalid_argument, "not an address or a range such as 10.0.0.0/8: " + bad);
    return out;
}

bool AddressRanges::contains(std::string_view address) const {
    const auto bytes = bytes_of(address);
    if (!bytes) return false;
    for (const Range& range : ranges_)
        if (has_prefix(*bytes, range.bytes, range.bits)) return true;
    return false;
}

std::string client_address(const std::string& socket_ip, const std::vector<Header>& headers,
                           const AddressRanges& trusted) {
    std::string nearest = socket_ip;
    // Each proxy adds what it saw at the end; several fields are one list.
    for (std::size_t i = headers.size(); i-- > 0;) {
        if (!equal_ignoring_case(headers[i].name, "x-forwarded-for")) continue;
        std::string_view list = headers[i].value;
        for (;;) {
            const std::size_t comma = list.rfind(',');
            const std::string_view one =
                trimmed(comma == std::string_view::npos ? list : list.substr(comma + 1));
            const auto bytes = bytes_of(without_port(one));
            if (!bytes && !one.empty()) return nearest;  // "unknown": nobody knows what stands before it
            if (bytes) {
                nearest = written(*bytes);
                if (!trusted.contains(nearest)) return nearest;
            }
            if (comma == std::string_view::npos) break;
            list = list.substr(0, comma);
        }
    }
    return nearest;
}

bool is_plain_scrape(const std::vector<Header>& headers) {
    static constexpr std::string_view kNames[] = {"host",
                                                  "user-agent",
                                                  "accept",
                                                  "accept-encoding",
                                                  "accept-charset",
                                                  "accept-language",
                                                  "connection",
                                                  "cache-control",
                                                  "pragma",
                                                  "authorization",
                                                  "x-prometheus-scrape-timeout-seconds"};
    return std::all_of(headers.begin(), headers.end(), [](const Header& header) {
        return std::any_of(std::begin(kNames), std::end(kNames),
                           [&](std::string_view known) { return equal_ignoring_case(header.name, known); });
    });
}

}  // namespace kontor::http
