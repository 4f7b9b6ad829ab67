#pragma once
// Merchants in the back office.

#include "kontor/surface/office_route.h"

namespace kontor::accounts {

inline constexpr std::size_t kMerchantsListed = 1'000;

extern const surface::office::Resource kAdmin;

}  // namespace kontor::accounts
