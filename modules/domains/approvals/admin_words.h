#pragma once
// A stored command for whoever decides about it: its name, and its fields as its record describes them. What
// is secret or about people who are not at work here is named and not shown.

#include "kontor/surface/office_call.h"

namespace kontor::approvals {

// {"command","mode","merchant","fields":{…},"left_out":["credentials"]}
[[nodiscard]] surface::office::Json in_words(const machine::Registry& registry, const pb::Command& stored);

}  // namespace kontor::approvals
