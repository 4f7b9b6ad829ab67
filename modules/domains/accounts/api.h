#pragma once
// A merchant's own account in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::accounts {

extern const surface::Resource kApi;

}  // namespace kontor::accounts
