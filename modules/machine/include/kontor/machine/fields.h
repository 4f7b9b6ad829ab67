#pragma once
// The types of fields that know our objects: ids, references, currencies, metadata (see
// kontor/json/fields.h).
//
// Threading: pure functions. Ownership: what Rendered carries lives as long as the rendering.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/crypto/public_id.h"
#include "kontor/json/field_types.h"
#include "kontor/machine/expand.h"
#include "kontor/machine/json_parts.h"

namespace kontor::machine {

// A record with what the request wants expanded.
template <typename Record>
struct Rendered {
    const Record& row;
    const Expansion& expansion;
};
inline const Expansion kNothingExpanded;

// The whole JSON of an object. `usual_bytes` is reserved, so that it costs one allocation.
template <const auto& kFields, typename Record>
[[nodiscard]] std::string render_object(const Record& record, std::size_t usual_bytes) {
    std::string out;
    out.reserve(usual_bytes);
    JsonWriter json(out);
    fields::write_object<kFields>(json, record);
    return out;
}

// How a deleted object is answered.
extern const fields::Shape kDeletedShape;
[[nodiscard]] std::string deleted_json(std::string_view object, std::string_view id_prefix, std::uint64_t no);

}  // namespace kontor::machine

namespace kontor::fields {

// kGet: the object's number, 0 for none.
template <auto kGet>
struct Id {
    Kind kind;
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& facts) {
        json.plain_string(format_id(facts.kind.text, get<kGet>(record)));
    }
    template <typename Record>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        return get<kGet>(record) == 0;
    }
};
template <auto kGet>
[[nodiscard]] constexpr Id<kGet> id(std::string_view prefix) {
    return {{.type = Type::id, .text = prefix}};
}

// kGet: its ISO 4217 number.
template <auto kGet>
struct Currency {
    Kind kind{.type = Type::currency};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        json.plain_string(machine::parts::currency_code(get<kGet>(record)));
    }
};
template <auto kGet>
[[nodiscard]] constexpr Currency<kGet> currency() {
    return {};
}

// What the merchant keeps with the object; all records call it so.
struct Metadata {
    Kind kind{.type = Type::map, .item = Type::text};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& /*facts*/) {
        machine::parts::put_metadata(json, pairs(record));
    }
    template <typename Record>
    static void put_before(JsonWriter& json, const Record& before, const Record& after) {
        machine::parts::metadata_before(json, pairs(before), pairs(after));
    }

 private:
    template <typename Record>
    static const machine::parts::Pairs& pairs(const Record& record) {
        if constexpr (requires { record.metadata(); }) {
            return record.metadata();
        } else {
            return record.row.metadata();
        }
    }
};
[[nodiscard]] constexpr Metadata metadata() {
    return {};
}

// A reference to one of kTargets, of a Rendered record: the object where it was asked for and found, else its
// id. kGet: the object's number, or a Pointer where there are several kinds; no 0 is none.
template <const auto& kTargets, auto kGet>
struct Expandable {
    Kind kind{.type = Type::expandable, .targets = kTargets};
    template <typename Record>
    static void put(JsonWriter& json, const Record& record, const Facts& facts) {
        machine::parts::put_reference(json, facts, follow(record), record.expansion);
    }
    template <typename Record>
    static bool is_absent(const Record& record, const Facts& /*facts*/) {
        return follow(record).no == 0;
    }
    template <typename Record>
    static Pointer follow(const Record& record) {
        if constexpr (std::is_same_v<std::remove_cvref_t<decltype(get<kGet>(record))>, Pointer>) {
            return get<kGet>(record);
        } else {
            static_assert(kTargets.size() == 1, "a number does not say which kind it is");
            return {kTargets[0].kind, get<kGet>(record)};
        }
    }
};
template <const auto& kTargets, auto kGet>
[[nodiscard]] constexpr Expandable<kTargets, kGet> expandable() {
    return {};
}

}  // namespace kontor::fields
