#pragma once
// JSON of a request's body into whatever a builder makes of it: SAX events of RapidJSON, numbers as text.
//
// Threading: as the builder. Errors: the builder's own (`builder.error`, set when one of its functions
// returns false), or where the text is no JSON.

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <optional>
#include <string>
#include <string_view>

#include "kontor/surface/errors.h"

namespace kontor::surface {

template <typename Builder>
std::optional<ApiError> read_json(std::string_view text, Builder& builder) {
    // Iterative: nesting in the input never becomes depth of our stack.
    constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                                rapidjson::kParseNumbersAsStringsFlag;
    rapidjson::Reader reader;
    rapidjson::MemoryStream bytes(text.data(), text.size());
    rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
    reader.Parse<kFlags>(stream, builder);
    if (builder.error) return builder.error;
    if (!reader.HasParseError()) return std::nullopt;
    return invalid("Invalid JSON in the request's body at byte " + std::to_string(reader.GetErrorOffset()) +
                   ": " + rapidjson::GetParseError_En(reader.GetParseErrorCode()));
}

}  // namespace kontor::surface
