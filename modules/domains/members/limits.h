#pragma once
// Limits of members.

#include <cstddef>
#include <cstdint>

namespace kontor::members::limits {

inline constexpr std::size_t kClusterNodes = 16;  // members that are not removed
inline constexpr std::size_t kJoinTokens = 64;    // that are not too old
inline constexpr std::size_t kNodeNameBytes = 64;
inline constexpr std::size_t kNodeAddressBytes = 260;  // host name and port

}  // namespace kontor::members::limits
