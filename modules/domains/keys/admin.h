#pragma once
// API keys of merchants in the back office.

#include "kontor/surface/office_route.h"

namespace kontor::keys {

inline constexpr std::size_t kKeysListed = 1'000;

extern const surface::office::Resource kAdmin;

}  // namespace kontor::keys
