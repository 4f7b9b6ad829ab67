// The page on which the payer of a test proves who he is, or does not: two buttons. Its link says the order,
// the card and the way back, and is signed with the account's key, so that nobody ends another order.
#include <algorithm>
#include <array>

#include "connectors/sandbox/cards.h"
#include "connectors/sandbox/sandbox.h"
#include "kontor/base/bytes.h"
#include "kontor/uri/uri.h"

namespace kontor::connectors::sandbox {

namespace {

constexpr std::string_view kPage = "authenticate/";
constexpr std::size_t kMaxReferenceBytes = 64;
constexpr std::string_view kSignature = "&s=";

bool is_plain(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

// "" if absent, or there twice: nobody says which one is meant.
std::string parameter(const uri::QueryPairs& form, std::string_view name) {
    const auto is_named = [&](const auto& pair) { return pair.first == name; };
    if (std::ranges::count_if(form, is_named) != 1) return {};
    return std::ranges::find_if(form, is_named)->second;
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
    const auto form = uri::parse_query(query);
    if (!form) return no_page();
    link.card = find_card(parameter(*form, "t"));
    if (link.card == nullptr) return no_page();
    link.return_url = parameter(*form, "r");
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
    const std::string query = "t=" + order.method_token + "&r=" + uri::percent_encode(order.return_url);
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
    const auto form = uri::parse_query(inbound.body);
    const std::string wanted = form ? parameter(*form, "outcome") : std::string();
    const bool completes = wanted == "complete";
    if (!completes && wanted != "fail")
        return fail(ErrorCode::invalid_argument, "The form says neither complete nor fail.");
    handled.notice =
        Notice{"authenticated:" + link.reference + ":" + wanted, link.reference, outcome(link, completes)};
    handled.acknowledgement = done(link, completes && link.card->decline == nullptr);
    handled.if_failed = done(link, false);
    handled.if_succeeded = done(link, true);
    return handled;
}

}  // namespace kontor::connectors::sandbox
