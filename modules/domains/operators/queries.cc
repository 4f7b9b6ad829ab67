#include "domains/operators/operators.h"

#include "domains/operators/limits.h"
#include "domains/operators/tables.h"
#include "kontor/base/bytes.h"

namespace kontor::operators {

using namespace machine;  // the frame's words

std::optional<pb::Operator> find_operator(const store::Reader& rows, std::uint64_t no) {
    return load<pb::Operator>(rows, table::operators, operator_key(no));
}

std::optional<std::string> role_of(const store::Reader& rows, std::uint64_t no) {
    auto person = find_operator(rows, no);
    if (!person || person->disabled()) return std::nullopt;
    return std::move(*person->mutable_role());
}

std::optional<pb::Operator> find_operator_by_name(const store::Reader& rows, std::string_view name) {
    if (name.empty() || name.size() > limits::kOperatorNameBytes) return std::nullopt;
    const auto bytes = rows.get(table::operators, operator_name_key(name).view());
    if (!bytes) return std::nullopt;
    if (bytes->size() != sizeof(std::uint64_t)) row_failure("operators", "a name row has another size");
    return find_operator(rows, get_be64(*bytes));
}

std::optional<pb::Session> find_session(const store::Reader& rows, std::string_view cookie_sha256) {
    if (cookie_sha256.size() != kHashBytes) return std::nullopt;
    auto session = load<pb::Session>(rows, table::sessions, Key().bytes(cookie_sha256));
    if (!session) return std::nullopt;
    // Sessions lie by their cookies, so a renewal does not look for them: each knows which one it is of.
    const auto person = find_operator(rows, session->operator_no());
    if (!person || person->renewals() != session->renewals()) return std::nullopt;
    return session;
}

std::optional<pb::SetupToken> find_setup_token(const store::Reader& rows, std::string_view token_sha256) {
    if (token_sha256.size() != kHashBytes) return std::nullopt;
    return load<pb::SetupToken>(rows, table::setup_tokens, Key().bytes(token_sha256));
}

std::vector<pb::Operator> list_operators(const store::Reader& rows) {
    std::vector<std::uint64_t> numbers;
    rows.scan(table::operators, operator_name_key({}).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view value) {
                  if (value.size() != sizeof(std::uint64_t))
                      row_failure("operators", "a name row has another size");
                  numbers.push_back(get_be64(value));
                  return numbers.size() < limits::kOperators;
              });
    std::vector<pb::Operator> found;
    for (const std::uint64_t no : numbers)
        if (auto row = find_operator(rows, no)) found.push_back(*std::move(row));
    return found;
}

bool has_operator(const store::Reader& rows) {
    bool found = false;
    rows.scan(table::operators, operator_name_key({}).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view) {
                  found = true;
                  return false;
              });
    return found;
}

}  // namespace kontor::operators
