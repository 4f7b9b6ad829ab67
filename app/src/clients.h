#pragma once
// The two HTTPS clients of the outbox: to receivers of webhooks, and to channels.
//
// Threading: at the start. Limits: as many connections as may be under way, below the plan's descriptors.

#include <cstddef>
#include <memory>
#include <string>

#include "descriptors.h"
#include "kontor/http/client.h"
#include "settings.h"

namespace kontor::app {

[[nodiscard]] std::unique_ptr<http::Client> webhook_client(const Settings& settings,
                                                           const std::string& extra_trusted_ca_pem,
                                                           const DescriptorPlan& plan);
// `calls`: how many may be under way.
[[nodiscard]] std::unique_ptr<http::Client> channel_client(std::size_t calls, const DescriptorPlan& plan);

}  // namespace kontor::app
