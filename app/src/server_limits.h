#pragma once
// The limits of the HTTPS port, of the settings, the memory and the descriptors that there are.
//
// Errors: as plan_descriptors().

#include "kontor/base/result.h"
#include "kontor/http/server.h"
#include "memory_plan.h"
#include "settings.h"

namespace kontor::app {

[[nodiscard]] Result<http::ServerLimits> server_limits(const Settings& settings, const MemoryPlan& memory,
                                                       unsigned threads);

}  // namespace kontor::app
