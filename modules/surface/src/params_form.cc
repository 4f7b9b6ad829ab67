// application/x-www-form-urlencoded with brackets: metadata[order]=1, expand[]=x, expand[0]=x, a[b][c]=d.
#include <algorithm>

#include "kontor/surface/params.h"
#include "kontor/uri/uri.h"

namespace kontor::surface {

namespace {

// "a[b][]" -> {"a", "b", ""}. Empty result: brackets that do not pair.
std::vector<std::string_view> split_name(std::string_view name) {
    const auto bracket = name.find('[');
    std::vector<std::string_view> parts{name.substr(0, bracket)};
    if (parts[0].empty() || parts[0].find(']') != std::string_view::npos) return {};
    std::string_view rest = bracket == std::string_view::npos ? std::string_view() : name.substr(bracket);
    while (!rest.empty()) {
        const auto end = rest.find(']');
        if (rest[0] != '[' || end == std::string_view::npos) return {};
        const std::string_view part = rest.substr(1, end - 1);
        if (part.find('[') != std::string_view::npos) return {};
        parts.push_back(part);
        rest.remove_prefix(end + 1);
    }
    return parts;
}

// The child to go to for `part`, made when it is not there. nullptr: `at` is a value, not a container.
Node* descend(Node& at, std::string_view part) {
    if (!at.is_container()) return nullptr;
    if (part.empty()) {
        at.list = true;
        // Named first: the right side of an assignment is evaluated before the left.
        const std::string position = std::to_string(at.children.size());
        at.children.emplace_back().key = position;
        return &at.children.back();
    }
    const auto found = std::find_if(at.children.begin(), at.children.end(),
                                    [part](const Node& child) { return child.key == part; });
    if (found != at.children.end()) return &*found;
    at.children.emplace_back().key = std::string(part);
    return &at.children.back();
}

std::optional<ApiError> insert(Node& root, const std::string& name, std::string value) {
    const auto parts = split_name(name);
    if (parts.empty()) return invalid("Invalid parameter name: '" + printable(name) + "'.", printable(name));
    if (parts.size() > kMaxParamDepth) {
        return invalid("Parameters may be nested at most " + std::to_string(kMaxParamDepth) + " levels deep.",
                       printable(name));
    }
    Node* at = &root;
    for (const std::string_view part : parts) {
        Node* next = descend(*at, part);
        if (next == nullptr) {
            return invalid("The parameter '" + printable(name) + "' was given both as a value and as a hash.",
                           printable(name));
        }
        at = next;
    }
    if (!at->is_container() || !at->children.empty()) {
        return invalid("The parameter '" + printable(name) + "' was given more than once.", printable(name));
    }
    at->shape = Node::Shape::form;
    at->text = std::move(value);
    return std::nullopt;
}

std::optional<ApiError> add_pair(std::string_view pair, Node& root) {
    const auto equals = pair.find('=');
    auto name = uri::percent_decode(pair.substr(0, equals), true);
    auto value = uri::percent_decode(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!name || !value) return invalid("Invalid percent-encoding in the request's parameters.");
    if (!is_valid_utf8(*name))
        return invalid("A parameter's name is not valid UTF-8, or has a NUL character in it.");
    if (name->size() > kMaxParamNameBytes) {
        return invalid("A parameter's name is longer than " + std::to_string(kMaxParamNameBytes) + " bytes.");
    }
    if (!is_valid_utf8(*value)) {
        return invalid(
            "The value of '" + printable(*name) + "' is not valid UTF-8, or has a NUL character in it.",
            printable(*name));
    }
    if (value->size() > kMaxTextBytes) {
        return invalid("The value of '" + printable(*name) + "' is longer than " +
                           std::to_string(kMaxTextBytes) + " bytes.",
                       printable(*name));
    }
    return insert(root, *name, std::move(*value));
}

}  // namespace

std::optional<ApiError> parse_form(std::string_view text, Node& root) {
    std::size_t count = 0;
    while (!text.empty()) {
        const auto end = text.find('&');
        const std::string_view pair = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
        if (pair.empty()) continue;
        if (++count > kMaxParams) {
            return invalid("A request may have at most " + std::to_string(kMaxParams) + " parameters.");
        }
        if (auto error = add_pair(pair, root)) return error;
    }
    return std::nullopt;
}

}  // namespace kontor::surface
