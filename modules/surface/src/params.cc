#include "kontor/surface/params.h"

#include <algorithm>
#include <charconv>

#include "kontor/json/utf8.h"

namespace kontor::surface {

const Node* Node::find(std::string_view name) const {
    for (const Node& child : children) {
        if (child.key == name) return &child;
    }
    return nullptr;
}

std::optional<std::string> Node::text_of(std::string_view name) const {
    const Node* node = find(name);
    if (node == nullptr || node->is_container() || node->text.empty()) return std::nullopt;
    return node->text;
}

std::optional<std::int64_t> Node::integer_of(std::string_view name) const {
    const Node* node = find(name);
    if (node == nullptr || node->is_container()) return std::nullopt;
    return parse_integer(node->text);
}

std::optional<bool> Node::boolean_of(std::string_view name) const {
    const Node* node = find(name);
    if (node == nullptr || node->is_container() || node->text.empty()) return std::nullopt;
    return parse_boolean(*node);
}

std::vector<std::string> Node::list_of(std::string_view name) const {
    std::vector<std::string> out;
    const Node* node = find(name);
    if (node == nullptr || !node->is_container()) return out;
    if (const auto elements = list_elements(*node)) {
        for (const Node* element : *elements) out.push_back(element->text);
    }
    return out;
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
    return value;
}

std::optional<bool> parse_boolean(const Node& leaf) {
    std::string word = leaf.text;
    if (leaf.shape == Node::Shape::form) {
        for (char& c : word) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
    if (word != "true" && word != "false") return std::nullopt;
    return word == "true";
}

std::optional<std::vector<const Node*>> list_elements(const Node& container) {
    std::vector<std::pair<std::size_t, const Node*>> numbered;
    for (const Node& child : container.children) {
        // "07" and "7" are not the same key, so only one spelling of an index counts.
        const auto index = parse_integer(child.key);
        if (!index || *index < 0 || std::to_string(*index) != child.key) return std::nullopt;
        numbered.emplace_back(static_cast<std::size_t>(*index), &child);
    }
    std::sort(numbered.begin(), numbered.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
    std::vector<const Node*> out;
    out.reserve(numbered.size());
    for (const auto& [index, node] : numbered) out.push_back(node);
    return out;
}

namespace {

// Lengths make the text unambiguous: no value can look like structure.
void append_canonical(const Node& node, std::string& out) {
    if (!node.is_container()) {
        out += std::to_string(node.text.size());
        out += ':';
        out += node.text;
        return;
    }
    std::vector<const Node*> sorted;
    sorted.reserve(node.children.size());
    for (const Node& child : node.children) sorted.push_back(&child);
    std::sort(sorted.begin(), sorted.end(), [](const Node* a, const Node* b) { return a->key < b->key; });
    out += '{';
    for (const Node* child : sorted) {
        out += std::to_string(child->key.size());
        out += ':';
        out += child->key;
        append_canonical(*child, out);
    }
    out += '}';
}

}  // namespace

std::string canonical(const Node& root) {
    std::string out;
    append_canonical(root, out);
    return out;
}

bool is_valid_utf8(std::string_view text) {
    return text.find('\0') == std::string_view::npos && is_utf8(text);
}

std::size_t utf8_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

std::string printable(std::string_view text) {
    constexpr std::size_t kMaxQuotedBytes = 120;
    std::string out;
    while (!text.empty()) {
        const std::size_t length = utf8_sequence(text);
        if (out.size() + std::max<std::size_t>(length, 1) > kMaxQuotedBytes) {
            out += "…";
            break;
        }
        const auto first = static_cast<unsigned char>(text[0]);
        if (length == 0 || first < 0x20 || first == 0x7F) {
            out += '?';
        } else {
            out.append(text, 0, length);
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

}  // namespace kontor::surface
