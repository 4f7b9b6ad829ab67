#pragma once
// What a running node answers on its control socket: {"command":"verify"|"status"|"setup-link"}.

#include <string>

#include "appliance.h"

namespace kontor::app {

[[nodiscard]] std::string handle_control(Appliance& appliance, const std::string& request_json);

}  // namespace kontor::app
