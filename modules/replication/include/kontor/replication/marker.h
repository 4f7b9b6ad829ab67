#pragma once
// The marker, a small file outside of the data folder (docs/formats/marker.md), before anybody writes it: a
// path that leads to another file would have that one overwritten.
//
// Threading: any. Errors: invalid_argument (something else is there: a folder, a device, a link, a file that
// is not empty and no marker), permission_denied, io. Each says what to do.

#include <string>

#include "kontor/base/result.h"

namespace kontor::replication {

// Nothing is there, or a marker, also a damaged one.
[[nodiscard]] Result<void> check_marker(const std::string& path);

}  // namespace kontor::replication
