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

void put_account(JsonWriter& json, const pb::ChannelAccount& account) {
    json.field_integer("account", account.no()).field("connector", account.connector());
    put_id(json, "merchant", accounts::prefix::merchant, account.merchant_no());
    json.field("mode", account.livemode() ? "live" : "test").field("name", account.name());
    json.key("methods").begin_array();
    for (const auto& served : account.serves()) json.string(served.type());
    json.end_array().key("credentials_set").begin_array();
    for (const auto& field : account.set_fields()) json.string(field);
    json.end_array().field_boolean("disabled", account.disabled());
    json.field_integer("created_ms", account.created_ms());
}

void put_connector(JsonWriter& json, const connectors::Connector& connector) {
    json.begin_object().field("name", connector.name.value).field("title", connector.title.value);
    json.key("methods").begin_array();
    for (const auto& served : connector.serves.value) json.string(served.method.value);
    json.end_array().key("fields").begin_array();
    for (const auto& field : connector.fields.value) {
        json.begin_object().field("name", field.name.value);
        json.field_boolean("secret", field.is_secret.value);
        json.field_boolean("required", field.is_required.value).end_object();
    }
    json.end_array().end_object();
}

void put_routes(JsonWriter& json, const pb::ChannelRoutes& routes) {
    put_id(json, "merchant", accounts::prefix::merchant, routes.merchant_no());
    json.key("data").begin_array();
    for (const pb::ChannelRoute& entry : routes.entries()) {
        json.begin_object().field("method", entry.method());
        put_text(json, "currency", entry.currency() == 0 ? std::string() : currency_code(entry.currency()));
        json.field_integer("account", entry.account_no()).end_object();
    }
    json.end_array();
}

// The number that a text is; nothing: it is none.
std::optional<std::uint64_t> number_of(std::string_view text) {
    std::uint64_t number = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), number);
    return ec == std::errc{} && end == text.data() + text.size() ? std::optional(number) : std::nullopt;
}

void list_channels(const CallPtr& call) {
    std::uint64_t after_no = 0;
    if (const std::string_view cursor = call->parameter("cursor"); !cursor.empty()) {
        const auto no = number_of(cursor);
        if (!no) return call->refuse(400, "invalid", "This value cannot be used.", "cursor");
        after_no = *no;
    }
    std::vector<pb::ChannelAccount> accounts;
    bool more = true;
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        const auto page = list_accounts(rows, after_no, office_limits::kRowsPerRead);
        more = page.size() == office_limits::kRowsPerRead;
        for (const auto& account : page)
            if (account.livemode() == call->livemode) accounts.push_back(account);
        if (!page.empty()) after_no = page.back().no();
    };
    while (more && accounts.size() < kAccountsListed) call->host->service->read(read_page);
    call->answer(200, [&](JsonWriter& json) {
        put_list(json, "data", accounts, put_account);
        put_text(json, "next_cursor", more ? std::to_string(after_no) : std::string());
        json.key("connectors").begin_array();
        for (const connectors::Connector* connector : connectors::all())
            if (connector->may_serve(call->livemode)) put_connector(json, *connector);
        json.end_array();
    });
}

// Of the body: nothing is the platform; refuses the call when it is malformed.
std::optional<std::uint64_t> merchant_of_body(const CallPtr& call) {
    const JsonValue& merchant = call->body["merchant"];
    if (merchant.is_absent() || merchant.is_null()) return 0;
    const auto no = parse_id(accounts::prefix::merchant, call->text("merchant"));
    if (!no) call->refuse(422, "invalid", "There is no such merchant.", "merchant");
    return no;
}

