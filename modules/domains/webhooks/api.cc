// The endpoints that events are sent to.
#include "domains/webhooks/api.h"

#include "domains/webhooks/api_events.h"
#include "domains/webhooks/ids.h"
#include "domains/webhooks/limits.h"
#include "domains/webhooks/permissions.h"
#include "domains/webhooks/webhooks.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/host_address.h"
#include "kontor/log.pb.h"
#include "kontor/machine/events.h"
#include "kontor/surface/command_parts.h"
#include "kontor/surface/lists.h"
#include "kontor/surface/param_parts.h"
#include "kontor/uri/uri.h"
#include "kontor/webhooks.pb.h"
#include "kontor/webhooks_bodies.pb.h"

namespace kontor::webhooks {

namespace {

using namespace surface;  // the routes' words

constexpr std::size_t kSecretCharacters = 32;
constexpr std::string_view kSecretContext = "webhook-secret";

std::string render_endpoint(const Call& /*call*/, const pb::Result& result) {
    return webhook_endpoint_json(object_in(result, pb::webhook_endpoint));
}

// From the stored secret, not from the one just made: a replayed creation answers the first one's.
std::string render_created_endpoint(const Call& call, const pb::Result& result) {
    const auto secret =
        call.host->sealer->open(object_in(result, pb::webhook_endpoint).sealed_secret(), kSecretContext);
    return webhook_endpoint_json(object_in(result, pb::webhook_endpoint),
                                 secret ? std::string_view(*secret) : "");
}

std::optional<ApiError> check_event_types(const Call& call) {
    std::size_t i = 0;
    for (const std::string& type : call.params.list_of("enabled_events")) {
        const std::string param = "enabled_events[" + std::to_string(i++) + "]";
        if (type != "*" && !call.host->catalogue->is_event_type(type)) return no_event_type(param, type);
    }
    return std::nullopt;
}

// Not in a command: what deliveries go to is a setting of the nodes.
std::optional<ApiError> check_url(const Call& call) {
    const auto text = call.params.text_of("url");
    if (!text) return std::nullopt;
    const auto url = uri::split_url(*text);
    std::string wrong;
    if (!url)
        wrong = url.error().message;
    else if (!url->https && call.caller.scope.livemode)
        wrong = "in live mode it must begin with https://";
    else if (!url->https && !call.host->delivers_to_http)
        wrong =
            "it must begin with https://; the operator of this platform can allow others "
            "(webhooks.allow_http)";
    else if (http::is_private_ip(url->host) && !call.host->delivers_to_private_addresses)
        wrong = printable(url->host) +
                " is a private address, to which nothing is delivered; the operator of this platform can "
                "allow it (webhooks.allow_private_addresses)";
    if (wrong.empty()) return std::nullopt;
    return invalid("Invalid URL: " + wrong + ".", "url", "url_invalid");
}

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
        call->host->sealer->seal("whsec_" + call->random(kSecretCharacters), kSecretContext));
    call->submit(std::move(command), render_created_endpoint);
}

void retrieve_webhook_endpoint(const CallPtr& call) {
    const auto no = call->path_no(prefix::webhook_endpoint);
    if (!no) return;
    call->read([&](const store::Reader& rows, std::uint64_t log_index) {
        const auto endpoint = find_webhook_endpoint(rows, call->caller.scope, *no);
        if (!endpoint || endpoint->deleted()) return call->refuse(call->not_found(prefix::webhook_endpoint));
        call->reply(webhook_endpoint_json(*endpoint), log_index);
    });
}

void update_webhook_endpoint(const CallPtr& call) {
    const auto no = call->path_no(prefix::webhook_endpoint);
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
    change_metadata(params, wanted);
    call->submit(std::move(command), render_endpoint);
}

void delete_webhook_endpoint(const CallPtr& call) {
    submit_about_path(*call, prefix::webhook_endpoint, pb::delete_webhook_endpoint, render_endpoint);
}

