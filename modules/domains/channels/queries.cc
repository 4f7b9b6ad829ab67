#include "domains/channels/channels.h"

#include <algorithm>
#include <array>

#include "domains/channels/limits.h"
#include "domains/channels/outcomes.h"
#include "domains/channels/tables.h"
#include "kontor/base/bytes.h"
#include "kontor/channels_bodies.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/machine/refuse.h"
#include "kontor/money/money.h"

namespace kontor::channels {

using namespace machine;  // the frame's words

namespace {

// Frozen: they stand in rows.
constexpr std::array<std::pair<pb::ChannelOperation, std::string_view>, 5> kOperationWords = {{
    {pb::CHANNEL_SALE, "sale"},
    {pb::CHANNEL_AUTHORIZE, "authorize"},
    {pb::CHANNEL_CAPTURE, "capture"},
    {pb::CHANNEL_VOID, "void"},
    {pb::CHANNEL_REFUND, "refund"},
}};
static_assert(kOperationWords.size() == pb::ChannelOperation_ARRAYSIZE - 1, "an operation has no word");

// The currency's own entry before that of any.
std::uint64_t account_in(const pb::ChannelRoutes& routes, std::string_view method, std::uint32_t currency) {
    std::uint64_t any = 0;
    for (const pb::ChannelRoute& entry : routes.entries()) {
        if (entry.method() != method) continue;
        if (entry.currency() == currency) return entry.account_no();
        if (entry.currency() == 0) any = entry.account_no();
    }
    return any;
}

bool offers(const pb::ServedMethod& served, pb::ChannelOperation operation) {
    return std::ranges::find(served.operations(), word_of(operation)) != served.operations().end();
}

}  // namespace

std::optional<pb::ChannelAccount> find_account(const store::Reader& rows, std::uint64_t no) {
    return load<pb::ChannelAccount>(rows, table::accounts, account_key(no));
}

std::vector<pb::ChannelAccount> list_accounts(const store::Reader& rows, std::uint64_t after_no,
                                              std::size_t limit) {
    std::vector<pb::ChannelAccount> found;
    if (limit == 0) return found;
    rows.scan(table::accounts, account_key(after_no + 1).view(), {}, store::Direction::ascending,
              [&](std::string_view, std::string_view value) {
                  found.push_back(parse_row<pb::ChannelAccount>(value, "channel_accounts"));
                  return found.size() < limit;
              });
    return found;
}

const pb::ServedMethod* served_by(const pb::ChannelAccount& account, std::string_view method) {
    for (const pb::ServedMethod& served : account.serves())
        if (served.type() == method) return &served;
    return nullptr;
}

bool takes(const pb::ChannelAccount& account, std::string_view method, std::uint32_t currency) {
    const pb::ServedMethod* served = served_by(account, method);
    if (served == nullptr || !offers(*served, pb::CHANNEL_SALE)) return false;
    return served->currencies().empty() ||
           std::ranges::find(served->currencies(), currency) != served->currencies().end();
}

std::optional<pb::ChannelRoutes> find_routes(const store::Reader& rows, Scope scope) {
    return load<pb::ChannelRoutes>(rows, table::routes, routes_key(scope));
}

std::uint64_t route(Context& context, std::string_view method, std::uint32_t currency) {
    // The head is read for the audit record in any case.
    if (context.head(context.scope).GetExtension(pb::channel_head).has_routes()) {
        const auto own = find_routes(context.rows, context.scope);
        KONTOR_ASSERT(own, "a merchant whose head says so has routes");
        if (const std::uint64_t no = account_in(*own, method, currency); no != 0) return no;
    }
    const auto all = find_routes(context.rows, {0, context.scope.livemode});
    return all ? account_in(*all, method, currency) : 0;
}

pb::Result no_channel(Scope scope, std::string_view method, std::uint32_t currency) {
    const auto known = money::Currency::from_numeric(static_cast<std::uint16_t>(currency));
    return refuse(outcome::no_channel,
                  "There is no channel for " + std::string(method) + " payments in " +
                      (known ? std::string(known->code()) : "this currency") + " in " +
                      (scope.livemode ? "live" : "test") +
                      " mode. The operator of this platform opens one and sets the route to it.",
                  "payment_method");
}

std::string_view word_of(pb::ChannelOperation operation) {
    for (const auto& [number, word] : kOperationWords)
        if (number == operation) return word;
    return {};
}

bool is_operation(std::string_view word) {
    return std::any_of(kOperationWords.begin(), kOperationWords.end(),
                       [word](const auto& one) { return one.second == word; });
}

bool offers(const pb::ChannelAccount& account, std::string_view method, pb::ChannelOperation operation) {
    const pb::ServedMethod* served = served_by(account, method);
    return served != nullptr && offers(*served, operation);
}

std::optional<pb::Result> cannot_ask(const store::Reader& rows, std::uint64_t account_no,
                                     std::string_view method, pb::ChannelOperation operation) {
    const auto account = find_account(rows, account_no);
    KONTOR_ASSERT(account, "payments and routes name accounts that are there");
    if (offers(*account, method, operation)) return std::nullopt;
    return refuse(outcome::operation_not_offered, "The channel of this payment offers no " +
                                                      std::string(word_of(operation)) + " for " +
                                                      std::string(method) + " payments.");
}

std::string digest_of_credentials(const pb::ChannelAccount& account) {
    return crypto::sha256(account.sealed_credentials()).substr(0, limits::kMadeFromBytes);
}

std::int64_t count_notices(const store::Reader& rows, std::uint64_t account_no) {
    return load_integer(rows, table::accounts, notice_count_key(account_no));
}

Notice remember_notice(Context& context, const pb::ChannelAccount& account, std::string_view notice_id) {
    const Key key = Key().be64(account.no()).bytes(crypto::sha256(notice_id));
    if (context.rows.get(table::notices, key.view())) return Notice::known;
    const std::int64_t count = count_notices(context.rows, account.no());
    if (count >= limits::kNotices) return Notice::too_many;
    store_integer(context.rows, table::accounts, notice_count_key(account.no()), count + 1);
    context.put_index(table::notices, key);
    context.due(DueClock::machine, context.now.machine_ms + limits::kNoticeKeptMs, kNoticeDue, key.view());
    return Notice::is_new;
}

}  // namespace kontor::channels
