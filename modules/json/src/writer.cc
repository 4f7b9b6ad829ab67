#include "kontor/json/writer.h"

#include "kontor/json/utf8.h"

namespace kontor {

void JsonWriter::quote(std::string_view text) {
    out_ += '"';
    std::size_t plain_from = 0;  // what needs no escape is appended in runs
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        out_.append(text, plain_from, i - plain_from);
        plain_from = i + 1;
        switch (c) {
            case '"':
                out_ += "\\\"";
                break;
            case '\\':
                out_ += "\\\\";
                break;
            case '\n':
                out_ += "\\n";
                break;
            case '\r':
                out_ += "\\r";
                break;
            case '\t':
                out_ += "\\t";
                break;
            default: {
                constexpr std::string_view kHex = "0123456789abcdef";
                out_ += "\\u00";
                out_ += kHex[c >> 4U];
                out_ += kHex[c & 0xFU];
            }
        }
    }
    out_.append(text, plain_from);
    out_ += '"';
}

JsonWriter& JsonWriter::any_string(std::string_view value) {
    std::string good;
    good.reserve(value.size());
    while (!value.empty()) {
        const std::size_t length = utf8_sequence(value);
        good += length == 0 ? std::string_view("\uFFFD") : value.substr(0, length);
        value.remove_prefix(length == 0 ? 1 : length);
    }
    return string(good);
}

}  // namespace kontor
