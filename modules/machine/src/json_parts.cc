#include "kontor/machine/json_parts.h"

#include <algorithm>

#include "kontor/base/assert.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/domain.h"
#include "kontor/money/money.h"

namespace kontor::machine::parts {

std::string_view currency_code(std::uint32_t numeric) {
    const auto currency = money::Currency::from_numeric(static_cast<std::uint16_t>(numeric));
    KONTOR_ASSERT(currency.has_value(), "a stored currency is a listed one");
    return currency->lower_code();
}

void metadata(JsonWriter& json, const Pairs& pairs) {
    json.key("metadata").begin_object();
    for (const pb::Pair& pair : pairs) json.escaped_key(pair.key()).string(pair.value());
    json.end_object();
}

void field_id_or_null(JsonWriter& json, std::string_view name, std::string_view id_prefix, std::uint64_t no) {
    if (no == 0) {
        json.field_null(name);
    } else {
        json.field(name, format_id(id_prefix, no));
    }
}

bool names(const Expansion& expansion, std::string_view field) {
    return std::any_of(expansion.paths.begin(), expansion.paths.end(), [field](std::string_view path) {
        return path.starts_with(field) && (path.size() == field.size() || path[field.size()] == '.');
    });
}

Expansion below(const Expansion& expansion, std::string_view field) {
    Expansion rest;
    rest.registry = expansion.registry;
    rest.objects = expansion.objects;
    for (const std::string& path : expansion.paths) {
        if (path.size() > field.size() + 1 && path.starts_with(field) && path[field.size()] == '.') {
            rest.paths.push_back(path.substr(field.size() + 1));
        }
    }
    return rest;
}

void reference(JsonWriter& json, std::string_view field, std::uint32_t kind, std::string_view id_prefix,
               std::uint64_t no, const Expansion& expansion) {
    if (no != 0 && expansion.objects != nullptr && expansion.registry != nullptr && names(expansion, field)) {
        const ObjectKind* record = expansion.registry->object(kind);
        KONTOR_ASSERT(record != nullptr, "a reference points to an object that some domain has");
        for (const pb::Object& object : expansion.objects->objects()) {
            if (object.kind() != kind || record->number_of.value(object) != no) continue;
            json.field_raw(field, record->json.value(object, below(expansion, field)));
            return;
        }
    }
    field_id_or_null(json, field, id_prefix, no);
}

void metadata_before(JsonWriter& json, const Pairs& before, const Pairs& after) {
    bool open = false;
    const auto member = [&](const std::string& key, const std::string* old) {
        if (!open) json.key("metadata").begin_object();
        open = true;
        json.escaped_key(key);
        if (old == nullptr) {
            json.null();
        } else {
            json.string(*old);
        }
    };
    int a = 0;
    int b = 0;
    while (a < before.size() || b < after.size()) {
        if (b == after.size() || (a < before.size() && before[a].key() < after[b].key())) {
            member(before[a].key(), &before[a].value());
            ++a;
        } else if (a == before.size() || after[b].key() < before[a].key()) {
            member(after[b].key(), nullptr);
            ++b;
        } else {
            if (before[a].value() != after[b].value()) member(before[a].key(), &before[a].value());
            ++a;
            ++b;
        }
    }
    if (open) json.end_object();
}

void text_before(JsonWriter& json, std::string_view name, const std::string& before,
                 const std::string& after) {
    if (before == after) return;
    json.key(name);
    if (before.empty()) {
        json.null();
    } else {
        json.string(before);
    }
}

std::string unless_empty(std::string object) {
    return object == "{}" ? std::string() : object;
}

std::string metadata_before(const Pairs& before, const Pairs& after) {
    std::string out;
    JsonWriter json(out);
    json.begin_object();
    metadata_before(json, before, after);
    json.end_object();
    return unless_empty(std::move(out));
}

}  // namespace kontor::machine::parts
