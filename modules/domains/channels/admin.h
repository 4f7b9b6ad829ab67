#pragma once
// Accounts at channels and the routes to them, in the back office.

#include "kontor/surface/office_route.h"

namespace kontor::channels {

inline constexpr std::size_t kAccountsListed = 1'000;

extern const surface::office::Resource kAdmin;

}  // namespace kontor::channels
