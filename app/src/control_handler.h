#pragma once
// What a running node answers on its control socket: {"command":"verify"|"status"|"setup-link"|…}.

#include <functional>
#include <memory>
#include <string>

#include "appliance.h"
#include "control.h"

namespace kontor::app {

// `shall_stop` ends what takes long; what waits for other nodes asks ApplianceOptions::shall_stop.
[[nodiscard]] Result<std::unique_ptr<ControlServer>> start_control(const std::string& data_folder,
                                                                   Appliance& appliance,
                                                                   std::function<bool()> shall_stop);
// While a new node copies the state: the status of the cluster, and nothing else.
[[nodiscard]] Result<std::unique_ptr<ControlServer>> start_joining_control(const std::string& data_folder,
                                                                           cluster::Cluster& cluster);

}  // namespace kontor::app
