#pragma once
// `expand`: references of an object that are answered with the object itself. Which there are stands in the
// objects' fields (fields.h); a path may go through a reference only to where it leads.

#include <string>
#include <string_view>
#include <vector>

#include "kontor/log.pb.h"
#include "kontor/machine/rows.h"

namespace kontor::machine {

class Registry;

// The paths asked for ("latest_charge", "data.customer"); objects found in `objects`. Absent: the id is
// rendered.
struct Expansion {
    const Registry* registry = nullptr;
    const pb::Expanded* objects = nullptr;
    std::vector<std::string> paths = {};
};

// Finds the objects that `paths` name, starting from the object in `result` (POST: inside apply(), so that
// an idempotent replay gives the same body) or in a read. Unknown paths are ignored here: api validates them.
void resolve_expansion(const Registry& registry, const store::Reader& rows, Scope scope,
                       const std::vector<std::string>& paths, pb::Result& result);
// True when `path` may be expanded on an object of this kind ("payment_intent", "charge", "refund", …), at
// most limits::kExpandDepth levels, without the list prefix "data.".
[[nodiscard]] bool is_expandable(const Registry& registry, std::string_view object_kind,
                                 std::string_view path);

}  // namespace kontor::machine
