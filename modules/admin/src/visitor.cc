#include "visitor.h"

#include <algorithm>

#include "kontor/admin/limits.h"
#include "kontor/base/bytes.h"

namespace kontor::admin {
namespace {

constexpr std::string_view kContext = "known browser";
constexpr std::size_t kBrowserBytes = 16;
constexpr std::size_t kPlainBytes = 8 + 8 + kBrowserBytes;  // operator, when, browser

std::string cookie_name(std::uint64_t operator_no) {
    return "kontor_browser_" + std::to_string(operator_no);
}

}  // namespace

std::string cookie_of(const http::Request& request, std::string_view name) {
    const std::string_view header = request.header("Cookie");
    std::size_t at = 0;
    while (at < header.size()) {
        const std::size_t end = std::min(header.find(';', at), header.size());
        std::string_view part = header.substr(at, end - at);
        while (part.starts_with(' ')) part.remove_prefix(1);
        if (part.starts_with(name) && part.size() > name.size() && part[name.size()] == '=')
            return std::string(part.substr(name.size() + 1));
        at = end + 1;
    }
    return {};
}

std::string browser_cookie(const crypto::Sealer& sealer, std::uint64_t operator_no, std::int64_t now_ms) {
    std::string plain;
    put_be64(plain, operator_no);
    put_be64(plain, static_cast<std::uint64_t>(now_ms));
    plain += crypto::random_bytes(kBrowserBytes);
    return cookie_name(operator_no) + "=" + to_hex(sealer.seal(plain, kContext)) +
           "; Path=/admin/api/login; HttpOnly; Secure; SameSite=Strict; Max-Age=" +
           std::to_string(limits::kBrowserLifetimeMs / 1000);
}

std::optional<std::string> known_browser(const crypto::Sealer& sealer, const http::Request& request,
                                         std::uint64_t operator_no, std::int64_t now_ms) {
    const std::string cookie = cookie_of(request, cookie_name(operator_no));
    const auto sealed = from_hex(cookie);
    if (cookie.empty() || !sealed) return std::nullopt;
    const auto plain = sealer.open(*sealed, kContext);
    if (!plain || plain->size() != kPlainBytes || get_be64(*plain) != operator_no) return std::nullopt;
    const auto made_ms = static_cast<std::int64_t>(get_be64(std::string_view(*plain).substr(8)));
    if (now_ms >= made_ms + limits::kBrowserLifetimeMs) return std::nullopt;
    return plain->substr(16);
}

}  // namespace kontor::admin
