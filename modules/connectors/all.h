#pragma once
// All connectors of this binary.

#include <span>
#include <string_view>

#include "connectors/connector.h"

namespace kontor::connectors {

[[nodiscard]] std::span<const Connector* const> all();
// Null: this binary has none of that name.
[[nodiscard]] const Connector* find(std::string_view name);
// By "pm_…" or, for older clients, "tok_…"; null: no test token of any connector.
[[nodiscard]] const TestToken* find_test_token(std::string_view token);

}  // namespace kontor::connectors
