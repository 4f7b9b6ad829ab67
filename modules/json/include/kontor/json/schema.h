#pragma once
// The OpenAPI 3.1 schema of an object, out of its table of fields.
//
// Threading: pure. Errors: none.

#include <string_view>

#include "kontor/json/fields.h"
#include "kontor/json/writer.h"

namespace kontor::fields {

// {"type":"object","properties":{…},"required":[…]}, by name. Hashes without a name stand inside; what has
// one is referred to. `items`: the schema of what a page of a list has.
void write_schema(JsonWriter& json, const Shape& shape, std::string_view items = {});
// #/components/schemas/NAME
void write_reference(JsonWriter& json, std::string_view name);

}  // namespace kontor::fields
