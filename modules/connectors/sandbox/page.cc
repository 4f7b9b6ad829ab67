// The page on which the payer of a test proves who he is, or does not: two buttons. Its link says the order,
// the card and the way back, and is signed with the account's key, so that nobody ends another order.
#include <array>

#include "connectors/sandbox/cards.h"
#include "connectors/sandbox/sandbox.h"
#include "kontor/base/bytes.h"

namespace kontor::connectors::sandbox {

namespace {

constexpr std::string_view kPage = "authenticate/";
constexpr std::size_t kMaxReferenceBytes = 64;
constexpr std::string_view kSignature = "&s=";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

std::string percent_encoded(std::string_view text) {
    constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_plain(c)) {
            out += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
    }
    return out;
}

int nibble(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return -1;
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const int high = nibble(text[i + 1]);
        const int low = nibble(text[i + 2]);
        if (high < 0 || low < 0) return std::nullopt;
        out += static_cast<char>(high * 16 + low);
        i += 2;
    }
    return out;
}

// The raw value of a parameter of a form; "" if absent.
std::string_view parameter(std::string_view form, std::string_view name) {
    while (!form.empty()) {
        const std::size_t end = std::min(form.find('&'), form.size());
        const std::string_view pair = form.substr(0, end);
        form.remove_prefix(std::min(end + 1, form.size()));
        if (pair.size() > name.size() && pair.starts_with(name) && pair[name.size()] == '=')
            return pair.substr(name.size() + 1);
    }
    return {};
}

// Of what stands before it, as it stands there.
std::string signature(const Credentials& credentials, std::string_view path, std::string_view query) {
    const std::string text = std::string(path) + "?" + std::string(query);
    return to_hex(crypto::hmac_sha256(credentials.find(kLinkKey), text));
}

// What a link that was signed says.
struct Link {
    std::string reference, return_url;
    const Card* card = nullptr;
};

Result<Link> read_link(const Inbound& inbound, const Credentials& credentials) {
    const auto no_page = [] { return fail(ErrorCode::not_found, "There is no such page."); };
    if (!inbound.path.starts_with(kPage)) return no_page();
    Link link;
    link.reference = inbound.path.substr(kPage.size());
    if (link.reference.empty() || link.reference.size() > kMaxReferenceBytes) return no_page();
    for (const char c : link.reference)
        if (!is_plain(c)) return no_page();
    const std::size_t signed_until = inbound.query.rfind(kSignature);
    if (signed_until == std::string::npos || credentials.find(kLinkKey).empty()) return no_page();
    const std::string_view query = std::string_view(inbound.query).substr(0, signed_until);
    if (!crypto::equal_constant_time(std::string_view(inbound.query).substr(signed_until + kSignature.size()),
                                     signature(credentials, inbound.path, query)))
        return fail(ErrorCode::permission_denied, "This link was not made here, or was changed on its way.");
    const auto return_url = percent_decoded(parameter(query, "r"));
    link.card = find_card(parameter(query, "t"));
    if (!return_url || link.card == nullptr) return no_page();
    link.return_url = *return_url;
    return link;
}

constexpr std::string_view kHtml = R"(<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Sandbox: authentication</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:32rem;margin:4rem auto;padding:0 1rem}
button{font:inherit;padding:.6rem 1.2rem;margin-right:.6rem}</style></head>
<body><h1>Authentication of a test payment</h1>
<p>A real bank would ask who you are. This is the sandbox: say how it shall end.</p>
<form method="post"><button name="outcome" value="complete">Complete</button>
<button name="outcome" value="fail">Fail</button></form></body></html>
)";

Acknowledgement html(int status, std::string body) {
    Acknowledgement page;
    page.status = status;
    page.type = "text/html; charset=utf-8";
    page.headers = {
        {"Cache-Control", "no-store"},
        {"Referrer-Policy", "no-referrer"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy",
         "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"}};
    page.body = std::move(body);
    return page;
}

// Back to the merchant, if he said where.
Acknowledgement done(const Link& link, bool completes) {
    if (link.return_url.empty())
        return html(200, completes
                             ? "<!doctype html><title>Done</title><p>Completed. You may close this page."
                             : "<!doctype html><title>Done</title><p>Failed. You may close this page.");
    Acknowledgement back = html(303, {});
    const std::size_t fragment = std::min(link.return_url.find('#'), link.return_url.size());
    std::string url = link.return_url.substr(0, fragment);
    url += url.find('?') == std::string::npos ? '?' : '&';
    url += completes ? "redirect_status=succeeded" : "redirect_status=failed";
    back.headers.push_back({"Location", url + link.return_url.substr(fragment)});
    return back;
}

Answer outcome(const Link& link, bool completes) {
    if (!completes)
        return failed({"invalid_request_error",
                       std::string(kAuthenticationFailure),
                       {},
                       "The provided PaymentMethod has failed authentication. You can provide "
                       "payment_method_data or a new PaymentMethod to attempt to fulfill this PaymentIntent "
                       "again."});
    if (const Decline* decline = link.card->decline; decline != nullptr)
        return failed({"card_error", std::string(decline->code), std::string(decline->decline_code),
                       std::string(decline->message)});
    return succeeded("sbx_" + link.reference);
}

}  // namespace

std::string page_url(const Order& order, const Credentials& credentials) {
    const std::string path = std::string(kPage) + order.reference;
    const std::string query = "t=" + order.method_token + "&r=" + percent_encoded(order.return_url);
    return order.door_url + "/" + path + "?" + query + std::string(kSignature) +
           signature(credentials, path, query);
}

Result<Handled> on_inbound(const Inbound& inbound, const Credentials& credentials, const Moment& /*moment*/) {
    KONTOR_TRY(const Link link, read_link(inbound, credentials));
    Handled handled;
    if (inbound.method == "GET") {
        handled.acknowledgement = html(200, std::string(kHtml));
        return handled;
    }
    const std::string_view wanted = parameter(inbound.body, "outcome");
    const bool completes = wanted == "complete";
    if (!completes && wanted != "fail")
        return fail(ErrorCode::invalid_argument, "The form says neither complete nor fail.");
    handled.notice = Notice{"authenticated:" + link.reference + ":" + std::string(wanted), link.reference,
                            outcome(link, completes)};
    handled.acknowledgement = done(link, completes);
    return handled;
}

}  // namespace kontor::connectors::sandbox
