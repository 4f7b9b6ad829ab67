#pragma once
// Parameters into parts of commands.

#include <optional>

#include "call.h"
#include "kontor/machine.pb.h"
#include "kontor/payments.pb.h"

namespace kontor::api {

using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;

// Sorted by key. Creation drops empty values: there is nothing to remove yet.
void fill_metadata(const Node& params, Pairs* pairs, bool creating);
// metadata= (empty): all keys go.
[[nodiscard]] bool clears_metadata(const Node& params);

[[nodiscard]] std::uint32_t currency_of(const Node& params);  // 0: not given

// The payment method of payment_method or payment_method_data; METHOD_NONE when neither is given.
[[nodiscard]] std::optional<ApiError> read_method(const Call& call, pb::PaymentMethod* method);

// Sets an optional text field when the parameter was given, "" included.
template <typename Set>
void if_given(const Node& params, std::string_view name, Set set) {
    if (const Node* node = params.find(name)) set(node->text);
}

}  // namespace kontor::api
