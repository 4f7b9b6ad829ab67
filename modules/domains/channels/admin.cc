// Accounts at channels and the routes to them, in the back office. Credentials go in and never come out:
// which fields are set is all that is shown.
#include "domains/channels/admin.h"

#include <charconv>

#include "connectors/all.h"
#include "domains/accounts/ids.h"
#include "domains/channels/channels.h"
#include "domains/channels/limits.h"
#include "domains/channels/permissions.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/crypto/public_id.h"
#include "kontor/log.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/money/money.h"
#include "kontor/surface/office_limits.h"

namespace kontor::channels {

namespace {

using namespace surface::office;  // the routes' words
namespace office_limits = surface::office::limits;

constexpr std::size_t kDrawnBytes = 32;

Json merchant_or_null(std::uint64_t no) {
    return no == 0 ? Json(nullptr) : Json(format_id(accounts::prefix::merchant, no));
}

Json account_json(const pb::ChannelAccount& account) {
    Json methods = Json::array(), fields = Json::array();
    for (const auto& served : account.serves()) methods.push_back(served.type());
    for (const auto& field : account.set_fields()) fields.push_back(field);
    return Json{{"account", account.no()},
                {"connector", account.connector()},
                {"merchant", merchant_or_null(account.merchant_no())},
                {"mode", account.livemode() ? "live" : "test"},
                {"name", account.name()},
                {"methods", methods},
                {"credentials_set", fields},
                {"disabled", account.disabled()},
                {"created_ms", account.created_ms()}};
}

Json connector_json(const connectors::Connector& connector) {
    Json methods = Json::array(), fields = Json::array();
    for (const auto& served : connector.serves.value) methods.push_back(served.method.value);
    for (const auto& field : connector.fields.value)
        fields.push_back(Json{{"name", field.name.value},
                              {"secret", field.is_secret.value},
                              {"required", field.is_required.value}});
    return Json{{"name", connector.name.value},
                {"title", connector.title.value},
                {"methods", methods},
                {"fields", fields}};
}

Json routes_json(const pb::ChannelRoutes& routes) {
    Json data = Json::array();
    for (const pb::ChannelRoute& entry : routes.entries())
        data.push_back(
            Json{{"method", entry.method()},
                 {"currency", entry.currency() == 0 ? Json(nullptr) : Json(currency_code(entry.currency()))},
                 {"account", entry.account_no()}});
    return Json{{"merchant", merchant_or_null(routes.merchant_no())}, {"data", data}};
}

void list_channels(const CallPtr& call) {
    Json data = Json::array(), known = Json::array();
    std::uint64_t after_no = 0;
    bool more = true;
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        const auto page = list_accounts(rows, after_no, office_limits::kRowsPerRead);
        more = page.size() == office_limits::kRowsPerRead;
        for (const auto& account : page)
            if (account.livemode() == call->livemode) data.push_back(account_json(account));
        if (!page.empty()) after_no = page.back().no();
    };
    while (more && data.size() < kAccountsListed) call->host->service->read(read_page);
    for (const connectors::Connector* connector : connectors::all())
        if (connector->may_serve(call->livemode)) known.push_back(connector_json(*connector));
    call->answer(200, Json{{"data", data}, {"connectors", known}});
}

// Of the body: nothing is the platform; refuses the call when it is malformed.
std::optional<std::uint64_t> merchant_of_body(const CallPtr& call) {
    if (!call->body.contains("merchant") || call->body.at("merchant").is_null()) return 0;
    const auto no = parse_id(accounts::prefix::merchant, call->text("merchant"));
    if (!no) call->refuse(422, "invalid", "There is no such merchant.", "merchant");
    return no;
}

// What the body names is set, null takes it away; refuses the call and says so.
bool read_credentials(const CallPtr& call, const connectors::Connector& connector,
                      connectors::Credentials& credentials) {
    if (!call->body.contains("credentials")) return true;
    const nlohmann::json& wanted = call->body.at("credentials");
    if (!wanted.is_object()) {
        call->refuse(422, "invalid", "Credentials are an object of texts.", "credentials");
        return false;
    }
    for (const auto& [name, value] : wanted.items()) {
        bool is_field = false;
        for (const connectors::Field& field : connector.fields.value)
            is_field = is_field || field.name.value == name;
        const bool is_text =
            value.is_string() && value.get_ref<const std::string&>().size() <= connectors::kFieldValueBytes;
        if (!is_field || (!is_text && !value.is_null())) {
            call->refuse(422, "invalid", "The connector has no such field, or it takes another value.",
                         "credentials[" + name + "]");
            return false;
        }
        if (is_text)
            credentials.set(name, crypto::Secret(value.get<std::string>()));
        else
            credentials.erase(name);
    }
    for (const connectors::Field& field : connector.fields.value) {
        if (!field.is_required || !credentials.find(field.name.value).empty()) continue;
        call->refuse(422, "credentials_missing", "The connector needs this field.",
                     "credentials[" + std::string(field.name.value) + "]");
        return false;
    }
    return true;
}

const connectors::Connector* connector_of(const CallPtr& call, std::string_view name) {
    const connectors::Connector* connector = connectors::find(name);
    if (connector == nullptr) {
        call->refuse(422, "connector_unknown", "There is no such connector.", "connector");
        return nullptr;
    }
    if (connector->may_serve(call->livemode)) return connector;
    call->refuse(
        422, "mode_unsupported",
        call->livemode ? "This connector is for test mode only." : "This connector is for live mode only.",
        "connector");
    return nullptr;
}

bool has_name(const CallPtr& call) {
    const std::string name = call->text("name");
    if (!name.empty() && name.size() <= machine::limits::kNameBytes) return true;
    call->refuse(422, "name_invalid", "A name has 1 to 256 bytes.", "name");
    return false;
}

void open_channel(const CallPtr& call) {
    const connectors::Connector* connector = connector_of(call, call->text("connector"));
    if (connector == nullptr || !has_name(call)) return;
    const auto merchant_no = merchant_of_body(call);
    if (!merchant_no) return;
    connectors::Credentials credentials;
    if (connector->draw.value != nullptr)
        credentials = connector->draw.value(crypto::random_bytes(kDrawnBytes));
    if (!read_credentials(call, *connector, credentials)) return;
    pb::Command command = operator_command(*call);
    auto& open = *mutable_body(command, pb::open_channel_account);
    open.set_connector(std::string(connector->name.value));
    open.set_merchant_no(*merchant_no);
    open.set_livemode(call->livemode);
    open.set_name(call->text("name"));
    open.set_sealed_credentials(credentials.seal(*call->host->sealer));
    for (std::string& name : credentials.names()) open.add_set_fields(std::move(name));
    for (const connectors::Served& served : connector->serves.value) {
        pb::ServedMethod& method = *open.add_serves();
        method.set_type(std::string(served.method.value));
        for (const std::uint16_t currency : served.currencies.value) method.add_currencies(currency);
    }
    submit(call, std::move(command),
           [](const pb::Result& made) { return account_json(object_in(made, pb::channel_account)); });
}

void change_channel(const CallPtr& call) {
    std::uint64_t no = 0;
    const std::string& text = call->rest;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), no);
    std::optional<pb::ChannelAccount> account;
    if (ec == std::errc{} && end == text.data() + text.size())
        call->host->service->read(
            [&](const store::Reader& rows, std::uint64_t) { account = find_account(rows, no); });
    if (!account || account->livemode() != call->livemode)
        return call->refuse(404, "not_found", "There is no such channel account.");
    pb::Command command = operator_command(*call);
    auto& change = *mutable_body(command, pb::change_channel_account);
    change.set_no(no);
    if (call->body.contains("name")) {
        if (!has_name(call)) return;
        change.set_name(call->text("name"));
    }
    if (call->body.contains("disabled")) {
        if (!call->body.at("disabled").is_boolean())
            return call->refuse(422, "invalid", "True or false.", "disabled");
        change.set_disabled(call->body.at("disabled").get<bool>());
    }
    if (call->body.contains("credentials")) {
        const connectors::Connector* connector = connector_of(call, account->connector());
        if (connector == nullptr) return;
        auto credentials =
            connectors::Credentials::unseal(*call->host->sealer, account->sealed_credentials());
        if (!credentials) return call->refuse(credentials.error());
        if (!read_credentials(call, *connector, *credentials)) return;
        change.set_sealed_credentials(credentials->seal(*call->host->sealer));
        for (std::string& name : credentials->names()) change.add_set_fields(std::move(name));
    }
    submit(call, std::move(command),
           [](const pb::Result& made) { return account_json(object_in(made, pb::channel_account)); });
}

