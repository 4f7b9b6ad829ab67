#pragma once
// Pieces that several objects' JSON share.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/json/writer.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/expand.h"

namespace kontor::machine::parts {

// What every object of ours fits in, so that rendering allocates once.
inline constexpr std::size_t kUsualObjectBytes = 2048;

[[nodiscard]] std::string_view currency_code(std::uint32_t numeric);
[[nodiscard]] constexpr std::int64_t seconds(std::int64_t unix_ms) {
    return unix_ms / 1000;
}

using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;
void metadata(JsonWriter& json, const Pairs& pairs);
void field_id_or_null(JsonWriter& json, std::string_view name, std::string_view id_prefix, std::uint64_t no);

// True when `expansion` names `field` itself or something below it.
[[nodiscard]] bool names(const Expansion& expansion, std::string_view field);
// What is left of the paths below `field`.
[[nodiscard]] Expansion below(const Expansion& expansion, std::string_view field);

// An expandable reference: the object when asked for and found, else its id, else null. `kind`: the object's
// number.
void reference(JsonWriter& json, std::string_view field, std::uint32_t kind, std::string_view id_prefix,
               std::uint64_t no, const Expansion& expansion);

// ---- previous_attributes of *.updated events: what the changed fields were before ----

// A member for each that differs; both lists are sorted by key.
void metadata_before(JsonWriter& json, const Pairs& before, const Pairs& after);
void text_before(JsonWriter& json, std::string_view name, const std::string& before,
                 const std::string& after);
// {"metadata":{"changed":"old","added":null}}; "" if nothing changed.
[[nodiscard]] std::string metadata_before(const Pairs& before, const Pairs& after);
// "" for an object without members.
[[nodiscard]] std::string unless_empty(std::string object);

}  // namespace kontor::machine::parts
