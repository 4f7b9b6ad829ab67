#pragma once
// The OpenAPI 3.1 document, made from the route table and from what the renderers really write.

#include <string>

namespace kontor::api {

[[nodiscard]] std::string build_openapi();
// "components.schemas" of the objects; a JSON object.
[[nodiscard]] std::string build_object_schemas();

}  // namespace kontor::api
