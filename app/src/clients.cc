#include "clients.h"

#include <algorithm>
#include <utility>

#include "connectors/connector.h"
#include "kontor/outbox/worker.h"

namespace kontor::app {

namespace {

constexpr int kWebhookNiceness = 5;  // a third of the weight of the threads that serve payments

}  // namespace

std::unique_ptr<http::Client> webhook_client(const Settings& settings,
                                             const std::string& extra_trusted_ca_pem,
                                             const DescriptorPlan& plan) {
    http::ClientOptions client;
    client.ca_pem = extra_trusted_ca_pem;
    client.allow_plain_http = settings.webhooks_allow_http;
    client.allow_private_addresses = settings.webhooks_allow_private_addresses;
    // A merchant alone at a receiver has half of them: enough for one quick endpoint.
    client.max_connections_per_origin = 2 * outbox::WorkerOptions().max_deliveries_per_quick_endpoint;
    client.max_connections = plan.max_outgoing;
    client.max_descriptor = plan.max_descriptor;
    client.max_response_bytes = 0;  // the status is all that counts
    client.niceness = kWebhookNiceness;
    return http::Client::make(std::move(client));
}

std::unique_ptr<http::Client> channel_client(std::size_t calls, const DescriptorPlan& plan) {
    http::ClientOptions client;
    client.max_connections = client.max_connections_per_origin = std::min(calls, plan.max_outgoing);
    client.max_descriptor = plan.max_descriptor;
    client.max_response_bytes = connectors::kReplyBytes;
    return http::Client::make(std::move(client));
}

}  // namespace kontor::app
