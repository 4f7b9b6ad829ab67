#pragma once
// Payment intents and charges in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::payments {

extern const surface::Resource kApi;

}  // namespace kontor::payments
