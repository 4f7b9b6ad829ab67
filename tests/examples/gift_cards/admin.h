#pragma once
// Gift cards in the back office.

#include "kontor/surface/office_route.h"

namespace kontor::gift_cards {

extern const surface::office::Resource kAdmin;

}  // namespace kontor::gift_cards
