#include "kontor/json/schema.h"

#include <algorithm>
#include <string>
#include <vector>

namespace kontor::fields {

namespace {

void property(JsonWriter& json, const Facts& facts);

void type(JsonWriter& json, std::string_view name, bool or_null) {
    if (!or_null) {
        json.field("type", name);
        return;
    }
    // By name, as everything in the description.
    const bool is_first = name < "null";
    json.key("type").begin_array();
    json.string(is_first ? name : "null").string(is_first ? "null" : name).end_array();
}

std::string id_pattern(std::string_view prefix) {
    return "^" + std::string(prefix) + "_[0-9A-Za-z]{11}$";
}

std::string path_of(std::string_view name) {
    return "#/components/schemas/" + std::string(name);
}

void words(JsonWriter& json, std::span<const std::string_view> words, bool or_null) {
    json.key("enum").begin_array();
    for (const std::string_view word : words) json.string(word);
    if (or_null) json.null();
    json.end_array();
}

void constant(JsonWriter& json, const Kind& kind) {
    if (kind.is_quoted) {
        json.field("type", "string").field("const", kind.text);
        return;
    }
    switch (kind.text.front()) {
        case 'n':
            json.field("type", "null");
            return;
        case 't':
        case 'f':
            json.field("type", "boolean");
            return;
        case '{':
            json.field("type", "object");
            if (kind.item == Type::map) json.field_raw("additionalProperties", R"({"type":"string"})");
            return;
        case '[':
            json.field("type", "array");
            return;
        default:
            json.field("type", "integer");
    }
}

void text(JsonWriter& json, std::string_view pattern, bool or_null) {
    type(json, "string", or_null);
    if (!pattern.empty()) json.field("pattern", pattern);
}

void expandable(JsonWriter& json, const Kind& kind, bool or_null) {
    json.key("anyOf").begin_array();
    bool may_be_deleted = false;
    for (const Target& target : kind.targets) {
        json.begin_object();
        text(json, target.prefix.value.empty() ? std::string() : id_pattern(target.prefix), false);
        json.end_object();
    }
    for (const Target& target : kind.targets) {
        write_reference(json, target.object);
        may_be_deleted = may_be_deleted || target.may_be_deleted;
    }
    if (may_be_deleted) write_reference(json, kDeletedObject);
    if (or_null) json.begin_object().field("type", "null").end_object();
    json.end_array();
}

void object(JsonWriter& json, const Shape& shape, bool or_null) {
    type(json, "object", or_null);
    std::vector<const Facts*> sorted;
    for (const Facts& facts : shape.fields) sorted.push_back(&facts);
    std::sort(sorted.begin(), sorted.end(), [](const Facts* a, const Facts* b) { return a->name < b->name; });
    json.key("properties").begin_object();
    for (const Facts* facts : sorted) {
        json.key(facts->name);
        property(json, *facts);
    }
    json.end_object().key("required").begin_array();
    for (const Facts* facts : sorted)
        if (facts->absent != Absent::left_out) json.string(facts->name);
    json.end_array();
}

// A schema of its own, or null.
void reference(JsonWriter& json, std::string_view name, bool or_null) {
    if (!or_null) {
        json.field("$ref", path_of(name));
        return;
    }
    json.key("anyOf").begin_array();
    write_reference(json, name);
    json.begin_object().field("type", "null").end_object().end_array();
}

void list(JsonWriter& json, const Kind& kind, bool or_null) {
    type(json, "array", or_null);
    json.key("items");
    if (kind.item == Type::object) {
        write_reference(json, kind.text);
        return;
    }
    if (kind.shape != nullptr && !kind.shape->name.empty()) {
        write_reference(json, kind.shape->name);
        return;
    }
    json.begin_object();
    if (kind.shape != nullptr) {
        object(json, *kind.shape, false);
    } else {
        json.field("type", "string");
        if (!kind.words.empty()) words(json, kind.words, false);
    }
    json.end_object();
}

void body(JsonWriter& json, const Kind& kind, bool or_null) {
    switch (kind.type) {
        case Type::text:
            return text(json, kind.text, or_null);
        case Type::integer:
            type(json, "integer", or_null);
            json.field("format", "int64");
            return;
        case Type::boolean:
            return type(json, "boolean", or_null);
        case Type::timestamp:
            type(json, "integer", or_null);
            json.field("format", "unix-time");
            return;
        case Type::currency:
            return text(json, kCurrencyPattern, or_null);
        case Type::word:
            type(json, "string", or_null);
            return words(json, kind.words, or_null);
        case Type::constant:
            return constant(json, kind);
        case Type::id:
            return text(json, id_pattern(kind.text), or_null);
        case Type::expandable:
            return expandable(json, kind, or_null);
        case Type::hash:
            if (!kind.shape->name.empty()) return reference(json, kind.shape->name, or_null);
            return object(json, *kind.shape, or_null);
        case Type::list:
            return list(json, kind, or_null);
        case Type::map:
            type(json, "object", or_null);
            json.key("additionalProperties").begin_object();
            json.field("type", kind.item == Type::integer ? "integer" : "string").end_object();
            return;
        case Type::object:
            if (!kind.text.empty()) return reference(json, kind.text, or_null);
            return type(json, "object", or_null);
    }
}

void property(JsonWriter& json, const Facts& facts) {
    json.begin_object();
    if (!facts.about.empty()) {
        json.field("description", facts.about);
    } else if (facts.kind.type == Type::expandable) {
        json.field("description", "Expandable.");
    }
    body(json, facts.kind, facts.absent == Absent::null);
    json.end_object();
}

}  // namespace

void write_schema(JsonWriter& json, const Shape& shape, std::string_view items) {
    std::vector<Facts> fields(shape.fields.begin(), shape.fields.end());
    for (Facts& facts : fields)
        if (facts.kind.type == Type::list && facts.kind.item == Type::object) facts.kind.text = items;
    json.begin_object();
    object(json, {shape.name, fields}, false);
    json.end_object();
}

void write_reference(JsonWriter& json, std::string_view name) {
    json.begin_object().field("$ref", path_of(name)).end_object();
}

}  // namespace kontor::fields
