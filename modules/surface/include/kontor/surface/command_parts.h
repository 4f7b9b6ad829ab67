#pragma once
// Parameters into parts of commands.

#include "kontor/machine.pb.h"
#include "kontor/surface/params.h"

namespace kontor::surface {

using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;

// Sorted by key. Creation drops empty values: there is nothing to remove yet.
void fill_metadata(const Node& params, Pairs* pairs, bool creating);
// metadata= (empty): all keys go.
[[nodiscard]] bool clears_metadata(const Node& params);

[[nodiscard]] std::uint32_t currency_of(const Node& params);  // 0: not given

// Sets an optional text field when the parameter was given, "" included.
template <typename Set>
void if_given(const Node& params, std::string_view name, Set set) {
    if (const Node* node = params.find(name)) set(node->text);
}

}  // namespace kontor::surface
