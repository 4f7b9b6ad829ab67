#pragma once
// Events and the endpoints they are sent to, in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::webhooks {

extern const surface::Resource kApi;

}  // namespace kontor::webhooks
