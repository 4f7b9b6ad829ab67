#include "kontor/json/value.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "kontor/json/read.h"
#include "kontor/json/utf8.h"

namespace kontor {

namespace {

const JsonValue kAbsent;

}  // namespace

// SAX events in, a tree out. Returning false stops the reader. RapidJSON lets half of a surrogate pair pass
// that is written as an escape, so that each text is looked at once more.
class JsonValueBuilder : public NumbersAsText {
 public:
    using Kind = JsonValue::Kind;
    explicit JsonValueBuilder(JsonValue& root) : root_(root) {}

    bool StartObject() { return open(Kind::object); }
    bool StartArray() { return open(Kind::array); }
    bool EndObject(rapidjson::SizeType) { return close(); }
    bool EndArray(rapidjson::SizeType) { return close(); }
    bool Key(const char* text, rapidjson::SizeType length, bool) {
        name_.assign(text, length);
        return is_utf8(name_);
    }
    bool String(const char* text, rapidjson::SizeType length, bool) {
        return is_utf8({text, length}) && leaf(Kind::text, {text, length});
    }
    bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
        return leaf(Kind::number, {text, length});
    }
    bool Bool(bool value) { return leaf(Kind::boolean, value ? "true" : "false"); }
    bool Null() { return leaf(Kind::null, ""); }

 private:
    // Pointers in open_ stay valid: while a container is open, nothing is added to its ancestors.
    JsonValue& place(Kind kind) {
        JsonValue& value = open_.empty() ? root_ : open_.back()->items_.emplace_back();
        value.kind_ = kind;
        value.name_ = std::exchange(name_, {});
        return value;
    }
    bool open(Kind kind) {
        if (open_.size() >= kMaxJsonDepth) return false;
        open_.push_back(&place(kind));
        return true;
    }
    bool close() {
        open_.pop_back();
        return true;
    }
    bool leaf(Kind kind, std::string_view text) {
        place(kind).text_ = text;
        return true;
    }

    JsonValue& root_;
    std::vector<JsonValue*> open_;
    std::string name_;  // of the member whose value comes next
};

std::optional<JsonValue> JsonValue::parse(std::string_view text) {
    if (text.find('\0') != std::string_view::npos) return std::nullopt;  // where RapidJSON believes its end
    JsonValue root;
    JsonValueBuilder builder(root);
    if (read_json_events(text, builder).IsError()) return std::nullopt;
    return root;
}

std::optional<bool> JsonValue::boolean() const {
    if (kind_ != Kind::boolean) return std::nullopt;
    return text_ == "true";
}

template <typename Number>
std::optional<Number> JsonValue::number_as() const {
    Number number = 0;
    const char* const end = text_.data() + text_.size();
    if (kind_ != Kind::number) return std::nullopt;
    const auto [stopped, problem] = std::from_chars(text_.data(), end, number);
    if (problem != std::errc{} || stopped != end) return std::nullopt;
    return number;
}

std::optional<std::int64_t> JsonValue::integer() const {
    return number_as<std::int64_t>();
}

std::optional<std::uint64_t> JsonValue::unsigned_integer() const {
    return number_as<std::uint64_t>();
}

std::optional<std::string_view> JsonValue::text() const {
    if (kind_ != Kind::text) return std::nullopt;
    return text_;
}

const JsonValue& JsonValue::operator[](std::string_view name) const {
    if (!is_object()) return kAbsent;
    const auto found = std::find_if(items_.rbegin(), items_.rend(),
                                    [name](const JsonValue& member) { return member.name_ == name; });
    return found == items_.rend() ? kAbsent : *found;
}

bool JsonValue::holds_only(std::span<const std::string_view> names) const {
    return is_object() && std::ranges::all_of(items_, [names](const JsonValue& member) {
               return std::ranges::find(names, member.name_) != names.end();
           });
}

}  // namespace kontor
