#pragma once
// What the router reads from requests and answers, and its own answers.
//
// Threading: pure functions.

#include <cstdint>
#include <optional>
#include <string>

#include "kontor/http/server.h"

namespace kontor::cluster {

inline constexpr std::string_view kMinIndexHeader = "Kontor-Min-Index";
inline constexpr std::string_view kLogIndexHeader = "Kontor-Log-Index";

// What a node that is behind may say although the leader would not.
[[nodiscard]] bool may_be_ignorance(int status);
// `may_retry`: programs may send the request again by themselves when it is 429 or 503.
[[nodiscard]] http::Response problem(int status, std::string_view message, bool may_retry = true);
// 0: none is given; nullopt: it is no position of this log (kontor/crypto/public_id.h).
[[nodiscard]] std::optional<std::uint64_t> min_index_of(const http::Request& request);
// The answer to one that is none.
[[nodiscard]] http::Response bad_position();
[[nodiscard]] std::uint64_t log_index_of(const http::Response& response);  // 0: none

}  // namespace kontor::cluster
