#pragma once
// From what clients see to what lies in the rows, and back: `kontor id` (docs/formats/public-ids.md).
//
// The state's key of ids has been set (instance::use_id_key). Threading: any. Errors: a text that names
// nothing has an "error" in its object. Limits: kMaxLooks texts.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

namespace kontor::app {

inline constexpr std::size_t kMaxLooks = 1'000;

// One object each, in their order. A text is an id, a value of Kontor-Log-Index, or a number as logs have it:
// decimal, or hexadecimal after 0x or with 16 digits. What lies beyond the log's newest entry has
// "beyond_log"; `newest` nullopt: the log's end is not known, and nothing is said to lie beyond it.
[[nodiscard]] nlohmann::ordered_json look_at_ids(const std::vector<std::string>& texts,
                                                 std::optional<std::uint64_t> newest);

}  // namespace kontor::app
