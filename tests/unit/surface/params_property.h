#pragma once
// What must hold for any bytes whatsoever; shared by the fuzz target and its smoke run.

#include <string_view>

#include "domains/payments/api_params.h"
#include "kontor/base/assert.h"
#include "kontor/surface/params.h"

namespace kontor::surface {

inline void check_tree(const Node& node, std::size_t depth) {
    KONTOR_ASSERT(depth <= kMaxParamDepth, "nesting is bounded");
    KONTOR_ASSERT(is_valid_utf8(node.text) && is_valid_utf8(node.key), "text is UTF-8 without NUL");
    KONTOR_ASSERT(node.text.size() <= kMaxTextBytes, "values are bounded");
    KONTOR_ASSERT(node.children.empty() || node.is_container(), "a value has no children");
    for (const Node& child : node.children) check_tree(child, depth + 1);
}

inline std::size_t check_parse(std::string_view bytes,
                               std::optional<ApiError> (*parse)(std::string_view, Node&)) {
    Node root;
    if (const auto error = parse(bytes, root)) {
        KONTOR_ASSERT(error->status >= 400 && error->status < 500 && !error->message.empty(),
                      "said what is wrong");
        KONTOR_ASSERT(is_valid_utf8(error_json(*error)), "errors are UTF-8 whatever came in");
        return 0;
    }
    check_tree(root, 0);
    Node again;
    KONTOR_ASSERT(!parse(bytes, again) && canonical(root) == canonical(again),
                  "the same bytes, the same request");
    if (const auto error = validate(root, payments::params::kCreateIntent)) {
        KONTOR_ASSERT(is_valid_utf8(error_json(*error)), "errors are UTF-8 whatever came in");
    }
    (void)validate(root, payments::params::kListCharges);
    return 1;
}

// How many of the two parsers accepted it.
inline std::size_t check_body(std::string_view bytes) {
    return check_parse(bytes, parse_form) + check_parse(bytes, parse_json);
}

}  // namespace kontor::surface
