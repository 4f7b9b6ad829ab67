#pragma once
// The routes of all domains: what the merchant API and the back office bind.

#include <span>

#include "kontor/surface/office_route.h"
#include "kontor/surface/route.h"

namespace kontor::domains {

// In the order of the description.
[[nodiscard]] std::span<const surface::Resource* const> api();
[[nodiscard]] std::span<const surface::office::Resource* const> admin();

}  // namespace kontor::domains
