#pragma once
// Limits of the back office that several resources have. A limit of one resource is in its admin.h.

#include <cstddef>

namespace kontor::surface::office::limits {

inline constexpr std::size_t kPageMax = 100;
inline constexpr std::size_t kPageDefault = 25;
inline constexpr std::size_t kRowsPerRead = 100;  // apply() waits for a read to end

}  // namespace kontor::surface::office::limits
