// Parameters against their specification.
#include <algorithm>
#include <array>

#include "kontor/crypto/public_id.h"
#include "kontor/machine/events.h"
#include "kontor/machine/limits.h"
#include "kontor/money/money.h"
#include "kontor/surface/catalogue.h"
#include "kontor/uri/uri.h"

namespace kontor::surface {

namespace {

using MaybeError = std::optional<ApiError>;
using Names = std::span<const ObjectName>;

constexpr std::int64_t kMaxTimestamp = 253'402'300'799;  // 9999-12-31T23:59:59Z

// Parameters of the official client libraries that this platform does not have. Said in so many words: a
// merchant who sends one relies on it.
constexpr std::array<std::string_view, 52> kNotSupported = {"address",
                                                            "allowed_payment_method_types",
                                                            "amount_details",
                                                            "amount_to_confirm",
                                                            "application_fee_amount",
                                                            "balance",
                                                            "business_name",
                                                            "cash_balance",
                                                            "confirmation_token",
                                                            "connect",
                                                            "customer_account",
                                                            "default_source",
                                                            "delivery_success",
                                                            "excluded_payment_method_types",
                                                            "final_capture",
                                                            "hooks",
                                                            "individual_name",
                                                            "instructions_email",
                                                            "invoice_prefix",
                                                            "invoice_settings",
                                                            "mandate",
                                                            "mandate_data",
                                                            "next_invoice_sequence",
                                                            "on_behalf_of",
                                                            "origin",
                                                            "payment_details",
                                                            "payment_method_configuration",
                                                            "payment_method_options",
                                                            "payout",
                                                            "preferred_locales",
                                                            "radar_options",
                                                            "refund_application_fee",
                                                            "reverse_transfer",
                                                            "shipping",
                                                            "source",
                                                            "statement_descriptor_suffix",
                                                            "tax",
                                                            "tax_exempt",
                                                            "tax_id_data",
                                                            "test_clock",
                                                            "transfer_data",
                                                            "transfer_group",
                                                            "validate",
                                                            "setup_future_usage",
                                                            "capture_method",
                                                            "payment_method_data",
                                                            "payment_method",
                                                            "currency",
                                                            "customer",
                                                            "statement_descriptor",
                                                            "confirm"};

std::string join(std::string_view parent, std::string_view name) {
    if (parent.empty()) return printable(name);
    return std::string(parent) + "[" + printable(name) + "]";
}

MaybeError wrong_type(std::string_view type, const Node& node, const std::string& path,
                      std::string code = {}) {
    const std::string given =
        node.is_container() ? (node.list ? "an array" : "a hash") : printable(node.text);
    return invalid("Invalid " + std::string(type) + ": " + given, path, std::move(code));
}

MaybeError empty_value(const std::string& path) {
    return invalid("You passed an empty string for '" + path +
                       "'. We assume empty values are an attempt to unset a parameter; however '" + path +
                       "' cannot be unset. You should remove '" + path +
                       "' from your request or supply a non-empty value.",
                   path, "parameter_invalid_empty");
}

MaybeError too_long(const Node& node, std::size_t max, const std::string& path) {
    if (utf8_characters(node.text) <= max) return std::nullopt;
    return invalid("Invalid string: " + printable(node.text) + "; must be at most " + std::to_string(max) +
                       " characters",
                   path);
}

MaybeError check_integer(const Node& node, std::int64_t low, std::int64_t high, const std::string& path) {
    const auto value = parse_integer(node.text);
    if (!value || node.shape == Node::Shape::boolean) {
        return wrong_type("integer", node, path, "parameter_invalid_integer");
    }
    if (*value < low) {
        return invalid("This value must be greater than or equal to " + std::to_string(low) + ".", path,
                       "parameter_invalid_integer");
    }
    if (*value > high) {
        return invalid("This value must be less than or equal to " + std::to_string(high) + ".", path,
                       "parameter_invalid_integer");
    }
    return std::nullopt;
}

MaybeError check_amount(const Node& node, const std::string& path) {
    const auto value = parse_integer(node.text);
    if (value && node.shape != Node::Shape::boolean && *value > money::kMaxAmountMinor) {
        return invalid("Amount must be no more than " + std::to_string(money::kMaxAmountMinor) +
                           " in the currency's smallest unit.",
                       path, "amount_too_large");
    }
    return check_integer(node, 1, money::kMaxAmountMinor, path);
}

std::string listed(std::span<const std::string_view> choices) {
    std::string out;
    for (std::size_t i = 0; i < choices.size(); ++i) {
        if (i != 0) out += i + 1 == choices.size() ? " or " : ", ";
        out += choices[i];
    }
    return out;
}

MaybeError check_choice(const Node& node, std::span<const std::string_view> choices,
                        const std::string& path) {
    if (std::find(choices.begin(), choices.end(), node.text) != choices.end()) return std::nullopt;
    return invalid("Invalid " + path + ": must be " + (choices.size() > 1 ? "one of " : "") + listed(choices),
                   path);
}

MaybeError check_object_id(const Node& node, const Param& spec, Names names, const std::string& path) {
    if (spec.prefix.empty()) {
        for (const std::string_view prefix : spec.choices)
            if (parse_id(prefix, node.text)) return std::nullopt;
        return no_such(spec.name, node.text, path, false);
    }
    if (parse_id(spec.prefix, node.text)) return std::nullopt;
    return no_such(object_name(names, spec.prefix), node.text, path, false);
}

MaybeError check_email(const Node& node, const Param& spec, const std::string& path) {
    const std::string_view text = node.text;
    const auto at = text.find('@');
    const bool plain =
        std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) > 0x20; });
    if (plain && at != std::string_view::npos && at != 0 && at + 1 != text.size() &&
        text.find('@', at + 1) == std::string_view::npos && text.size() <= spec.max) {
        return std::nullopt;
    }
    return invalid("Invalid email address: " + printable(text), path, "email_invalid");
}

