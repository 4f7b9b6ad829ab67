#pragma once
// Parameters into parts of commands.

#include "kontor/bodies.h"
#include "kontor/log.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/surface/call.h"
#include "kontor/surface/params.h"

namespace kontor::surface {

using Pairs = google::protobuf::RepeatedPtrField<pb::Pair>;

// Sorted by key. Creation drops empty values: there is nothing to remove yet.
void fill_metadata(const Node& params, Pairs* pairs, bool creating);
// metadata= (empty): all keys go.
[[nodiscard]] bool clears_metadata(const Node& params);
// Of the command that updates an object.
template <typename Update>
void change_metadata(const Node& params, Update& wanted) {
    fill_metadata(params, wanted.mutable_metadata(), false);
    wanted.set_clear_metadata(clears_metadata(params));
}

[[nodiscard]] std::uint32_t currency_of(const Node& params);  // 0: not given

// Submits the command that says nothing but which object it is about, the one of the path.
template <typename Id>
void submit_about_path(Call& call, std::string_view id_prefix, const Id& body, Call::Render render) {
    const auto no = call.path_no(id_prefix);
    if (!no) return;
    pb::Command command = call.command();
    mutable_body(command, body)->set_no(*no);
    call.submit(std::move(command), std::move(render));
}

// Sets an optional text field when the parameter was given, "" included.
template <typename Set>
void if_given(const Node& params, std::string_view name, Set set) {
    if (const Node* node = params.find(name)) set(node->text);
}

}  // namespace kontor::surface
