#pragma once
// JSON that somebody sent or that a file has, as a tree to look at: bodies of the back office, what a node
// keeps about itself.
//
// Threading: value type. Ownership: views live as long as their value. Errors: a text that is no JSON in
// UTF-8, or nested deeper than kMaxJsonDepth, is nullopt; a getter is nullopt at a value of another kind and
// where there is none. Limits: the size of the text is the caller's.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kontor {

inline constexpr std::size_t kMaxJsonDepth = 64;  // arrays and objects in each other

class JsonValue {
 public:
    enum class Kind : std::uint8_t { absent, null, boolean, number, text, array, object };

    [[nodiscard]] static std::optional<JsonValue> parse(std::string_view text);

    [[nodiscard]] bool is_absent() const { return kind_ == Kind::absent; }
    [[nodiscard]] bool is_null() const { return kind_ == Kind::null; }
    [[nodiscard]] bool is_array() const { return kind_ == Kind::array; }
    [[nodiscard]] bool is_object() const { return kind_ == Kind::object; }
    [[nodiscard]] std::optional<bool> boolean() const;
    // Digits alone: neither a fraction nor an exponent, and within 64 bits.
    [[nodiscard]] std::optional<std::int64_t> integer() const;
    [[nodiscard]] std::optional<std::uint64_t> unsigned_integer() const;
    [[nodiscard]] std::optional<std::string_view> text() const;

    // Of an object; absent when it has none of this name, the last one when it has several.
    [[nodiscard]] const JsonValue& operator[](std::string_view name) const;
    // True of an object whose members all have one of these names.
    [[nodiscard]] bool holds_only(std::span<const std::string_view> names) const;
    // Of an array or object, as they stand there.
    [[nodiscard]] std::span<const JsonValue> items() const { return items_; }
    // Of a member.
    [[nodiscard]] const std::string& name() const { return name_; }

 private:
    friend class JsonValueBuilder;
    template <typename Number>
    [[nodiscard]] std::optional<Number> number_as() const;

    Kind kind_ = Kind::absent;
    std::string name_;
    std::string text_;  // of a text; the digits of a number; "true"
    std::vector<JsonValue> items_;
};

}  // namespace kontor