// A fragment is the browser's own (RFC 3986, 3.5) and kept: where it begins a query could begin as well, so
// it is looked at as one. What has no use for it says so itself.
MaybeError check_url(const Node& node, const std::string& path) {
    std::string url = node.text;
    if (const std::size_t fragment = url.find('#'); fragment != std::string::npos) url[fragment] = '?';
    if (url.size() <= machine::limits::kUrlBytes && uri::split_url(url)) return std::nullopt;
    return invalid(
        "Invalid URL: " + printable(node.text) +
            ". It must be absolute, with http or https and a host name or plain address, and at most " +
            std::to_string(machine::limits::kUrlBytes) + " bytes.",
        path, "url_invalid");
}

MaybeError check_descriptor(const Node& node, const Param& spec, const std::string& path) {
    if (auto error = too_long(node, spec.max, path)) return error;
    const bool has_letter = std::any_of(node.text.begin(), node.text.end(), [](char c) {
        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || static_cast<unsigned char>(c) >= 0x80;
    });
    if (has_letter && node.text.find_first_of("<>\\'\"*") == std::string::npos) return std::nullopt;
    return invalid("Invalid statement descriptor: it needs a letter and may not contain < > \\ ' \" *", path,
                   "invalid_characters");
}

MaybeError check_metadata(const Node& node, const std::string& path) {
    if (!node.is_container() || node.list) return wrong_type("hash", node, path);
    if (node.children.size() > machine::limits::kMetadataKeys) {
        return invalid("Metadata can have up to " + std::to_string(machine::limits::kMetadataKeys) +
                           " keys, but you passed " + std::to_string(node.children.size()) + ".",
                       path);
    }
    for (const Node& pair : node.children) {
        const std::string pair_path = join(path, pair.key);
        if (pair.is_container()) return invalid("Metadata values must be strings.", pair_path);
        const std::size_t key_length = utf8_characters(pair.key);
        if (key_length > machine::limits::kMetadataKeyBytes ||
            pair.key.find_first_of("[]") != std::string::npos) {
            return invalid("Metadata keys can have up to " +
                               std::to_string(machine::limits::kMetadataKeyBytes) +
                               " characters and no brackets. Invalid key: " + printable(pair.key),
                           pair_path);
        }
        const std::size_t length = utf8_characters(pair.text);
        if (length > machine::limits::kMetadataValueBytes) {
            return invalid("Metadata values can have up to " +
                               std::to_string(machine::limits::kMetadataValueBytes) +
                               " characters, but you passed in a value that is " + std::to_string(length) +
                               " characters.",
                           pair_path);
        }
    }
    return std::nullopt;
}

MaybeError check_list(const Node& node, const Param& spec, const std::string& path) {
    const auto elements = node.is_container() ? list_elements(node) : std::nullopt;
    if (!elements) return wrong_type("array", node, path);
    if (elements->size() > static_cast<std::size_t>(spec.high)) {
        return invalid(
            "Array " + path + " exceeded maximum " + std::to_string(spec.high) + " allowed elements.", path);
    }
    for (std::size_t i = 0; i < elements->size(); ++i) {
        const Node& element = *(*elements)[i];
        const std::string element_path = join(path, std::to_string(i));
        if (element.is_container() || element.shape == Node::Shape::number ||
            element.shape == Node::Shape::boolean) {
            return wrong_type("string", element, element_path);
        }
        if (element.text.empty()) return empty_value(element_path);
        if (auto error = too_long(element, spec.max, element_path)) return error;
        if (!spec.choices.empty()) {
            if (auto error = check_choice(element, spec.choices, element_path)) return error;
        }
    }
    return std::nullopt;
}

MaybeError validate_hash(const Node& params, std::span<const Param> specs, std::span<const Param> common,
                         Names names, const std::string& parent);