void get_routes(const CallPtr& call) {
    std::uint64_t merchant_no = 0;
    if (const std::string_view id = call->parameter("merchant"); !id.empty()) {
        const auto no = parse_id(accounts::prefix::merchant, id);
        if (!no) return call->refuse(400, "invalid", "This value cannot be used.", "merchant");
        merchant_no = *no;
    }
    pb::ChannelRoutes routes;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        if (auto found = find_routes(rows, {merchant_no, call->livemode})) routes = *std::move(found);
    });
    routes.set_merchant_no(merchant_no);
    call->answer(200, routes_json(routes));
}

// False: it is no route.
bool read_route(const nlohmann::json& one, pb::ChannelRoute& entry) {
    constexpr std::array<std::string_view, 3> kMembers = {"method", "currency", "account"};
    if (!holds_only(one, kMembers) || !one.contains("method") || !one["method"].is_string() ||
        !one.contains("account") || !one["account"].is_number_unsigned())
        return false;
    entry.set_method(one["method"].get<std::string>());
    entry.set_account_no(one["account"].get<std::uint64_t>());
    const auto currency = one.find("currency");
    if (currency == one.end() || currency->is_null()) return true;
    if (!currency->is_string()) return false;
    const auto known = money::Currency::from_code(currency->get<std::string>());
    if (known) entry.set_currency(known->numeric());
    return known.has_value();
}

