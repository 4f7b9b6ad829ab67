#include "connectors/all.h"

#include "lists/connectors.h"

namespace kontor::connectors {

namespace {

constexpr auto& kAll = lists::kConnectors;

constexpr bool is_path_safe(std::string_view name) {
    if (name.empty() || name.size() > 40) return false;
    for (const char c : name)
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_') return false;
    return true;
}

constexpr bool is_complete(const Connector& connector) {
    if (!is_path_safe(connector.name) || connector.title.value.empty() || connector.serves.value.empty() ||
        connector.fields.value.size() > kFields)
        return false;
    for (const Served& served : connector.serves.value)
        if (served.method.value.empty() || served.operations.value.empty() || !served.is_sound())
            return false;
    for (const Field& field : connector.fields.value)
        if (field.name.value.empty() || field.name.value.size() > kFieldNameBytes) return false;
    for (const Query& query : connector.queries.value)
        if (!connector.offers(query.operation) || connector.query_of(query.operation) != &query) return false;
    return true;
}

constexpr bool connectors_are_complete() {
    for (const Connector* connector : kAll)
        if (!is_complete(*connector)) return false;
    return true;
}
static_assert(
    connectors_are_complete(),
    "a connector has no name that fits into a path, serves nothing, or an operation twice, or authorises "
    "what it can neither capture nor void, has a field without a name, or asks about an operation that it "
    "does not offer or asks about twice");

constexpr bool names_are_distinct() {
    for (std::size_t i = 0; i < kAll.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (kAll[i]->name.value == kAll[j]->name.value) return false;
    return true;
}
static_assert(names_are_distinct(), "two connectors have the same name");

constexpr bool token_is_single(const TestToken& token) {
    std::size_t found = 0;
    for (const Connector* connector : kAll)
        for (const TestToken& other : connector->test_tokens.value)
            found += token.token == other.token || token.token == other.source_token ||
                             (!token.source_token.empty() && token.source_token == other.source_token)
                         ? 1U
                         : 0U;
    return found == 1;
}
constexpr bool tokens_are_distinct() {
    for (const Connector* connector : kAll) {
        if (!connector->may_serve(false) && !connector->test_tokens.value.empty()) return false;
        for (const TestToken& token : connector->test_tokens.value)
            if (!token_is_single(token)) return false;
    }
    return true;
}
static_assert(tokens_are_distinct(), "a test token is there twice, or of a connector that is not for tests");

}  // namespace

std::span<const Connector* const> all() {
    return kAll;
}

const Connector* find(std::string_view name) {
    return find(kAll, name);
}

const TestToken* find_test_token(std::string_view token) {
    if (token.empty()) return nullptr;
    for (const Connector* connector : kAll)
        for (const TestToken& known : connector->test_tokens.value)
            if (known.token == token || known.source_token == token) return &known;
    return nullptr;
}

}  // namespace kontor::connectors
