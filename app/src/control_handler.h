#pragma once
// What a running node answers on its control socket: {"command":"verify"|"status"|"setup-link"}.

#include <string>

#include "appliance.h"

namespace kontor::app {

[[nodiscard]] std::string handle_control(Appliance& appliance, const std::string& request_json);
// While a new node copies the state: the status of the cluster, and nothing else.
[[nodiscard]] std::string handle_joining_control(cluster::Cluster& cluster, const std::string& request_json);

}  // namespace kontor::app
