#pragma once
// Refunds in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::refunds {

extern const surface::Resource kApi;

}  // namespace kontor::refunds
