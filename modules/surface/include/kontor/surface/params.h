#pragma once
// A request's parameters as one tree, whether they came as a form, as JSON or in the query string.
//
// Threading, ownership: value type. Errors: parsers return what is wrong, ready to be answered.
// Limits: kMax… below; each has a test at its edge. All text in a tree is valid UTF-8 without NUL.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/surface/errors.h"

namespace kontor::surface {

inline constexpr std::size_t kMaxParams = 500;            // leaves in one request
inline constexpr std::size_t kMaxParamDepth = 6;          // a[b][c] is three levels
inline constexpr std::size_t kMaxParamNameBytes = 512;    // decoded, brackets included
inline constexpr std::size_t kMaxTextBytes = 16U << 10U;  // one value

// A parameter. A form knows no types; JSON's texts, numbers, booleans and null keep what they were.
struct Node {
    enum class Shape : std::uint8_t { form, text, number, boolean, null, container };
    Shape shape = Shape::container;
    bool list = false;  // container: a JSON array, or filled by `name[]`
    std::string key;
    std::string text;            // of a leaf: "" for null, "true", digits as sent
    std::vector<Node> children;  // of a container; unique keys, list elements are keyed "0", "1", …

    [[nodiscard]] bool is_container() const { return shape == Shape::container; }
    // "" and null mean: remove what is there.
    [[nodiscard]] bool is_empty_leaf() const { return !is_container() && text.empty(); }
    [[nodiscard]] const Node* find(std::string_view name) const;

    // Typed views of validated parameters; nullopt: not given or given empty.
    [[nodiscard]] std::optional<std::string> text_of(std::string_view name) const;
    [[nodiscard]] std::optional<std::int64_t> integer_of(std::string_view name) const;
    [[nodiscard]] std::optional<bool> boolean_of(std::string_view name) const;
    // Elements of a list in index order.
    [[nodiscard]] std::vector<std::string> list_of(std::string_view name) const;
};

// "name=value&…", percent-encoded, '+' is a space; for bodies and for query strings. Adds to `root`.
[[nodiscard]] std::optional<ApiError> parse_form(std::string_view text, Node& root);
// A JSON object. Adds to `root`.
[[nodiscard]] std::optional<ApiError> parse_json(std::string_view text, Node& root);

// Optional signed 64-bit decimal: digits with an optional '-', nothing else.
[[nodiscard]] std::optional<std::int64_t> parse_integer(std::string_view text);

// True or false. In a form in any letter case, since libraries write their language's word; nullopt: neither.
[[nodiscard]] std::optional<bool> parse_boolean(const Node& leaf);

// The list's elements in index order; nullopt when the keys are not indexes.
[[nodiscard]] std::optional<std::vector<const Node*>> list_elements(const Node& container);

// The same parameters give the same text, in whichever order, encoding or content type they came.
[[nodiscard]] std::string canonical(const Node& root);

[[nodiscard]] bool is_valid_utf8(std::string_view text);           // also: no NUL
[[nodiscard]] std::size_t utf8_characters(std::string_view text);  // of valid UTF-8
// Input for an error message: bounded, valid UTF-8, no control characters.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace kontor::surface
