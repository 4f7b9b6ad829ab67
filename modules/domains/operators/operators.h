#pragma once
// People of the admin UI, their sessions and set-up links.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/machine/rows.h"
#include "kontor/operators.pb.h"

namespace kontor::operators {

[[nodiscard]] std::optional<pb::Operator> find_operator(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::optional<pb::Operator> find_operator_by_name(const store::Reader&, std::string_view name);
// As the frame asks who acts; nothing: not there, or disabled.
[[nodiscard]] std::optional<std::string> role_of(const store::Reader&, std::uint64_t no);
// Not one that a renewal of its operator's password and authenticator has ended.
[[nodiscard]] std::optional<pb::Session> find_session(const store::Reader&, std::string_view cookie_sha256);
[[nodiscard]] std::optional<pb::SetupToken> find_setup_token(const store::Reader&,
                                                             std::string_view token_sha256);
// The newest step whose code the operator used, for who judges a code at `utc_ms`; 0 when that one was used
// while a clock was ahead.
[[nodiscard]] std::uint64_t last_code_step(const pb::Operator&, std::int64_t utc_ms);
[[nodiscard]] bool has_operator(const store::Reader&);
// By name; at most limits::kOperators.
[[nodiscard]] std::vector<pb::Operator> list_operators(const store::Reader&);

}  // namespace kontor::operators
