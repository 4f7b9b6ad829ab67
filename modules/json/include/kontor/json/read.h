#pragma once
// JSON text into whatever a builder makes of it: SAX events of RapidJSON, numbers as text.
//
// Threading: as the builder. Errors: where the text is no JSON, or a function of the builder returned false.
// Limits: the builder's; nesting never becomes depth of our stack.

#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <cstdint>
#include <string_view>

namespace kontor {

// What a builder never hears of, since numbers arrive as text.
struct NumbersAsText {
    static bool Int(int) { return false; }
    static bool Uint(unsigned) { return false; }
    static bool Int64(std::int64_t) { return false; }
    static bool Uint64(std::uint64_t) { return false; }
    static bool Double(double) { return false; }
};

template <typename Builder>
rapidjson::ParseResult read_json_events(std::string_view text, Builder& builder) {
    constexpr unsigned kFlags = rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag |
                                rapidjson::kParseNumbersAsStringsFlag;
    rapidjson::Reader reader;
    rapidjson::MemoryStream bytes(text.data(), text.size());
    rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
    return reader.Parse<kFlags>(stream, builder);
}

}  // namespace kontor
