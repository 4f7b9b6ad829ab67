// API keys of merchants in the back office.
#include "domains/keys/admin.h"

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/keys/ids.h"
#include "domains/keys/keys.h"
#include "domains/keys/permissions.h"
#include "kontor/accounts.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/crypto/public_id.h"
#include "kontor/keys.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/outcome.h"
#include "kontor/surface/office_limits.h"

namespace kontor::keys {

namespace {

using namespace surface::office;  // the routes' words
namespace office_limits = surface::office::limits;

constexpr std::size_t kKeyCharacters = 32;

void put_key(JsonWriter& json, const pb::ApiKey& key) {
    json.field("id", format_id(prefix::api_key, key.no())).field("name", key.name());
    json.field("hint", key.hint()).field("mode", key.livemode() ? "live" : "test");
    json.field_integer("created_ms", key.created_ms());
    put_integer(json, "revoked_ms", key.revoked_ms() == 0 ? std::nullopt : std::optional(key.revoked_ms()));
}

// A key's id does not tell its merchant: one look a merchant. Revoking is rare, and merchants are few.
// Each page is a read of its own, so that nobody waits for all of them.
std::string hash_of_key(const machine::Service& service, bool livemode, std::uint64_t key_no) {
    std::uint64_t after_no = 0;
    std::string hash;
    for (bool more = true; more && hash.empty();) {
        service.read([&](const store::Reader& rows, std::uint64_t) {
            const auto merchants = accounts::list_merchants(rows, after_no, office_limits::kRowsPerRead);
            more = merchants.size() == office_limits::kRowsPerRead;
            for (const auto& merchant : merchants) {
                hash = api_key_hash(rows, merchant.no(), key_no);
                if (!hash.empty()) {
                    const auto key = find_api_key(rows, hash);
                    more = false;
                    if (!key || key->livemode() != livemode) hash.clear();
                    return;
                }
                after_no = merchant.no();
            }
        });
    }
    return hash;
}

void list_keys(const CallPtr& call) {
    const auto merchant_no = parse_id(accounts::prefix::merchant, call->rest);
    bool found = false, more = true;
    std::uint64_t after_no = 0;
    std::vector<pb::ApiKey> keys;
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        found = merchant_no && accounts::find_merchant(rows, *merchant_no).has_value();
        if (!found) return;
        const auto page = list_api_keys(rows, *merchant_no, after_no, office_limits::kRowsPerRead);
        more = page.size() == office_limits::kRowsPerRead;
        for (const auto& key : page)
            if (key.livemode() == call->livemode) keys.push_back(key);
        if (!page.empty()) after_no = page.back().no();
    };
    do call->host->service->read(read_page);
    while (found && more && keys.size() < kKeysListed);
    if (!found) return call->refuse(404, "not_found", "There is no such merchant.");
    call->answer(200, [&](JsonWriter& json) { put_list(json, "data", keys, put_key); });
}

void create_key(const CallPtr& call) {
    const auto merchant_no = parse_id(accounts::prefix::merchant, call->rest);
    bool found = false;
    call->host->service->read([&](const store::Reader& rows, std::uint64_t) {
        found = merchant_no && accounts::find_merchant(rows, *merchant_no).has_value();
    });
    if (!found) return call->refuse(404, "not_found", "There is no such merchant.");
    const std::string name = call->text("name");
    if (name.size() > machine::limits::kNameBytes)
        return call->refuse(422, "name_invalid", "A name has at most 256 bytes.", "name");
    const std::string start = call->livemode ? "sk_live_" : "sk_test_";
    const std::string secret = start + crypto::random_token(kKeyCharacters);
    pb::Command command = operator_command(*call);
    auto& create = *mutable_body(command, pb::create_api_key);
    create.set_merchant_no(*merchant_no);
    create.set_livemode(call->livemode);
    create.set_key_sha256(crypto::sha256(secret));
    create.set_name(name);
    create.set_hint(start + "…" + secret.substr(secret.size() - 4));
    submit(
        call, std::move(command),
        [](JsonWriter& json, const pb::Result& made) { put_key(json, object_in(made, pb::api_key)); },
        [secret](JsonWriter& json) { json.field("secret", secret); });
}

void revoke_key(const CallPtr& call) {
    const auto key_no = parse_id(prefix::api_key, call->rest);
    const std::string hash =
        key_no ? hash_of_key(*call->host->service, call->livemode, *key_no) : std::string();
    if (hash.empty()) return call->refuse(404, "not_found", "There is no such key.");
    pb::Command command = operator_command(*call);
    mutable_body(command, pb::revoke_api_key)->set_key_sha256(hash);
    call->host->service->submit(std::move(command), [call](Result<machine::Answer> answer) {
        if (!answer) return call->refuse(answer.error());
        if (answer->result.outcome() == machine::outcome::resource_missing)
            return call->refuse(404, "not_found", "There is no such key.");
        if (answer->result.outcome() != machine::outcome::ok) return call->refuse(answer->result);
        call->answer(200, [&](JsonWriter& json) { put_key(json, object_in(answer->result, pb::api_key)); });
    });
}

constexpr std::array<std::string_view, 1> kNewKey = {"name"};

// clang-format off
constexpr std::array kRoutes = {
    Route{"GET",  Place::mode, "merchants/*/keys", &permission::read,  Runs::report_thread, list_keys, kNone},
    Route{"POST", Place::mode, "merchants/*/keys", &permission::write, Runs::here,          create_key, kNewKey},
    Route{"POST", Place::mode, "keys/*/revoke",    &permission::write, Runs::report_thread, revoke_key, kNone},
};
// clang-format on
static_assert(routes_are_sound(kRoutes));

}  // namespace

constinit const surface::office::Resource kAdmin = {.routes = kRoutes};

}  // namespace kontor::keys
