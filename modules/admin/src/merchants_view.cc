// Merchants and their API keys.

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/accounts/limits.h"
#include "domains/keys/ids.h"
#include "domains/keys/keys.h"
#include "kontor/accounts.pb.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/base/object_id.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/keys.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/machine.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"
#include "kontor/machine/service.h"
#include "kontor/money/money.h"
#include "views.h"

namespace kontor::admin {
namespace {

constexpr std::size_t kKeyCharacters = 32;

Json merchant_json(const pb::Merchant& merchant) {
    return Json{{"id", format_id(accounts::prefix::merchant, merchant.no())},
                {"name", merchant.name()},
                {"fee_bps", merchant.fee_bps()},
                {"fee_fixed", merchant.fee_fixed_minor()},
                {"settlement_delay_days", merchant.settlement_delay_days()},
                {"country", merchant.country()},
                {"default_currency", merchant.default_currency()},
                {"created_ms", merchant.created_ms()}};
}

Json key_json(const pb::ApiKey& key) {
    return Json{{"id", format_id(keys::prefix::api_key, key.no())},
                {"name", key.name()},
                {"hint", key.hint()},
                {"mode", key.livemode() ? "live" : "test"},
                {"created_ms", key.created_ms()},
                {"revoked_ms", key.revoked_ms() == 0 ? Json(nullptr) : Json(key.revoked_ms())}};
}

pb::Command operator_command(const Call& call) {
    pb::Command command = machine::new_command(pb::Actor::OPERATOR);
    command.mutable_actor()->set_no(call.caller->operator_no);
    command.mutable_actor()->set_ip(call.request.peer_ip);
    return command;
}

// An integer of the body within bounds; absent is `fallback`.
std::optional<std::int64_t> bounded(const Call& call, const char* name, std::int64_t fallback,
                                    std::int64_t max) {
    const auto found = call.body.find(name);
    if (found == call.body.end() || found->is_null()) return fallback;
    if (!found->is_number_integer()) return std::nullopt;
    const auto value = found->get<std::int64_t>();
    if (value < 0 || value > max) return std::nullopt;
    return value;
}

// A key's id does not tell its merchant: one look a merchant. Revoking is rare, and merchants are few.
// Each page is a read of its own, so that nobody waits for all of them.
std::string hash_of_key(const node::Node& node, bool livemode, std::uint64_t key_no) {
    std::uint64_t after_no = 0;
    std::string hash;
    for (bool more = true; more && hash.empty();) {
        node.read([&](const store::Reader& rows, std::uint64_t) {
            const auto merchants = accounts::list_merchants(rows, after_no, limits::kRowsPerRead);
            more = merchants.size() == limits::kRowsPerRead;
            for (const auto& merchant : merchants) {
                hash = keys::api_key_hash(rows, merchant.no(), key_no);
                if (!hash.empty()) {
                    const auto key = keys::find_api_key(rows, hash);
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

bool good_country(const std::string& country) {
    return country.empty() || (country.size() == 2 && country[0] >= 'A' && country[0] <= 'Z' &&
                               country[1] >= 'A' && country[1] <= 'Z');
}

}  // namespace

void Views::list_merchants(const std::shared_ptr<Call>& call) const {
    std::uint64_t after_no = 0;
    if (const std::string_view cursor = call->parameter("cursor"); !cursor.empty()) {
        const auto no = parse_id(accounts::prefix::merchant, cursor);
        if (!no) return call->refuse(400, "invalid", "This value cannot be used.", "cursor");
        after_no = *no;
    }
    Json data = Json::array();
    bool more = true;
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        const auto page = accounts::list_merchants(rows, after_no, limits::kRowsPerRead);
        more = page.size() == limits::kRowsPerRead;
        for (const auto& merchant : page) data.push_back(merchant_json(merchant));
        if (!page.empty()) after_no = page.back().no();
    };
    while (more && data.size() < limits::kMerchantsListed) options_.node->read(read_page);
    call->answer(200, Json{{"data", data},
                           {"next_cursor",
                            more ? Json(format_id(accounts::prefix::merchant, after_no)) : Json(nullptr)}});
}

void Views::get_merchant(const std::shared_ptr<Call>& call) const {
    const auto merchant_no = parse_id(accounts::prefix::merchant, call->rest);
    std::optional<pb::Merchant> found;
    options_.node->read([&](const store::Reader& rows, std::uint64_t) {
        if (merchant_no) found = accounts::find_merchant(rows, *merchant_no);
    });
    if (!found) return call->refuse(404, "not_found", "There is no such merchant.");
    call->answer(200, merchant_json(*found));
}

void Views::create_merchant(const std::shared_ptr<Call>& call) const {
    const std::string name = call->text("name");
    if (name.empty() || name.size() > machine::limits::kNameBytes)
        return call->refuse(422, "name_invalid", "A name has 1 to 256 bytes.", "name");
    const auto fee_bps = bounded(*call, "fee_bps", 0, accounts::limits::kFeeBpsMax);
    const auto fee_fixed = bounded(*call, "fee_fixed", 0, money::kMaxAmountMinor);
    const auto delay = bounded(*call, "settlement_delay_days", 0, accounts::limits::kSettlementDelayDaysMax);
    if (!fee_bps) return call->refuse(422, "invalid", "0 to 10000 basis points", "fee_bps");
    if (!fee_fixed)
        return call->refuse(422, "invalid", "A whole number of minor units, not negative", "fee_fixed");
    if (!delay)
        return call->refuse(422, "invalid",
                            "0 to " + std::to_string(accounts::limits::kSettlementDelayDaysMax) + " days",
                            "settlement_delay_days");
    if (!good_country(call->text("country")))
        return call->refuse(422, "invalid", "A country is two capital letters, as in ISO 3166", "country");
    std::string currency = call->text("default_currency");
    if (!currency.empty()) {
        const auto known = money::Currency::from_code(currency);
        if (!known) return call->refuse(422, "invalid", "No such currency", "default_currency");
        currency = known->lower_code();
    }
    pb::Command command = operator_command(*call);
    auto& create = *mutable_body(command, pb::create_merchant);
    create.set_name(name);
    create.set_fee_bps(static_cast<std::uint32_t>(*fee_bps));
    create.set_fee_fixed_minor(*fee_fixed);
    create.set_settlement_delay_days(static_cast<std::uint32_t>(*delay));
    create.set_country(call->text("country"));
    create.set_default_currency(currency);
    options_.node->submit(std::move(command), [call](Result<machine::Answer> answer) {
        if (!answer) return call->refuse(answer.error());
        if (answer->result.outcome() != machine::outcome::ok)
            return call->refuse(422, "refused", answer->result.error().message(),
                                answer->result.error().param());
        call->answer(200, merchant_json(object_in(answer->result, pb::merchant)));
    });
}

void Views::list_keys(const std::shared_ptr<Call>& call) const {
    const auto merchant_no = parse_id(accounts::prefix::merchant, call->rest);
    bool found = false, more = true;
    std::uint64_t after_no = 0;
    Json data = Json::array();
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        found = merchant_no && accounts::find_merchant(rows, *merchant_no).has_value();
        if (!found) return;
        const auto page = keys::list_api_keys(rows, *merchant_no, after_no, limits::kRowsPerRead);
        more = page.size() == limits::kRowsPerRead;
        for (const auto& key : page)
            if (key.livemode() == call->livemode) data.push_back(key_json(key));
        if (!page.empty()) after_no = page.back().no();
    };
    do options_.node->read(read_page);
    while (found && more && data.size() < limits::kKeysListed);
    if (!found) return call->refuse(404, "not_found", "There is no such merchant.");
    call->answer(200, Json{{"data", data}});
}

void Views::create_key(const std::shared_ptr<Call>& call) const {
    const auto merchant_no = parse_id(accounts::prefix::merchant, call->rest);
    bool found = false;
    options_.node->read([&](const store::Reader& rows, std::uint64_t) {
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
    options_.node->submit(std::move(command), [call, secret](Result<machine::Answer> answer) {
        if (!answer) return call->refuse(answer.error());
        if (answer->result.outcome() != machine::outcome::ok)
            return call->refuse(422, "refused", answer->result.error().message(),
                                answer->result.error().param());
        Json json = key_json(object_in(answer->result, pb::api_key));
        json["secret"] = secret;
        call->answer(200, json);
    });
}

void Views::revoke_key(const std::shared_ptr<Call>& call) const {
    const auto key_no = parse_id(keys::prefix::api_key, call->rest);
    const std::string hash = key_no ? hash_of_key(*options_.node, call->livemode, *key_no) : std::string();
    if (hash.empty()) return call->refuse(404, "not_found", "There is no such key.");
    pb::Command command = operator_command(*call);
    mutable_body(command, pb::revoke_api_key)->set_key_sha256(hash);
    options_.node->submit(std::move(command), [call](Result<machine::Answer> answer) {
        if (!answer) return call->refuse(answer.error());
        if (answer->result.outcome() != machine::outcome::ok)
            return call->refuse(404, "not_found", "There is no such key.");
        call->answer(200, key_json(object_in(answer->result, pb::api_key)));
    });
}

}  // namespace kontor::admin
