#pragma once
// The ledger API in the OpenAPI document; openapi.cc asks.

#include <string>
#include <string_view>
#include <vector>

#include "kontor/json/writer.h"
#include "route.h"

namespace kontor::api {

void ledger_request_body(JsonWriter& json, const Route& route);
void ledger_response(JsonWriter& json, const Route& route);  // the `content` of 200
[[nodiscard]] std::string ledger_request_schemas();          // members of components/schemas
// Renderings that the schema of a kind is made from.
[[nodiscard]] std::vector<std::string> ledger_samples(std::string_view kind);

}  // namespace kontor::api
