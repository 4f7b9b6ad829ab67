#pragma once
// The OpenAPI 3.1 document, made from the bound routes and from what the renderers really write.
//
// Threading: pure; some milliseconds, so whoever asks keeps it. Errors: a renderer that writes no JSON
// aborts.

#include <string>

#include "kontor/surface/catalogue.h"

namespace kontor::surface {

[[nodiscard]] std::string build_openapi(const Catalogue& catalogue);

}  // namespace kontor::surface
