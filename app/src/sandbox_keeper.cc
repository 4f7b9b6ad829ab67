#include "sandbox_keeper.h"

#include <algorithm>
#include <optional>

#include "connectors/sandbox/sandbox.h"
#include "domains/channels/admin.h"
#include "domains/channels/channels.h"
#include "kontor/base/log.h"
#include "kontor/bodies.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/make.h"
#include "kontor/machine/outcome.h"

namespace kontor::app {

namespace {

constexpr int kSteps = 4;
constexpr std::size_t kPage = 100;
constexpr const connectors::Connector& kSandbox = connectors::sandbox::kConnector;

// The platform's own.
std::optional<pb::ChannelAccount> find_sandbox(const store::Reader& rows) {
    std::uint64_t after_no = 0;
    for (;;) {
        const auto page = channels::list_accounts(rows, after_no, kPage);
        for (const pb::ChannelAccount& account : page)
            if (account.connector() == kSandbox.name.value && account.merchant_no() == 0 &&
                !account.livemode())
                return account;
        if (page.size() < kPage) return std::nullopt;
        after_no = page.back().no();
    }
}

pb::Command enable(std::uint64_t no) {
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    auto& change = *mutable_body(command, pb::change_channel_account);
    change.set_no(no);
    change.set_disabled(false);
    for (const connectors::Served& served : kSandbox.serves.value)
        change.add_route_methods(std::string(served.method.value));
    return command;
}

// Nothing, and says so, where merchants have routes of their own to it: these are operators' decisions.
std::optional<pb::Command> disable(const store::Reader& rows, const pb::ChannelAccount& account) {
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    const auto routes = channels::find_routes(rows, {0, false});
    const bool is_routed =
        routes && std::any_of(routes->entries().begin(), routes->entries().end(),
                              [&](const auto& entry) { return entry.account_no() == account.no(); });
    if (account.routed_by() > (is_routed ? 1U : 0U)) {
        log::warning("channels", "event=sandbox_unchanged the sandbox account stays as it is: " +
                                     std::to_string(account.routed_by() - (is_routed ? 1U : 0U)) +
                                     " merchants have routes of their own to it");
        return std::nullopt;
    }
    if (!is_routed) {
        auto& change = *mutable_body(command, pb::change_channel_account);
        change.set_no(account.no());
        change.set_disabled(true);
        return command;
    }
    auto& set = *mutable_body(command, pb::set_channel_routes);
    for (const pb::ChannelRoute& entry : routes->entries())
        if (entry.account_no() != account.no()) *set.add_entries() = entry;
    return command;
}

std::optional<pb::Command> next_step(const store::Reader& rows, const crypto::Sealer& sealer,
                                     bool is_enabled) {
    const auto account = find_sandbox(rows);
    if (is_enabled) {
        if (!account) return open_sandbox(sealer);
        if (account->disabled() && account->closed_by_setting()) return enable(account->no());
        return std::nullopt;
    }
    if (!account || account->disabled()) return std::nullopt;
    return disable(rows, *account);
}

}  // namespace

pb::Command open_sandbox(const crypto::Sealer& sealer) {
    pb::Command command = machine::new_command(pb::Actor::SYSTEM);
    auto& open = *mutable_body(command, pb::open_channel_account);
    open.set_connector(std::string(kSandbox.name.value));
    open.set_name(std::string(kSandbox.title.value));
    const connectors::Credentials drawn = kSandbox.draw.value(crypto::random_bytes(connectors::kDrawnBytes));
    open.set_sealed_credentials(drawn.seal(sealer));
    for (const std::string& name : drawn.names()) open.add_set_fields(name);
    channels::copy_serves(kSandbox, open);
    for (const connectors::Served& served : kSandbox.serves.value)
        open.add_route_methods(std::string(served.method.value));
    return command;
}

void keep_sandbox(node::Node& node, const crypto::Sealer& sealer, bool is_enabled) {
    for (int step = 0; step < kSteps; ++step) {
        std::optional<pb::Command> command;
        node.read(
            [&](const store::Reader& rows, std::uint64_t) { command = next_step(rows, sealer, is_enabled); });
        if (!command) return;
        std::string refused;
        const auto done = node.submit_and_wait(*std::move(command), [&](const machine::Answer& answer) {
            if (answer.result.outcome() != machine::outcome::ok) refused = answer.result.error().message();
        });
        if (!done) refused = done.error().describe();
        if (refused.empty()) continue;
        log::warning("channels", "event=sandbox_unchanged the sandbox account stays as it is: " + refused);
        return;
    }
}

}  // namespace kontor::app
