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

void put_metadata(JsonWriter& json, const Pairs& pairs) {
    json.begin_object();
    for (const pb::Pair& pair : pairs) json.escaped_key(pair.key()).string(pair.value());
    json.end_object();
}

bool names(const Expansion& expansion, std::string_view field) {
    return std::any_of(expansion.paths.begin(), expansion.paths.end(), [field](std::string_view path) {
        return path.starts_with(field) && (path.size() == field.size() || path[field.size()] == '.');
    });
}

namespace {

// What is left of the paths below `field`.
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

std::string_view prefix_of(const fields::Facts& field, std::uint32_t kind) {
    for (const fields::Target& target : field.kind.targets)
        if (target.kind == kind) return target.prefix;
    KONTOR_UNREACHABLE("a reference leads to one of its targets");
}

}  // namespace

void put_reference(JsonWriter& json, const fields::Facts& field, fields::Pointer to,
                   const Expansion& expansion) {
    if (expansion.objects != nullptr && expansion.registry != nullptr && names(expansion, field.name)) {
        const ObjectKind* record = expansion.registry->object(to.kind);
        KONTOR_ASSERT(record != nullptr, "a reference points to an object that some domain has");
        for (const pb::Object& object : expansion.objects->objects()) {
            if (object.kind() != to.kind || record->number_of.value(object) != to.no) continue;
            json.raw(record->json.value(object, below(expansion, field.name)));
            return;
        }
    }
    json.plain_string(format_id(prefix_of(field, to.kind), to.no));
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

}  // namespace kontor::machine::parts
