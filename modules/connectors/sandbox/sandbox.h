#pragma once
// The sandbox acquirer: test mode's card channel, without anybody behind it. What it answers depends on the
// order alone, so the same reference always has the same fate, also after a restart. Tokens and their
// outcomes: docs/testing.md. Cards that want the payer's proof lead to a page behind the account's door,
// whose link is signed with the account's own key.

#include <array>

#include "connectors/connector.h"
#include "connectors/sandbox/cards.h"

namespace kontor::connectors::sandbox {

inline constexpr std::string_view kLinkKey = "link_key";  // the one field of its credentials

[[nodiscard]] std::variant<Call, Answer> build(const Order& order, const Credentials& credentials,
                                               const Moment& moment);
// It calls nobody, so nobody replies.
[[nodiscard]] Answer parse(const Order& order, const Reply& reply, const Credentials& credentials,
                           const Moment& moment);
// What became of an order whose answer was lost: it is known the second time.
[[nodiscard]] std::variant<Call, Answer> build_query(const Order& order, const Credentials& credentials,
                                                     const Moment& moment);
[[nodiscard]] std::optional<Answer> parse_query(const Order& order, const Reply& reply,
                                                const Credentials& credentials, const Moment& moment);
// The page of the payer: page.cc.
[[nodiscard]] std::string page_url(const Order& order, const Credentials& credentials);
[[nodiscard]] Result<Handled> on_inbound(const Inbound& inbound, const Credentials& credentials,
                                         const Moment& moment);
[[nodiscard]] Credentials draw(std::string_view random);

inline constexpr std::array kOperations = {Operation::sale, Operation::authorize, Operation::capture,
                                           Operation::void_authorization, Operation::refund};
inline constexpr std::array kServes = {Served{.method = "card",
                                              .currencies = std::span<const std::uint16_t>(),
                                              .operations = std::span<const Operation>(kOperations)}};
inline constexpr std::array kQueries = {
    Query{.operation = Operation::sale, .build = &build_query, .parse = &parse_query},
    Query{.operation = Operation::authorize, .build = &build_query, .parse = &parse_query},
};
inline constexpr std::array kFields = {Field{.name = kLinkKey, .is_secret = true, .is_required = true}};

inline constexpr Connector kConnector = {
    .name = "sandbox",
    .title = "Sandbox acquirer",
    .modes = Modes::test,
    .serves = std::span<const Served>(kServes),
    .fields = std::span<const Field>(kFields),
    .test_tokens = std::span<const TestToken>(kTokens),
    .draw = &draw,
    .build = &build,
    .parse = &parse,
    .queries = std::span<const Query>(kQueries),
    .on_inbound = &on_inbound,
};

}  // namespace kontor::connectors::sandbox
