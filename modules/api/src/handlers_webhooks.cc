// Events and the endpoints they are sent to; the account; this API's own description.
#include <algorithm>
#include <array>

#include "command_parts.h"
#include "domains/accounts/accounts.h"
#include "domains/all.h"
#include "domains/webhooks/ids.h"
#include "domains/webhooks/webhooks.h"
#include "handlers.h"
#include "impl.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/machine/rows.h"
#include "kontor/net/host_address.h"
#include "kontor/net/uri.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"
#include "lists.h"
#include "param_tables.h"
#include "render.h"

namespace kontor::api::handlers {

namespace {

constexpr std::size_t kSecretCharacters = 32;
constexpr std::string_view kSecretContext = "webhook-secret";
constexpr std::array<std::string_view, 4> kOurResources = {"charge", "customer", "payment_intent", "refund"};

bool contains(std::span<const std::string_view> names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

std::string render_endpoint(const Call& /*call*/, const pb::Result& result) {
    return webhooks::webhook_endpoint_json(object_in(result, pb::webhook_endpoint));
}

// From the stored secret, not from the one just made: a replayed creation answers the first one's.
std::string render_created_endpoint(const Call& call, const pb::Result& result) {
    const auto secret = call.api->options.sealer->open(
        object_in(result, pb::webhook_endpoint).sealed_secret(), kSecretContext);
    return webhooks::webhook_endpoint_json(object_in(result, pb::webhook_endpoint),
                                           secret ? std::string_view(*secret) : "");
}

bool is_dotted_name(std::string_view text) {
    if (text.empty() || text.front() == '.' || text.back() == '.' ||
        text.find("..") != std::string_view::npos) {
        return false;
    }
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '.';
    });
}

// A misspelt event of ours would never come, and nobody would notice: refused. Events of resources that this
// platform does not have are accepted (kSilentEventTypes says why).
bool is_event_type(std::string_view type) {
    if (type == "*" || contains(tables::kEventTypes, type) || contains(tables::kSilentEventTypes, type))
        return true;
    if (!is_dotted_name(type) || type.find('.') == std::string_view::npos) return false;
    const std::string_view resource = type.substr(0, type.find('.'));
    const bool of_a_part = std::count(type.begin(), type.end(), '.') > 1;  // charge.dispute.created
    return of_a_part || !contains(kOurResources, resource);
}

std::optional<ApiError> check_event_types(const Call& call) {
    std::size_t i = 0;
    for (const std::string& type : call.params.list_of("enabled_events")) {
        const std::string param = "enabled_events[" + std::to_string(i++) + "]";
        if (!is_event_type(type)) {
            return invalid("Invalid " + param + ": '" + printable(type) + "' is not an event type.", param);
        }
    }
    return std::nullopt;
}

// Not in a command: what deliveries go to is a setting of the nodes.
std::optional<ApiError> check_url(const Call& call) {
    const auto text = call.params.text_of("url");
    if (!text) return std::nullopt;
    const auto url = net::split_url(*text);
    const ApiOptions& options = call.api->options;
    std::string wrong;
    if (!url)
        wrong = url.error().message;
    else if (!url->https && call.caller.scope.livemode)
        wrong = "in live mode it must begin with https://";
    else if (!url->https && !options.webhooks_to_http)
        wrong =
            "it must begin with https://; the operator of this platform can allow others "
            "(webhooks.allow_http)";
    else if (net::is_private_ip(url->host) && !options.webhooks_to_private_addresses)
        wrong = printable(url->host) +
                " is a private address, to which nothing is delivered; the operator of this platform can "
                "allow it (webhooks.allow_private_addresses)";
    if (wrong.empty()) return std::nullopt;
    return invalid("Invalid URL: " + wrong + ".", "url", "url_invalid");
}

}  // namespace

void create_webhook_endpoint(const CallPtr& call) {
    const Node& params = call->params;
    if (const auto error = check_url(*call)) return call->refuse(*error);
    if (const auto error = check_event_types(*call)) return call->refuse(*error);
    const auto version = params.text_of("api_version");
    if (version && *version != machine::kApiVersion) {
        return call->refuse(invalid("Invalid API version: this platform writes events as of " +
                                        std::string(machine::kApiVersion) + ".",
                                    "api_version"));
    }
    pb::Command command = call->command();
    pb::CreateWebhookEndpoint& wanted = *mutable_body(command, pb::create_webhook_endpoint);
    wanted.set_url(params.text_of("url").value_or(""));
    for (std::string& type : params.list_of("enabled_events")) wanted.add_enabled_events(std::move(type));
    if (wanted.enabled_events().empty()) return call->refuse(missing_parameter("enabled_events"));
    wanted.set_description(params.text_of("description").value_or(""));
    fill_metadata(params, wanted.mutable_metadata(), true);
    wanted.set_api_version(version.value_or(""));
    wanted.set_sealed_secret(
        call->api->options.sealer->seal("whsec_" + call->random(kSecretCharacters), kSecretContext));
    call->submit(std::move(command), render_created_endpoint);
}

