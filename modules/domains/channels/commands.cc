#include "domains/channels/commands.h"

#include <algorithm>
#include <set>

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/channels/channels.h"
#include "domains/channels/limits.h"
#include "domains/channels/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/machine/limits.h"
#include "kontor/machine/refuse.h"

namespace kontor::channels {

using namespace machine;  // the frame's words

namespace {

using Entries = google::protobuf::RepeatedPtrField<pb::ChannelRoute>;

pb::Result missing_account(std::uint64_t no) {
    return refuse(machine::outcome::resource_missing,
                  "There is no channel account " + std::to_string(no) + ".", "account");
}

void put(Context& context, const pb::ChannelAccount& account) {
    context.put(table::accounts, account_key(account.no()), account);
}

pb::Result with_account(Context& context, std::uint64_t no) {
    pb::Result result;
    *mutable_object(result, pb::channel_account) = *find_account(context.rows, no);
    return result;
}

std::uint64_t last_account(const store::Reader& rows) {
    std::uint64_t last = 0;
    rows.scan(table::accounts, account_key(0).view(), {}, store::Direction::descending,
              [&](std::string_view key, std::string_view) {
                  last = get_be64(key.substr(1));
                  return false;
              });
    return last;
}

// Currency 0: all of them.
bool serves(const pb::ChannelAccount& account, std::string_view method, std::uint32_t currency) {
    for (const pb::ServedMethod& served : account.serves()) {
        if (served.type() != method) continue;
        if (served.currencies().empty()) return true;
        return std::find(served.currencies().begin(), served.currencies().end(), currency) !=
               served.currencies().end();
    }
    return false;
}

std::optional<pb::Result> bad_entry(Context& context, Scope scope, const pb::ChannelRoute& entry) {
    const auto account = find_account(context.rows, entry.account_no());
    if (!account) return missing_account(entry.account_no());
    const auto cannot = [&](std::string why) {
        return refuse(machine::outcome::invalid_parameter,
                      "Channel account " + std::to_string(account->no()) + " " + std::move(why), "account");
    };
    if (account->disabled()) return cannot("is disabled.");
    if (account->livemode() != scope.livemode) return cannot("is of the other mode.");
    if (account->merchant_no() != 0 && account->merchant_no() != scope.merchant_no)
        return cannot("belongs to another merchant.");
    if (!serves(*account, entry.method(), entry.currency()))
        return cannot("does not take " + entry.method() + " payments in " +
                      (entry.currency() == 0 ? "any currency." : "this currency."));
    return std::nullopt;
}

std::set<std::uint64_t> accounts_in(const Entries& entries) {
    std::set<std::uint64_t> numbers;
    for (const pb::ChannelRoute& entry : entries) numbers.insert(entry.account_no());
    return numbers;
}

void count_route(Context& context, std::uint64_t account_no, bool more) {
    auto account = find_account(context.rows, account_no);
    KONTOR_ASSERT(account && (more || account->routed_by() > 0), "routes name accounts that are there");
    account->set_routed_by(account->routed_by() + (more ? 1 : std::uint64_t(-1)));
    put(context, *account);
}

// Writes what was found to be sound.
void write_routes(Context& context, const pb::ChannelRoutes& wanted) {
    const Scope scope{wanted.merchant_no(), wanted.livemode()};
    const auto before = find_routes(context.rows, scope);
    const std::set<std::uint64_t> old = before ? accounts_in(before->entries()) : std::set<std::uint64_t>();
    const std::set<std::uint64_t> now = accounts_in(wanted.entries());
    for (const std::uint64_t no : now)
        if (!old.contains(no)) count_route(context, no, true);
    for (const std::uint64_t no : old)
        if (!now.contains(no)) count_route(context, no, false);
    const bool has_routes = !wanted.entries().empty();
    if (has_routes) {
        context.put(table::routes, routes_key(scope), wanted);
    } else {
        context.rows.erase(table::routes, routes_key(scope).view());
    }
    if (scope.merchant_no != 0 &&
        context.head(scope).GetExtension(pb::channel_head).has_routes() != has_routes)
        context.change_head(scope).MutableExtension(pb::channel_head)->set_has_routes(has_routes);
}

// The methods that a new or changed account shall take at once, where nothing takes them yet.
std::optional<pb::Result> route_to(Context& context, const pb::ChannelAccount& account,
                                   const google::protobuf::RepeatedPtrField<std::string>& methods) {
    if (methods.empty()) return std::nullopt;
    pb::ChannelRoutes routes =
        find_routes(context.rows, {account.merchant_no(), account.livemode()}).value_or(pb::ChannelRoutes());
    routes.set_merchant_no(account.merchant_no());
    routes.set_livemode(account.livemode());
    for (const std::string& method : methods) {
        const bool is_known =
            std::any_of(routes.entries().begin(), routes.entries().end(),
                        [&](const pb::ChannelRoute& entry) { return entry.method() == method; });
        if (is_known) continue;
        for (const pb::ServedMethod& served : account.serves()) {
            if (served.type() != method) continue;
            std::vector<std::uint32_t> currencies(served.currencies().begin(), served.currencies().end());
            if (currencies.empty()) currencies.push_back(0);
            for (const std::uint32_t currency : currencies) {
                pb::ChannelRoute& entry = *routes.add_entries();
                entry.set_method(method);
                entry.set_currency(currency);
                entry.set_account_no(account.no());
            }
        }
    }
    if (routes.entries_size() > limits::kRoutes)
        return refuse(machine::outcome::limit_reached,
                      "There are at most " + std::to_string(limits::kRoutes) + " routes.", "routes");
    write_routes(context, routes);
    return std::nullopt;
}

std::optional<pb::Result> bad_name(const std::string& name) {
    if (!name.empty() && name.size() <= machine::limits::kNameBytes) return std::nullopt;
    return refuse(machine::outcome::invalid_parameter, "A name has 1 to 256 bytes.", "name");
}

std::optional<pb::Result> bad_credentials(const std::string& sealed) {
    if (sealed.size() <= limits::kCredentialsBytes) return std::nullopt;
    return refuse(machine::outcome::invalid_parameter, "The credentials are too long.", "credentials");
}

std::optional<pb::Result> bad_merchant(Context& context, std::uint64_t no) {
    if (no == 0 || accounts::find_merchant(context.rows, no)) return std::nullopt;
    return no_such("merchant", accounts::prefix::merchant, no, "merchant");
}

}  // namespace

pb::Result open_account(Context& context, const pb::OpenChannelAccount& wanted) {
    if (wanted.connector().empty() || wanted.connector().size() > limits::kConnectorBytes)
        return refuse(machine::outcome::invalid_parameter, "An account names its connector.", "connector");
    if (wanted.serves().empty())
        return refuse(machine::outcome::invalid_parameter, "An account serves a method.", "serves");
    if (auto bad = bad_name(wanted.name())) return *std::move(bad);
    if (auto bad = bad_credentials(wanted.sealed_credentials())) return *std::move(bad);
    if (auto bad = bad_merchant(context, wanted.merchant_no())) return *std::move(bad);
    const std::uint64_t no = last_account(context.rows) + 1;
    if (no > limits::kAccounts)
        return refuse(machine::outcome::limit_reached,
                      "There are at most " + std::to_string(limits::kAccounts) + " channel accounts.");
    pb::ChannelAccount account;
    account.set_no(no);
    account.set_connector(wanted.connector());
    account.set_merchant_no(wanted.merchant_no());
    account.set_livemode(wanted.livemode());
    account.set_name(wanted.name());
    *account.mutable_serves() = wanted.serves();
    account.set_sealed_credentials(wanted.sealed_credentials());
    *account.mutable_set_fields() = wanted.set_fields();
    account.set_created_ms(context.now.utc_ms);
    put(context, account);
    if (auto bad = route_to(context, account, wanted.route_methods())) {
        context.rows.erase(table::accounts, account_key(no).view());
        return *std::move(bad);
    }
    context.audit_record(kInstanceScope);
    return with_account(context, no);
}

pb::Result change_account(Context& context, const pb::ChangeChannelAccount& wanted) {
    auto account = find_account(context.rows, wanted.no());
    if (!account) return missing_account(wanted.no());
    if (wanted.has_name())
        if (auto bad = bad_name(wanted.name())) return *std::move(bad);
    if (wanted.has_sealed_credentials())
        if (auto bad = bad_credentials(wanted.sealed_credentials())) return *std::move(bad);
    if (wanted.has_disabled() && wanted.disabled() && account->routed_by() > 0)
        return refuse(machine::outcome::unexpected_state,
                      "Channel account " + std::to_string(account->no()) +
                          " is still named by the routes of " + std::to_string(account->routed_by()) +
                          " of merchants and platform: set them to other accounts first.",
                      "disabled");
    const pb::ChannelAccount before = *account;
    if (wanted.has_name()) account->set_name(wanted.name());
    if (wanted.has_sealed_credentials()) {
        account->set_sealed_credentials(wanted.sealed_credentials());
        *account->mutable_set_fields() = wanted.set_fields();
    }
    if (wanted.has_disabled()) {
        account->set_disabled(wanted.disabled());
        account->set_closed_by_setting(wanted.disabled() &&
                                       context.command.actor().kind() == pb::Actor::SYSTEM);
    }
    put(context, *account);
    if (!account->disabled()) {
        if (auto bad = route_to(context, *account, wanted.route_methods())) {
            put(context, before);
            return *std::move(bad);
        }
    }
    context.audit_record(kInstanceScope);
    return with_account(context, wanted.no());
}

pb::Result set_routes(Context& context, const pb::SetChannelRoutes& wanted) {
    const Scope scope{wanted.merchant_no(), wanted.livemode()};
    if (auto bad = bad_merchant(context, wanted.merchant_no())) return *std::move(bad);
    if (wanted.entries_size() > limits::kRoutes)
        return refuse(machine::outcome::limit_reached,
                      "There are at most " + std::to_string(limits::kRoutes) + " routes.", "routes");
    std::set<std::pair<std::string, std::uint32_t>> seen;
    for (const pb::ChannelRoute& entry : wanted.entries()) {
        if (auto bad = bad_entry(context, scope, entry)) return *std::move(bad);
        if (!seen.emplace(entry.method(), entry.currency()).second)
            return refuse(machine::outcome::invalid_parameter,
                          "A method and currency has one route: " + entry.method() + " has two.", "routes");
    }
    pb::ChannelRoutes routes;
    routes.set_merchant_no(wanted.merchant_no());
    routes.set_livemode(wanted.livemode());
    *routes.mutable_entries() = wanted.entries();
    write_routes(context, routes);
    context.audit_record(kInstanceScope);
    pb::Result result;
    *mutable_object(result, pb::channel_routes) = routes;
    return result;
}

std::size_t forget_notice(Context& context, DueClock /*clock*/, std::string_view payload,
                          std::size_t /*limit*/) {
    if (payload.size() != kNoticeKeyBytes) row_failure("due", "a row of a notice has another shape");
    context.rows.erase(table::notices, payload);
    auto account = find_account(context.rows, get_be64(payload));
    KONTOR_ASSERT(account && account->notices() > 0, "a notice is of an account that counted it");
    account->set_notices(account->notices() - 1);
    put(context, *account);
    return 0;
}

}  // namespace kontor::channels