// What the body names is set, null takes it away; refuses the call and says so.
bool read_credentials(const CallPtr& call, const connectors::Connector& connector,
                      connectors::Credentials& credentials) {
    const JsonValue& wanted = call->body["credentials"];
    if (wanted.is_absent()) return true;
    if (!wanted.is_object()) {
        call->refuse(422, "invalid", "Credentials are an object of texts.", "credentials");
        return false;
    }
    for (const JsonValue& value : wanted.items()) {
        const std::string& name = value.name();
        bool is_field = false;
        for (const connectors::Field& field : connector.fields.value)
            is_field = is_field || field.name.value == name;
        const auto text = value.text();
        const bool is_text = text && text->size() <= connectors::kFieldValueBytes;
        if (!is_field || (!is_text && !value.is_null())) {
            call->refuse(422, "invalid", "The connector has no such field, or it takes another value.",
                         "credentials[" + name + "]");
            return false;
        }
        if (is_text)
            credentials.set(name, crypto::Secret(std::string(*text)));
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
        credentials = connector->draw.value(crypto::random_bytes(connectors::kDrawnBytes));
    if (!read_credentials(call, *connector, credentials)) return;
    pb::Command command = operator_command(*call);
    auto& open = *mutable_body(command, pb::open_channel_account);
    open.set_connector(std::string(connector->name.value));
    open.set_merchant_no(*merchant_no);
    open.set_livemode(call->livemode);
    open.set_name(call->text("name"));
    open.set_sealed_credentials(credentials.seal(*call->host->sealer));
    for (std::string& name : credentials.names()) open.add_set_fields(std::move(name));
    copy_serves(*connector, open);
    submit(call, std::move(command), [](JsonWriter& json, const pb::Result& made) {
        put_account(json, object_in(made, pb::channel_account));
    });
}

void change_channel(const CallPtr& call) {
    std::optional<pb::ChannelAccount> account;
    if (const auto no = number_of(call->rest))
        call->host->service->read(
            [&](const store::Reader& rows, std::uint64_t) { account = find_account(rows, *no); });
    if (!account || account->livemode() != call->livemode)
        return call->refuse(404, "not_found", "There is no such channel account.");
    pb::Command command = operator_command(*call);
    auto& change = *mutable_body(command, pb::change_channel_account);
    change.set_livemode(call->livemode);
    change.set_no(account->no());
    if (!call->body["name"].is_absent()) {
        if (!has_name(call)) return;
        change.set_name(call->text("name"));
    }
    if (const JsonValue& wanted = call->body["disabled"]; !wanted.is_absent()) {
        const auto disabled = wanted.boolean();
        if (!disabled) return call->refuse(422, "invalid", "True or false.", "disabled");
        change.set_disabled(*disabled);
    }
    if (!call->body["credentials"].is_absent()) {
        const connectors::Connector* connector = connector_of(call, account->connector());
        if (connector == nullptr) return;
        auto credentials =
            connectors::Credentials::unseal(*call->host->sealer, account->sealed_credentials());
        if (!credentials) return call->refuse(credentials.error());
        if (!read_credentials(call, *connector, *credentials)) return;
        change.set_sealed_credentials(credentials->seal(*call->host->sealer));
        change.set_made_from(digest_of_credentials(*account));
        for (std::string& name : credentials->names()) change.add_set_fields(std::move(name));
    }
    submit(call, std::move(command), [](JsonWriter& json, const pb::Result& made) {
        put_account(json, object_in(made, pb::channel_account));
    });
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
    call->answer(200, [&](JsonWriter& json) { put_routes(json, routes); });
}

// False: it is no route.
bool read_route(const JsonValue& one, pb::ChannelRoute& entry) {
    constexpr std::array<std::string_view, 3> kMembers = {"method", "currency", "account"};
    const auto method = one["method"].text();
    const auto account = one["account"].unsigned_integer();
    if (!one.holds_only(kMembers) || !method || !account) return false;
    entry.set_method(std::string(*method));
    entry.set_account_no(*account);
    const JsonValue& currency = one["currency"];
    if (currency.is_absent() || currency.is_null()) return true;
    const auto known = money::Currency::from_code(currency.text().value_or(""));
    if (known) entry.set_currency(known->numeric());
    return known.has_value();
}

void set_channel_routes(const CallPtr& call) {
    const auto merchant_no = merchant_of_body(call);
    if (!merchant_no) return;
    const JsonValue& routes = call->body["routes"];
    if (!routes.is_array()) return call->refuse(422, "invalid", "Routes are a list.", "routes");
    pb::Command command = operator_command(*call);
    auto& set = *mutable_body(command, pb::set_channel_routes);
    set.set_merchant_no(*merchant_no);
    set.set_livemode(call->livemode);
    for (const JsonValue& one : routes.items()) {
        if (set.entries_size() < limits::kRoutes + 1 && read_route(one, *set.add_entries())) continue;
        return call->refuse(422, "invalid",
                            "A route is a method, a currency or null for any, and an account; at most " +
                                std::to_string(limits::kRoutes) + ".",
                            "routes");
    }
    submit(call, std::move(command), [](JsonWriter& json, const pb::Result& made) {
        put_routes(json, object_in(made, pb::channel_routes));
    });
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

using connectors::Operation;
static_assert(int{pb::CHANNEL_SALE} == static_cast<int>(Operation::sale) &&
                  int{pb::CHANNEL_AUTHORIZE} == static_cast<int>(Operation::authorize) &&
                  int{pb::CHANNEL_CAPTURE} == static_cast<int>(Operation::capture) &&
                  int{pb::CHANNEL_VOID} == static_cast<int>(Operation::void_authorization) &&
                  int{pb::CHANNEL_REFUND} == static_cast<int>(Operation::refund),
              "rows and connectors number operations alike");

void copy_serves(const connectors::Connector& connector, pb::OpenChannelAccount& open) {
    for (const connectors::Served& served : connector.serves.value) {
        pb::ServedMethod& method = *open.add_serves();
        method.set_type(std::string(served.method.value));
        for (const std::uint16_t currency : served.currencies.value) method.add_currencies(currency);
        for (const connectors::Operation operation : served.operations.value)
            method.add_operations(std::string(word_of(static_cast<pb::ChannelOperation>(operation))));
    }
}

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::channels
