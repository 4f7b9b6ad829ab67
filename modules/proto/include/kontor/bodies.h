#pragma once
// The one way to what domains put into the frame's open messages (carriers.proto): the body of a command, the
// object of an answer or an event. Each is named by its identifier, such as pb::create_customer or
// pb::charge.
//
//   mutable_body(command, pb::create_customer)->set_name("Ada");   also says which command it is
//   body(command, pb::create_customer).name()
//   mutable_object(result, pb::charge), object_in(result, pb::charge), has_object(result, pb::charge)
//
// Reading what is not there gives the default message, as with any field.

#include "kontor/carriers.pb.h"

namespace kontor::pb {

template <typename Id>
auto* mutable_body(Command& command, const Id& id) {
    command.set_kind(static_cast<std::uint32_t>(id.number()));
    return command.MutableExtension(id);
}
template <typename Id>
[[nodiscard]] const auto& body(const Command& command, const Id& id) {
    return command.GetExtension(id);
}
template <typename Id>
[[nodiscard]] bool has_body(const Command& command, const Id& id) {
    return command.HasExtension(id);
}

template <typename Carrier, typename Id>
auto* mutable_object(Carrier& carrier, const Id& id) {
    Object& object = *carrier.mutable_object();
    object.set_kind(static_cast<std::uint32_t>(id.number()));
    return object.MutableExtension(id);
}
template <typename Carrier, typename Id>
[[nodiscard]] const auto& object_in(const Carrier& carrier, const Id& id) {
    return carrier.object().GetExtension(id);
}
template <typename Carrier, typename Id>
[[nodiscard]] bool has_object(const Carrier& carrier, const Id& id) {
    return carrier.object().HasExtension(id);
}

}  // namespace kontor::pb
