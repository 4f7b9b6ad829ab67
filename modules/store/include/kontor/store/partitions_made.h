#pragma once
// How many partitions a folder that nobody has open was made with, as those that are left of it say.
//
// Threading: any; changes nothing. Errors: not_found (it has none), corruption, unsupported, io.

#include <string>

#include "kontor/base/result.h"

namespace kontor::store {

[[nodiscard]] Result<unsigned> partitions_made(const std::string& folder);

}  // namespace kontor::store
