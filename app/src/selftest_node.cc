#include "selftest_node.h"

#include "kontor/commands.pb.h"
#include "kontor/payments/queries.h"

namespace kontor::app {
namespace {

constexpr std::size_t kPageMerchants = 100;
constexpr std::size_t kKeyCharacters = 24;

// Every merchant until `visit` says false.
void for_each_merchant(const store::Reader& rows, const std::function<bool(const pb::Merchant&)>& visit) {
    std::uint64_t after = 0;
    for (;;) {
        const auto page = payments::list_merchants(rows, after, kPageMerchants);
        if (page.empty()) return;
        for (const pb::Merchant& merchant : page)
            if (!visit(merchant)) return;
        after = page.back().no();
    }
}

Result<pb::Result> accepted(Result<pb::Result> result) {
    if (result && result->outcome() != pb::OUTCOME_OK)
        return fail(ErrorCode::invalid_argument, result->error().message());
    return result;
}

}  // namespace

bool has_live_keys(const node::Node& node) {
    bool found = false;
    node.read([&](const store::Reader& rows, std::uint64_t) {
        for_each_merchant(rows, [&](const pb::Merchant& merchant) {
            for (const pb::ApiKey& key : payments::list_api_keys(rows, merchant.no()))
                found = found || (key.livemode() && key.revoked_ms() == 0);
            return !found;
        });
    });
    return found;
}

Result<std::string> make_selftest_key(Appliance& appliance) {
    std::uint64_t merchant_no = 0;
    appliance.node().read([&](const store::Reader& rows, std::uint64_t) {
        for_each_merchant(rows, [&](const pb::Merchant& merchant) {
            if (merchant.name() == kSelftestMerchant) merchant_no = merchant.no();
            return merchant_no == 0;
        });
    });
    if (merchant_no == 0) {
        pb::Command command;
        command.mutable_create_merchant()->set_name(kSelftestMerchant);
        command.mutable_create_merchant()->set_default_currency("eur");
        KONTOR_TRY(const pb::Result made, accepted(appliance.cluster().propose(std::move(command))));
        merchant_no = made.merchant().no();
    }
    const std::string key = "sk_test_" + crypto::random_token(kKeyCharacters);
    pb::Command command;
    pb::CreateApiKey& wanted = *command.mutable_create_api_key();
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
        const auto found = payments::find_api_key(rows, hash);
        const auto merchant = found ? payments::find_merchant(rows, found->merchant_no()) : std::nullopt;
        is_ours = merchant && merchant->name() == kSelftestMerchant;
    });
    if (!is_ours) return fail(ErrorCode::not_found, "this is no key of a self-test");
    pb::Command command;
    command.mutable_revoke_api_key()->set_key_sha256(hash);
    KONTOR_CHECK(accepted(appliance.cluster().propose(std::move(command))));
    return {};
}

}  // namespace kontor::app