MaybeError check_leaf(const Node& node, const Param& spec, Names names, const std::string& path) {
    switch (spec.kind) {
        case Kind::text:
        case Kind::phone:
        case Kind::method_token:
            return too_long(node, spec.max, path);
        case Kind::integer:
            return check_integer(node, spec.low, spec.high, path);
        case Kind::amount:
            return check_amount(node, path);
        case Kind::timestamp:
        case Kind::timestamp_range:
            return check_integer(node, 0, kMaxTimestamp, path);
        case Kind::boolean:
            if (parse_boolean(node)) return std::nullopt;
            return wrong_type("boolean", node, path);
        case Kind::choice:
            return check_choice(node, spec.choices, path);
        case Kind::currency:
            if (money::Currency::from_code(node.text)) return std::nullopt;
            return invalid(
                "Invalid currency: " + printable(node.text) + ". It must be a three-letter ISO 4217 code.",
                path);
        case Kind::object_id:
            return check_object_id(node, spec, names, path);
        case Kind::email:
            return check_email(node, spec, path);
        case Kind::url:
            return check_url(node, path);
        case Kind::descriptor:
            return check_descriptor(node, spec, path);
        case Kind::metadata:
        case Kind::hash:
            return wrong_type("hash", node, path);
        case Kind::text_list:
            return wrong_type("array", node, path);
    }
    return std::nullopt;
}

bool takes_json_number(Kind kind) {
    return kind == Kind::integer || kind == Kind::amount || kind == Kind::timestamp ||
           kind == Kind::timestamp_range;
}

std::string_view leaf_type(Kind kind) {
    if (takes_json_number(kind)) return "integer";
    return kind == Kind::boolean ? "boolean" : "string";
}

MaybeError check(const Node& node, const Param& spec, Names names, const std::string& path) {
    if (node.is_empty_leaf()) {
        if (spec.can_unset) return std::nullopt;
        return empty_value(path);
    }
    if (spec.kind == Kind::metadata) return check_metadata(node, path);
    if (spec.kind == Kind::text_list) return check_list(node, spec, path);
    if (spec.kind == Kind::hash || (spec.kind == Kind::timestamp_range && node.is_container())) {
        if (!node.is_container() || node.list) return wrong_type("hash", node, path);
        return validate_hash(node, spec.children, {}, names, path);
    }
    if (node.is_container()) {
        return wrong_type(leaf_type(spec.kind), node, path,
                          takes_json_number(spec.kind) ? "parameter_invalid_integer" : "");
    }
    const bool wrong_json_type = (node.shape == Node::Shape::number && !takes_json_number(spec.kind)) ||
                                 (node.shape == Node::Shape::boolean && spec.kind != Kind::boolean);
    if (wrong_json_type) {
        return wrong_type(leaf_type(spec.kind), node, path,
                          takes_json_number(spec.kind) ? "parameter_invalid_integer" : "");
    }
    return check_leaf(node, spec, names, path);
}

MaybeError unknown(const Node& node, const std::string& parent) {
    const std::string path = join(parent, node.key);
    if (parent.empty() &&
        std::find(kNotSupported.begin(), kNotSupported.end(), node.key) != kNotSupported.end()) {
        return invalid("This platform does not support the parameter '" + path + "' here.", path,
                       "parameter_unknown");
    }
    return unknown_parameter(path);
}

const Param* spec_of(std::string_view name, std::span<const Param> specs, std::span<const Param> common) {
    for (const auto& table : {specs, common}) {
        for (const Param& spec : table) {
            if (spec.name == name) return &spec;
        }
    }
    return nullptr;
}

MaybeError validate_hash(const Node& params, std::span<const Param> specs, std::span<const Param> common,
                         Names names, const std::string& parent) {
    for (const Node& node : params.children) {
        const Param* spec = spec_of(node.key, specs, common);
        if (spec == nullptr) return unknown(node, parent);
        if (auto error = check(node, *spec, names, join(parent, node.key))) return error;
    }
    for (const Param& spec : specs) {
        if (spec.required && params.find(spec.name) == nullptr)
            return missing_parameter(join(parent, spec.name));
    }
    return std::nullopt;
}

}  // namespace

std::optional<ApiError> validate(const Node& params, std::span<const Param> specs,
                                 std::span<const Param> common, std::span<const ObjectName> names) {
    return validate_hash(params, specs, common, names, "");
}

void unify(Node& params, std::span<const Param> specs) {
    for (Node& node : params.children) {
        const Param* spec = spec_of(node.key, specs, {});
        if (spec == nullptr) continue;
        if (node.is_container()) {
            unify(node, spec->children);
        } else if (spec->kind == Kind::boolean) {
            if (const auto value = parse_boolean(node)) node.text = *value ? "true" : "false";
        }
    }
}

}  // namespace kontor::surface
