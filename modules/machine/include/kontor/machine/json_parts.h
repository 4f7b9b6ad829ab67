#pragma once
// Pieces that several objects' JSON share.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/json/fields.h"
#include "kontor/json/writer.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/expand.h"

namespace kontor::machine::parts {

// What every object of ours fits in, so that rendering allocates once.
inline constexpr std::size_t kUsualObjectBytes = 2048;

[[nodiscard]] std::string_view currency_code(std::uint32_t numeric);
using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;
void put_metadata(JsonWriter& json, const Pairs& pairs);
// {"metadata":{"changed":"old","added":null}} without the outer brackets; nothing where nothing changed. Both
// are sorted by key.
void metadata_before(JsonWriter& json, const Pairs& before, const Pairs& after);

// True when `expansion` names `field` itself or something below it.
[[nodiscard]] bool names(const Expansion& expansion, std::string_view field);
// The object that an expandable field leads to when asked for and found, else its id. `to` leads somewhere.
void put_reference(JsonWriter& json, const fields::Facts& field, fields::Pointer to,
                   const Expansion& expansion);

}  // namespace kontor::machine::parts
