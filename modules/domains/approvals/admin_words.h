#pragma once
// A stored command for whoever decides about it: its name, and its fields as its record describes them. What
// is secret or about people who are not at work here is named and not shown.

#include "kontor/surface/office_call.h"

namespace kontor::approvals {

// The members "command","mode","merchant","fields":{…},"left_out":["credentials"].
void put_in_words(JsonWriter& json, const machine::Registry& registry, const pb::Command& stored);
// A command's name; the number of one that this program does not know.
void put_command(JsonWriter& json, std::string_view member, const machine::Registry& registry,
                 std::uint64_t number);

}  // namespace kontor::approvals