void retrieve_webhook_endpoint(const CallPtr& call) {
    const auto no = call->path_no(webhooks::prefix::webhook_endpoint);
    if (!no) return;
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto endpoint = webhooks::find_webhook_endpoint(rows, call->caller.scope, *no);
        if (!endpoint || endpoint->deleted())
            return call->refuse(call->not_found(webhooks::prefix::webhook_endpoint));
        call->reply(webhooks::webhook_endpoint_json(*endpoint), log_index);
    });
}

void update_webhook_endpoint(const CallPtr& call) {
    const auto no = call->path_no(webhooks::prefix::webhook_endpoint);
    if (!no) return;
    if (const auto error = check_url(*call)) return call->refuse(*error);
    if (const auto error = check_event_types(*call)) return call->refuse(*error);
    const Node& params = call->params;
    pb::Command command = call->command();
    pb::UpdateWebhookEndpoint& wanted = *mutable_body(command, pb::update_webhook_endpoint);
    wanted.set_no(*no);
    if (auto url = params.text_of("url")) wanted.set_url(*std::move(url));
    for (std::string& type : params.list_of("enabled_events")) wanted.add_enabled_events(std::move(type));
    if_given(params, "description", [&](const std::string& text) { wanted.set_description(text); });
    if (const auto disabled = params.boolean_of("disabled")) wanted.set_disabled(*disabled);
    fill_metadata(params, wanted.mutable_metadata(), false);
    wanted.set_clear_metadata(clears_metadata(params));
    call->submit(std::move(command), render_endpoint);
}

void delete_webhook_endpoint(const CallPtr& call) {
    const auto no = call->path_no(webhooks::prefix::webhook_endpoint);
    if (!no) return;
    pb::Command command = call->command();
    mutable_body(command, pb::delete_webhook_endpoint)->set_no(*no);
    call->submit(std::move(command), render_endpoint);
}

void list_webhook_endpoints(const CallPtr& call) {
    std::uint64_t log_index = 0;
    const auto page = list_in_pieces<pb::WebhookEndpoint>(*call, webhooks::prefix::webhook_endpoint,
                                                          webhooks::list_webhook_endpoints, log_index);
    if (call->answered()) return;
    std::vector<std::string> data;
    for (const pb::WebhookEndpoint& endpoint : page.rows)
        data.push_back(webhooks::webhook_endpoint_json(endpoint));
    call->reply(list_json(call->request.path, data, page.has_more), log_index);
}

// As an event stands now. The journal knows how many endpoints it goes to; the outbox, how many have it.
static std::string current_event_json(const store::Reader& rows, machine::Scope scope,
                                      const machine::FoundEvent& found) {
    if (found.event->pending_webhooks() == 0)
        return machine::event_json(domains::registry(), *found.journal, *found.event);
    pb::Event event = *found.event;
    const auto deliveries = webhooks::deliveries_of_event(rows, scope, event.no());
    event.set_pending_webhooks(static_cast<std::uint32_t>(std::count_if(
        deliveries.begin(), deliveries.end(),
        [](const pb::WebhookDelivery& delivery) { return delivery.state() != pb::DELIVERY_DELIVERED; })));
    return machine::event_json(domains::registry(), *found.journal, event);
}

void retrieve_event(const CallPtr& call) {
    const auto no = call->path_no(machine::prefix::event);
    if (!no) return;
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto found = machine::find_event(rows, call->caller.scope, *no);
        if (!found) return call->refuse(call->not_found(machine::prefix::event));
        call->reply(current_event_json(rows, call->caller.scope, *found), log_index);
    });
}

void list_events(const CallPtr& call) {
    std::uint64_t log_index = 0;
    const auto page =
        list_in_pieces<machine::FoundEvent>(*call, machine::prefix::event, machine::list_events, log_index);
    if (call->answered()) return;
    call->read([&](const store::Reader& rows, std::uint64_t) {
        std::vector<std::string> data;
        for (const auto& found : page.rows)
            data.push_back(current_event_json(rows, call->caller.scope, found));
        call->reply(list_json(call->request.path, data, page.has_more), log_index);
    });
}

void retrieve_account(const CallPtr& call) {
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto merchant = accounts::find_merchant(rows, call->caller.scope.merchant_no);
        if (!merchant) return call->refuse(unauthenticated("This account does not exist."));
        call->reply(account_json(*merchant), log_index);
    });
}

void openapi(const CallPtr& call) {
    call->reply(Api::openapi_json(), 0);
}

}  // namespace kontor::api::handlers