void set_channel_routes(const CallPtr& call) {
    const auto merchant_no = merchant_of_body(call);
    if (!merchant_no) return;
    if (!call->body.contains("routes") || !call->body.at("routes").is_array())
        return call->refuse(422, "invalid", "Routes are a list.", "routes");
    pb::Command command = operator_command(*call);
    auto& set = *mutable_body(command, pb::set_channel_routes);
    set.set_merchant_no(*merchant_no);
    set.set_livemode(call->livemode);
    for (const auto& one : call->body.at("routes")) {
        if (set.entries_size() < limits::kRoutes + 1 && read_route(one, *set.add_entries())) continue;
        return call->refuse(422, "invalid",
                            "A route is a method, a currency or null for any, and an account; at most " +
                                std::to_string(limits::kRoutes) + ".",
                            "routes");
    }
    submit(call, std::move(command),
           [](const pb::Result& made) { return routes_json(object_in(made, pb::channel_routes)); });
}

constexpr std::array<std::string_view, 4> kNewAccount = {"connector", "name", "merchant", "credentials"};
constexpr std::array<std::string_view, 3> kChange = {"name", "disabled", "credentials"};
constexpr std::array<std::string_view, 2> kNewRoutes = {"merchant", "routes"};

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET",  Place::mode, "channels",       &permission::read,  Runs::report_thread, list_channels, kNone},
    Route{"POST", Place::mode, "channels",       &permission::write, Runs::here,          open_channel, kNewAccount},
    Route{"POST", Place::mode, "channels/*",     &permission::write, Runs::here,          change_channel, kChange},
    Route{"GET",  Place::mode, "channel_routes", &permission::read,  Runs::here,          get_routes, kNone},
    Route{"POST", Place::mode, "channel_routes", &permission::write, Runs::here,          set_channel_routes, kNewRoutes},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

}  // namespace

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::channels
