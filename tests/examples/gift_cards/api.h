#pragma once
// Gift cards in the merchant API.

#include "kontor/surface/route.h"

namespace kontor::gift_cards {

extern const surface::Resource kApi;

}  // namespace kontor::gift_cards
