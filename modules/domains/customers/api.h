#pragma once
// Customers and their wallets in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::customers {

extern const surface::Resource kApi;

}  // namespace kontor::customers
