#pragma once
// What records are filled with: the functions between the frame's signatures and a domain's own.

#include <optional>

#include "kontor/machine/context.h"
#include "kontor/machine/domain.h"

namespace kontor::machine {

// A command's function of its own body.
template <auto& Id, auto Handler>
pb::Result run_body(Context& context) {
    return Handler(context, pb::body(context.command, Id));
}

// An object by a query of its domain: optional<T>(rows, scope, no).
template <auto& Id, auto Find>
bool find_object(const store::Reader& rows, Scope scope, std::uint64_t no, pb::Object& found) {
    auto row = Find(rows, scope, no);
    if (!row) return false;
    found.set_kind(static_cast<std::uint32_t>(Id.number()));
    found.MutableExtension(Id)->Swap(&*row);
    return true;
}

// Due work that drops one row, whose key the due row says.
template <store::TableId Table>
std::size_t erase_in(Context& context, DueClock /*clock*/, std::string_view payload, std::size_t /*limit*/) {
    context.rows.erase(Table, payload);
    return 0;
}

}  // namespace kontor::machine
