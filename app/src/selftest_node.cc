#include "selftest_node.h"

#include <algorithm>

#include "domains/accounts/accounts.h"
#include "domains/keys/keys.h"
#include "kontor/accounts.pb.h"
#include "kontor/accounts_bodies.pb.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/keys.pb.h"
#include "kontor/keys_bodies.pb.h"
#include "kontor/log.pb.h"
#include "kontor/machine/outcome.h"

namespace kontor::app {
namespace {

constexpr std::size_t kPageMerchants = 100;
constexpr std::size_t kKeyCharacters = 24;

// Every merchant until `visit` says false; a read for each page, so that nobody waits for all of them.
using Visit = std::function<bool(const store::Reader&, const pb::Merchant&)>;
void for_each_merchant(const node::Node& node, const Visit& visit) {
    std::uint64_t after = 0;
    bool more = true;
    const auto read_page = [&](const store::Reader& rows, std::uint64_t) {
        const auto page = accounts::list_merchants(rows, after, kPageMerchants);
        more = !page.empty();
        for (const pb::Merchant& merchant : page) {
            after = merchant.no();
            if (!visit(rows, merchant)) {
                more = false;
                return;
            }
        }
    };
    while (more) node.read(read_page);
}

bool has_live_key(const store::Reader& rows, std::uint64_t merchant_no) {
    const auto keys = keys::list_api_keys(rows, merchant_no);
    return std::any_of(keys.begin(), keys.end(),
                       [](const pb::ApiKey& key) { return key.livemode() && key.revoked_ms() == 0; });
}

Result<pb::Result> accepted(Result<pb::Result> result) {
    if (result && result->outcome() != machine::outcome::ok)
        return fail(ErrorCode::invalid_argument, result->error().message());
    return result;
}

}  // namespace

bool has_live_keys(const node::Node& node) {
    bool found = false;
    for_each_merchant(node, [&](const store::Reader& rows, const pb::Merchant& merchant) {
        found = has_live_key(rows, merchant.no());
        return !found;
    });
    return found;
}

Result<std::string> make_selftest_key(Appliance& appliance) {
    std::uint64_t merchant_no = 0;
    for_each_merchant(appliance.node(), [&](const store::Reader&, const pb::Merchant& merchant) {
        if (merchant.name() == kSelftestMerchant) merchant_no = merchant.no();
        return merchant_no == 0;
    });
    if (merchant_no == 0) {
        pb::Command command;
        mutable_body(command, pb::create_merchant)->set_name(kSelftestMerchant);
        mutable_body(command, pb::create_merchant)->set_default_currency("eur");
        KONTOR_TRY(const pb::Result made, accepted(appliance.cluster().propose(std::move(command))));
        merchant_no = object_in(made, pb::merchant).no();
    }
    const std::string key = "sk_test_" + crypto::random_token(kKeyCharacters);
    pb::Command command;
    pb::CreateApiKey& wanted = *mutable_body(command, pb::create_api_key);
    wanted.set_merchant_no(merchant_no);
    wanted.set_livemode(false);
    wanted.set_key_sha256(crypto::sha256(key));
    wanted.set_name("self-test");
    wanted.set_hint("sk_test_…" + key.substr(key.size() - 4));
    KONTOR_CHECK(accepted(appliance.cluster().propose(std::move(command))));
    return key;
}

Result<void> revoke_selftest_key(Appliance& appliance, const std::string& key) {
    const std::string hash = crypto::sha256(key);
    bool is_ours = false;
    appliance.node().read([&](const store::Reader& rows, std::uint64_t) {
        const auto found = keys::find_api_key(rows, hash);
        const auto merchant = found ? accounts::find_merchant(rows, found->merchant_no()) : std::nullopt;
        is_ours = merchant && merchant->name() == kSelftestMerchant;
    });
    if (!is_ours) return fail(ErrorCode::not_found, "this is no key of a self-test");
    pb::Command command;
    mutable_body(command, pb::revoke_api_key)->set_key_sha256(hash);
    KONTOR_CHECK(accepted(appliance.cluster().propose(std::move(command))));
    return {};
}

}  // namespace kontor::app