void list_webhook_endpoints(const CallPtr& call) {
    std::uint64_t log_index = 0;
    const auto page = list_in_pieces<pb::WebhookEndpoint>(*call, prefix::webhook_endpoint,
                                                          webhooks::list_webhook_endpoints, log_index);
    if (call->answered()) return;
    std::vector<std::string> data;
    for (const pb::WebhookEndpoint& endpoint : page.rows) data.push_back(webhook_endpoint_json(endpoint));
    call->reply(list_json(call->request.path, data, page.has_more), log_index);
}

constexpr std::int64_t kMaxEventTypesInFilter = 20;
constexpr std::array kListEvents = {
    kCreated,
    text("type", 64, "Of this type, or of a group of types such as charge.*"),
    Param{.name = "types",
          .kind = Kind::text_list,
          .about = "Of one of these types.",
          .max = 64,
          .high = kMaxEventTypesInFilter},
};
constexpr Param kEnabledEvents = {.name = "enabled_events",
                                  .kind = Kind::text_list,
                                  .about = "Event types, or * for all of them.",
                                  .max = 64,
                                  .high = limits::kEventTypesPerEndpoint};
constexpr Param kWebhookUrl = {
    .name = "url", .kind = Kind::url, .about = "Where events are sent. https in live mode."};
constexpr Param kWebhookAbout =
    text("description", machine::limits::kDescriptionBytes, "For your own use.", true);
constexpr std::array kCreateWebhookEndpoint = {
    text("api_version", 40, "Accepted when it is this platform's."),
    kWebhookAbout,
    required(kEnabledEvents),
    metadata(),
    required(kWebhookUrl),
};
constexpr std::array kUpdateWebhookEndpoint = {
    kWebhookAbout, boolean("disabled", "Send nothing while true."), kEnabledEvents, metadata(), kWebhookUrl,
};

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET", "/v1/events", "list_events", &permission::read_events, Work::read_many, Shape::list, "event", kListEvents, list_events, "List events"},
    Route{"GET", "/v1/events/{id}", "retrieve_event", &permission::read_events, Work::read, Shape::object, "event", kNone, retrieve_event, "Retrieve an event"},
    Route{"POST", "/v1/webhook_endpoints", "create_webhook_endpoint", &permission::write, Work::write, Shape::object, "webhook_endpoint", kCreateWebhookEndpoint, create_webhook_endpoint, "Create a webhook endpoint; its secret is shown only here"},
    Route{"GET", "/v1/webhook_endpoints", "list_webhook_endpoints", &permission::read, Work::read_many, Shape::list, "webhook_endpoint", kNone, list_webhook_endpoints, "List webhook endpoints"},
    Route{"GET", "/v1/webhook_endpoints/{id}", "retrieve_webhook_endpoint", &permission::read, Work::read, Shape::object, "webhook_endpoint", kNone, retrieve_webhook_endpoint, "Retrieve a webhook endpoint"},
    Route{"POST", "/v1/webhook_endpoints/{id}", "update_webhook_endpoint", &permission::write, Work::write, Shape::object, "webhook_endpoint", kUpdateWebhookEndpoint, update_webhook_endpoint, "Update a webhook endpoint"},
    Route{"DELETE", "/v1/webhook_endpoints/{id}", "delete_webhook_endpoint", &permission::write, Work::write, Shape::object, "webhook_endpoint", kNone, delete_webhook_endpoint, "Delete a webhook endpoint"},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

constexpr std::array kNames = {ObjectName{machine::prefix::event, "event"},
                               ObjectName{prefix::webhook_endpoint, "webhook endpoint"}};
constexpr std::array<const fields::Shape*, 2> kObjects = {&machine::kEventShape, &kEndpointShape};

}  // namespace

constinit const surface::Resource kApi = {
    .routes = kRoutes,
    .names = kNames,
    .objects = kObjects,
    .silent_events = kNone,
    .explain = nullptr,
    .schemas = nullptr,
};

}  // namespace kontor::webhooks
