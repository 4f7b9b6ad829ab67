#include "domains/channels/commands.h"

#include <algorithm>
#include <set>

#include "domains/accounts/accounts.h"
#include "domains/accounts/ids.h"
#include "domains/channels/channels.h"
#include "domains/channels/limits.h"
#include "domains/channels/outcomes.h"
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
    if (!takes(*account, entry.method(), entry.currency()))
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
        const pb::ServedMethod* served = served_by(account, method);
        if (served == nullptr || !offers(account, method, pb::CHANNEL_SALE)) continue;
        std::vector<std::uint32_t> currencies(served->currencies().begin(), served->currencies().end());
        if (currencies.empty()) currencies.push_back(0);
        for (const std::uint32_t currency : currencies) {
            pb::ChannelRoute& entry = *routes.add_entries();
            entry.set_method(method);
            entry.set_currency(currency);
            entry.set_account_no(account.no());
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

// A method stands once, with each of its operations once, and what can be authorised can be captured and
// given back: or the payer's money would stay where nobody reaches it.
std::optional<pb::Result> bad_serves(const pb::OpenChannelAccount& wanted) {
    const auto bad = [](std::string why) {
        return refuse(machine::outcome::invalid_parameter, std::move(why), "serves");
    };
    if (wanted.serves().empty()) return bad("An account serves a method.");
    if (wanted.serves_size() > limits::kMethods)
        return bad("An account serves at most " + std::to_string(limits::kMethods) + " methods.");
    std::set<std::string_view> methods;
    for (const pb::ServedMethod& served : wanted.serves()) {
        if (!methods.insert(served.type()).second) return bad("A method stands twice.");
        if (served.operations().empty()) return bad("A method says what its channel can be asked for.");
        std::set<std::string_view> words;
        for (const std::string& word : served.operations()) {
            if (!is_operation(word)) return bad("There is no such operation of a channel.");
            if (!words.insert(word).second) return bad("An operation stands twice.");
        }
        if (words.contains(word_of(pb::CHANNEL_AUTHORIZE)) &&
            (!words.contains(word_of(pb::CHANNEL_CAPTURE)) || !words.contains(word_of(pb::CHANNEL_VOID))))
            return bad("What a channel authorises it can capture and void.");
    }
    return std::nullopt;
}

// Credentials are made of those that are there: values that were changed meanwhile would come back.
std::optional<pb::Result> not_made_of_these(const pb::ChannelAccount& account,
                                            const pb::ChangeChannelAccount& wanted) {
    if (wanted.made_from().size() != limits::kMadeFromBytes)
        return refuse(machine::outcome::invalid_parameter,
                      "A change of credentials names those that it was made of.", "credentials");
    if (wanted.made_from() == digest_of_credentials(account)) return std::nullopt;
    return refuse(outcome::credentials_changed, std::string(outcome::credentials_changed.message),
                  "credentials");
}

std::optional<pb::Result> bad_merchant(Context& context, std::uint64_t no) {
    if (no == 0 || accounts::find_merchant(context.rows, no)) return std::nullopt;
    return no_such("merchant", accounts::prefix::merchant, no, "merchant");
}

}  // namespace

pb::Result open_account(Context& context, const pb::OpenChannelAccount& wanted) {
    if (wanted.connector().empty() || wanted.connector().size() > limits::kConnectorBytes)
        return refuse(machine::outcome::invalid_parameter, "An account names its connector.", "connector");
    if (auto bad = bad_serves(wanted)) return *std::move(bad);
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
    if (!account || account->livemode() != wanted.livemode()) return missing_account(wanted.no());
    if (wanted.has_name())
        if (auto bad = bad_name(wanted.name())) return *std::move(bad);
    if (wanted.has_sealed_credentials()) {
        if (auto bad = bad_credentials(wanted.sealed_credentials())) return *std::move(bad);
        if (auto bad = not_made_of_these(*account, wanted)) return *std::move(bad);
    }
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
    context.rows.erase(table::notices, payload);
    const Key counter = notice_count_key(get_be64(payload));
    const std::int64_t count = count_notices(context.rows, get_be64(payload));
    KONTOR_ASSERT(count > 0, "a notice is of an account that counted it");
    if (count == 1) {
        context.rows.erase(table::accounts, counter.view());
    } else {
        store_integer(context.rows, table::accounts, counter, count - 1);
    }
    return 0;
}

}  // namespace kontor::channels
