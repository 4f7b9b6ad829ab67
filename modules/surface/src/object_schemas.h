#pragma once
// The objects' part of the description.

#include <string>

#include "kontor/surface/catalogue.h"

namespace kontor::surface {

// "components.schemas" of the objects; a JSON object.
[[nodiscard]] std::string object_schemas(const Catalogue& catalogue);

}  // namespace kontor::surface
