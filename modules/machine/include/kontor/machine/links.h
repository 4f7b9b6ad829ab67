#pragma once
// What belongs to what: the index from an object to others, by kind of link.

#include <vector>

#include "kontor/machine/limits.h"
#include "kontor/machine/rows.h"

namespace kontor::machine {

// A bound for reads that have no limit of their own: what one payment collects.
inline constexpr std::size_t kRelatedMax = limits::kListScanMax;

// The numbers of the children behind `after_no`, ascending, at most `limit`.
[[nodiscard]] std::vector<std::uint64_t> linked(const store::Reader& rows, Scope scope, std::uint64_t parent,
                                                LinkKind kind, std::uint64_t after_no = 0,
                                                std::size_t limit = kRelatedMax);

// The outbox: what is due now or later, oldest first.
struct Due {
    std::int64_t due_ms = 0;
    std::uint64_t no = 0;  // delivery or attempt
};
// `after`: only rows behind this one in (due_ms, no), for reading on.
[[nodiscard]] std::vector<Due> due_in_outbox(const store::Reader& rows, OutboxKind kind,
                                             std::int64_t until_ms, std::size_t limit, Due after = {});

}  // namespace kontor::machine
