#pragma once
// The OpenAPI 3.1 document, made from the bound routes and from the tables of fields that objects
// are written by.
//
// Threading: pure; some milliseconds, so whoever asks keeps it. Errors: schemas that are no JSON abort.

#include <string>

#include "kontor/surface/catalogue.h"

namespace kontor::surface {

[[nodiscard]] std::string build_openapi(const Catalogue& catalogue);

}  // namespace kontor::surface
