#pragma once
// The number of everything that a node keeps and says, in one place: rows, numbers, log, folders, frames. It
// goes up when what an older version wrote can no longer be read; what is only added keeps it
// (docs/formats/folder.md).
//
// 1: Kontor 0.1 and the versions before it. 2: numbers with a group and 41 bits of index, ids that hide them,
// groups/<n>/ in the data folder.

#include <cstdint>

namespace kontor {

inline constexpr std::uint32_t kDataFormat = 2;

}  // namespace kontor
