#pragma once
// A merchant's program: all of the merchant API, in the merchant and mode of its key.

#include "domains/roles.h"

namespace kontor::secret_key {

inline constexpr std::string_view kRole = domains::kSecretKey;
inline constexpr auto kGrants = machine::kNoGrants;  // each domain says what of it a key may do

}  // namespace kontor::secret_key
