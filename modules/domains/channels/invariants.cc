#include "domains/channels/invariants.h"

#include <map>
#include <set>

#include "domains/accounts/accounts.h"
#include "domains/channels/channels.h"
#include "domains/channels/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/carriers.pb.h"
#include "kontor/channels_bodies.pb.h"

namespace kontor::channels {

using namespace machine;  // the frame's words

namespace {

void check_entry(Audit& audit, Scope scope, const pb::ChannelRoute& entry) {
    const auto account = find_account(audit.rows, entry.account_no());
    if (!account || account->disabled() || account->livemode() != scope.livemode ||
        (account->merchant_no() != 0 && account->merchant_no() != scope.merchant_no) ||
        !takes(*account, entry.method(), entry.currency()))
        audit.broken(scope, entry.account_no(), "a route names an account that does not take its payments");
}

// Without the counters of notices, which are in the same table.
template <typename Visit>
void each_account(Audit& audit, Visit visit) {
    audit.each(table::accounts, [&](std::string_view key, std::string_view value) {
        if (key.front() == kAccountRow) visit(key, parse_row<pb::ChannelAccount>(value, "channel_accounts"));
    });
}

}  // namespace

void check_routes(Audit& audit) {
    std::map<std::uint64_t, std::uint64_t> named;  // account -> rows
    audit.each<pb::ChannelRoutes>(
        table::routes, "channel_routes", [&](std::string_view key, const pb::ChannelRoutes& row) {
            const Scope scope{row.merchant_no(), row.livemode()};
            if (key != routes_key(scope).view())
                return audit.broken(scope, 0, "routes stand under another key");
            if (row.entries().empty()) audit.broken(scope, 0, "a row of routes has none");
            std::set<std::uint64_t> accounts;
            for (const pb::ChannelRoute& entry : row.entries()) {
                check_entry(audit, scope, entry);
                accounts.insert(entry.account_no());
            }
            for (const std::uint64_t no : accounts) ++named[no];
            if (scope.merchant_no == 0) return;
            const auto head =
                load<pb::ScopeHead>(audit.rows, machine::table::scope_heads, Key().scope(scope));
            if (!head || !head->GetExtension(pb::channel_head).has_routes())
                audit.broken(scope, 0, "the merchant has routes, and its head does not say so");
        });
    audit.each<pb::ScopeHead>(
        machine::table::scope_heads, "scope_heads", [&](std::string_view key, const pb::ScopeHead& head) {
            const Scope scope = scope_of(key);
            if (head.GetExtension(pb::channel_head).has_routes() && !find_routes(audit.rows, scope))
                audit.broken(scope, 0, "the head names routes that are not there");
        });
    std::uint64_t accounts = 0, highest = 0;
    each_account(audit, [&](std::string_view key, const pb::ChannelAccount& account) {
        const Scope scope{account.merchant_no(), account.livemode()};
        ++accounts;
        highest = std::max(highest, account.no());
        if (key != account_key(account.no()).view())
            audit.broken(scope, account.no(), "the channel account stands under another key");
        if (account.routed_by() != named[account.no()])
            audit.broken(scope, account.no(),
                         "the channel account counts " + std::to_string(account.routed_by()) +
                             " rows of routes, and there are " + std::to_string(named[account.no()]));
        if (account.merchant_no() != 0 && !accounts::find_merchant(audit.rows, account.merchant_no()))
            audit.broken(scope, account.no(), "the channel account's merchant is not there");
    });
    if (accounts != highest) audit.broken({}, highest, "a number of a channel account is missing");
}

void check_notices(Audit& audit) {
    std::map<std::uint64_t, std::uint64_t> kept;  // account -> notices
    audit.each(table::notices, [&](std::string_view key, std::string_view) {
        if (key.size() != kNoticeKeyBytes) row_failure("channel_notices", "a key has another shape");
        ++kept[get_be64(key)];
    });
    std::map<std::uint64_t, std::uint64_t> counted;  // account -> what its counter says
    audit.each(table::accounts, [&](std::string_view key, std::string_view) {
        if (key.front() == kAccountRow) return;
        if (key.front() != kNoticeCountRow || key.size() != account_key(0).view().size())
            row_failure("channel_accounts", "a key has another shape");
        const std::uint64_t no = get_be64(key.substr(1));
        if (!find_account(audit.rows, no))
            audit.broken({}, no, "notices are counted of an account that is not there");
        counted[no] = static_cast<std::uint64_t>(count_notices(audit.rows, no));
        if (counted[no] == 0) audit.broken({}, no, "a counter of no notices is a row");
    });
    for (const auto& [no, notices] : kept) counted.try_emplace(no, 0);
    for (const auto& [no, notices] : counted)
        if (notices != kept[no])
            audit.broken({}, no,
                         "the channel account counts " + std::to_string(notices) +
                             " notices, and there are " + std::to_string(kept[no]));
}

}  // namespace kontor::channels
