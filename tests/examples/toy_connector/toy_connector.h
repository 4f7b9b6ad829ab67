#pragma once
// The example of a connector: a channel that takes orders as forms over HTTPS and says by a signed notice
// what a payer did.
//
//   order    POST /orders  "reference=…&operation=sale&amount=…&currency=…&method=…&of=…&notify=…"
//   answer   "id=…&reference=…&state=done|declined|asks&url=…" and a line's end: without it, it was cut
//   query    GET /orders/att_…: the answer again; 404: there is no such order
//   notice   the same at the account's door, below `notices`; header Toy-Signature: hex of HMAC-SHA256 over
//   the
//            path, a line's end and the body
//
// Threading: pure. Errors: as connector.h.

#include <array>
#include <string_view>

#include "connectors/connector.h"

namespace kontor::connectors::toy_connector {

inline constexpr std::string_view kApiKey = "api_key";        // of our calls
inline constexpr std::string_view kNoticeKey = "notice_key";  // of the channel's notices
inline constexpr std::string_view kSignature = "Toy-Signature";

[[nodiscard]] std::variant<Call, Answer> build(const Order& order, const Credentials& credentials,
                                               const Moment& moment);
[[nodiscard]] Answer parse(const Order& order, const Reply& reply, const Credentials& credentials,
                           const Moment& moment);
[[nodiscard]] std::variant<Call, Answer> build_query(const Order& order, const Credentials& credentials,
                                                     const Moment& moment);
[[nodiscard]] std::optional<Answer> parse_query(const Order& order, const Reply& reply,
                                                const Credentials& credentials, const Moment& moment);
[[nodiscard]] Result<Handled> on_inbound(const Inbound& inbound, const Credentials& credentials,
                                         const Moment& moment);
// What the channel writes into the header of a notice.
[[nodiscard]] std::string signature(std::string_view notice_key, std::string_view path,
                                    std::string_view body);

inline constexpr std::array kOperations = {Operation::sale, Operation::authorize, Operation::capture,
                                           Operation::void_authorization, Operation::refund};
inline constexpr std::array<std::uint16_t, 2> kCurrencies = {978, 756};  // EUR, CHF
inline constexpr std::array kServes = {Served{.method = "card",
                                              .currencies = std::span<const std::uint16_t>(kCurrencies),
                                              .operations = std::span<const Operation>(kOperations)}};
// What takes money is asked about; the others are sent again.
inline constexpr std::array kQueries = {
    Query{.operation = Operation::sale, .build = &build_query, .parse = &parse_query},
    Query{.operation = Operation::authorize, .build = &build_query, .parse = &parse_query},
};
inline constexpr std::array kFields = {
    Field{.name = kApiKey, .is_secret = true, .is_required = true},
    Field{.name = kNoticeKey, .is_secret = true, .is_required = true},
};
inline constexpr std::array kTokens = {
    TestToken{"pm_toy_pays", "tok_toy_pays", "card", "visa", "0001", "credit", "DE", 12, 2040},
    TestToken{"pm_toy_declined", "tok_toy_declined", "card", "visa", "0002", "credit", "DE", 12, 2040},
    TestToken{"pm_toy_asks", "tok_toy_asks", "card", "visa", "0003", "credit", "DE", 12, 2040},
};

inline constexpr Connector kConnector = {
    .name = "toy_connector",
    .title = "Toy channel",
    .modes = Modes::test,
    .serves = std::span<const Served>(kServes),
    .fields = std::span<const Field>(kFields),
    .test_tokens = std::span<const TestToken>(kTokens),
    .draw = nullptr,
    .build = &build,
    .parse = &parse,
    .queries = std::span<const Query>(kQueries),
    .on_inbound = &on_inbound,
};

}  // namespace kontor::connectors::toy_connector
