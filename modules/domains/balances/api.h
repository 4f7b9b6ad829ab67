#pragma once
// Balance and balance transactions in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::balances {

extern const surface::Resource kApi;

}  // namespace kontor::balances
