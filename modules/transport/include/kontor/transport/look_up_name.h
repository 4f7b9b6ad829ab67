#pragma once
// How names become addresses; tests bring name servers of their own.

#include <functional>
#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::transport {

// The addresses of a name, as text. Blocks; called on several threads at once.
using LookUpName = std::function<Result<std::vector<std::string>>(const std::string& host)>;

}  // namespace kontor::transport
