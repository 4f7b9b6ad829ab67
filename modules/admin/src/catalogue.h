#pragma once
// The bound back office: this module's own routes, and the domains'.

#include "kontor/surface/office_route.h"

namespace kontor::admin {

[[nodiscard]] const surface::office::Catalogue& catalogue();

}  // namespace kontor::admin
