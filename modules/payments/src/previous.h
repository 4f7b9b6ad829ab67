#pragma once
// previous_attributes of *.updated events: what the changed fields were before.

#include <string>
#include <string_view>

#include "kontor/proto_fwd.h"

namespace kontor::payments {

// {"metadata":{"changed":"old","added":null}}; "" if nothing changed.
[[nodiscard]] std::string metadata_before(const google::protobuf::RepeatedPtrField<pb::Pair>& before,
                                          const google::protobuf::RepeatedPtrField<pb::Pair>& after);
[[nodiscard]] std::string customer_before(const pb::Customer& before, const pb::Customer& after);

}  // namespace kontor::payments
