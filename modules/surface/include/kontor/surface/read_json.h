#pragma once
// JSON of a request's body into whatever a builder makes of it: SAX events of RapidJSON, numbers as text.
//
// Threading: as the builder. Errors: the builder's own (`builder.error`, set when one of its functions
// returns false), or where the text is no JSON.

#include <rapidjson/error/en.h>

#include <optional>
#include <string>
#include <string_view>

#include "kontor/json/read.h"
#include "kontor/surface/errors.h"

namespace kontor::surface {

template <typename Builder>
std::optional<ApiError> read_json(std::string_view text, Builder& builder) {
    const rapidjson::ParseResult result = read_json_events(text, builder);
    if (builder.error) return builder.error;
    if (!result.IsError()) return std::nullopt;
    return invalid("Invalid JSON in the request's body at byte " + std::to_string(result.Offset()) + ": " +
                   rapidjson::GetParseError_En(result.Code()));
}

}  // namespace kontor::surface
