#pragma once
// What handlers of commands share: how a command is refused, and metadata.

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/outcome.h"

namespace kontor::machine {

// How a command is refused. `param` in the words of the API.
[[nodiscard]] pb::Result refuse(const Outcome& outcome, std::string message, std::string_view param = {});
[[nodiscard]] pb::Result no_such(std::string_view object, std::string_view id_prefix, std::uint64_t no,
                                 std::string_view param);

// Pairs of `changes` into `into`, which stays sorted by key; an empty value removes. False, and nothing
// changed: more than limits::kMetadataKeys.
using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;
[[nodiscard]] bool merge_metadata(Pairs* into, const Pairs& changes, bool clear = false);
[[nodiscard]] pb::Result metadata_too_long();

}  // namespace kontor::machine
