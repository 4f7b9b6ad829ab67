#include "id_look.h"

#include <charconv>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "domains/all.h"
#include "kontor/base/object_id.h"
#include "kontor/crypto/public_id.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kHexDigits = 16;

std::optional<std::uint64_t> number_in(std::string_view text) {
    int base = 10;
    if (text.starts_with("0x")) {
        base = 16;
        text.remove_prefix(2);
    } else if (text.size() == kHexDigits && text.find('_') == std::string_view::npos) {
        base = 16;
    }
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
    return number;
}

Json object_of(std::string_view id, ObjectNo no) {
    char hex[kHexDigits + 1];
    std::snprintf(hex, sizeof hex, "%016llx", static_cast<unsigned long long>(no));
    return Json{{"id", id},
                {"number", no},
                {"hex", hex},
                {"group", group_of(no)},
                {"log_index", log_index_of(no)},
                {"command", command_in_batch(no)},
                {"object", no & kMaxObjectsPerCommand}};
}

Json look_at(const std::string& text) {
    if (const auto number = number_in(text)) return object_of(format_id("", *number), *number);
    if (const auto position = parse_position(text))
        return Json{{"position", text}, {"group", position->group}, {"log_index", position->index}};
    const std::size_t bar = text.rfind('_');
    if (bar != std::string::npos) {
        const std::string_view prefix = std::string_view(text).substr(0, bar);
        if (const auto no = parse_id(prefix, text)) {
            Json found = object_of(text, *no);
            if (const auto* kind = domains::registry().object_by_prefix(prefix))
                found["kind"] = kind->name.value;
            return found;
        }
    }
    return Json{{"text", text}, {"error", "neither an id, nor a Kontor-Log-Index, nor a number"}};
}

}  // namespace

Json look_at_ids(const std::vector<std::string>& texts, std::optional<std::uint64_t> newest) {
    Json all = Json::array();
    for (const std::string& text : texts) {
        Json found = look_at(text);
        const bool is_place = newest && found.contains("log_index");
        if (is_place && (found.value("group", kFirstGroup) != kFirstGroup ||
                         found.value("log_index", std::uint64_t{0}) > *newest))
            found["beyond_log"] = true;
        all.push_back(std::move(found));
    }
    return all;
}

}  // namespace kontor::app
