#include "channel_calls.h"

#include <algorithm>
#include <utility>

#include "domains/attempts/attempts.h"
#include "domains/attempts/ids.h"
#include "domains/channels/channels.h"
#include "kontor/base/log.h"
#include "kontor/base/object_id.h"
#include "kontor/crypto/public_id.h"

namespace kontor::outbox {

namespace {

constexpr std::size_t kScanPage = 512;  // due rows looked at in one read
constexpr std::size_t kScanPages = 8;   // behind those of an account without room
constexpr std::size_t kAccountsKept = 1'000;
constexpr std::size_t kNonceCharacters = 32;

connectors::Reply reply_of(const Result<http::ClientResponse>& response) {
    connectors::Reply reply;
    if (!response) return reply;
    reply.status = response->status;
    for (const http::Header& header : response->headers) reply.headers.push_back({header.name, header.value});
    reply.body = response->body;
    return reply;
}

// An order on its way, with all that its calls need: a reply comes on the client's thread, when the worker
// may be gone.
struct Errand {
    http::Client* client = nullptr;
    const Clock* clock = nullptr;
    connectors::Order order;
    std::shared_ptr<const connectors::Credentials> credentials;
    std::uint64_t merchant_no = 0;
};
using ErrandPtr = std::shared_ptr<const Errand>;

connectors::Moment moment(const Clock& clock) {
    return {clock.wall_ms(),  // house: wall: signatures name the time of day
            crypto::random_token(kNonceCharacters)};
}

using Replied = std::function<void(const connectors::Reply&, const connectors::Moment&)>;
void call(const Errand& errand, connectors::Call call, Replied replied) {
    if (errand.client == nullptr) return replied({}, moment(*errand.clock));
    http::ClientRequest request;
    request.method = std::move(call.method);
    request.url = std::move(call.url);
    for (connectors::Header& header : call.headers)
        request.headers.push_back({std::move(header.name), std::move(header.value)});
    request.body = std::move(call.body);
    request.timeout_ms = call.timeout_ms;
    request.account = errand.merchant_no;
    errand.client->send(std::move(request), [replied = std::move(replied), now = moment(*errand.clock)](
                                                const Result<http::ClientResponse>& response) {
        replied(reply_of(response), now);
    });
}

// `build` and `parse` are the connector's, or those of one of its queries.
template <typename Parse>
void carry(const ErrandPtr& errand, connectors::Build build, Parse parse, const ChannelCalls::Done& done) {
    auto built = build(errand->order, *errand->credentials, moment(*errand->clock));
    if (auto* answer = std::get_if<connectors::Answer>(&built)) return done(std::move(*answer));
    call(*errand, std::get<connectors::Call>(std::move(built)),
         [errand, parse, done](const connectors::Reply& reply, const connectors::Moment& now) {
             done(parse(errand->order, reply, *errand->credentials, now));
         });
}

}  // namespace

bool ChannelCalls::has_room(std::uint64_t account_no, const std::map<std::uint64_t, std::size_t>& more,
                            std::size_t all_more) const {
    const auto count = [account_no](const std::map<std::uint64_t, std::size_t>& counts) {
        const auto found = counts.find(account_no);
        return found == counts.end() ? 0 : found->second;
    };
    const std::size_t all = all_under_way_ + all_more;
    return all < parts_.max_in_flight && count(under_way_) + count(more) < parts_.max_in_flight - all;
}

std::vector<ChannelCalls::Ready> ChannelCalls::due(const IsClaimed& is_claimed) {
    std::vector<Ready> ready;
    std::map<std::uint64_t, std::size_t> more;
    std::map<std::uint64_t, Account> accounts;
    const std::int64_t now = parts_.service->machine_now_ms();
    parts_.service->read([&](const store::Reader& rows, std::uint64_t) {
        machine::Due after = front_.begin(parts_.clock->monotonic_ms());
        for (std::size_t pages = 0; pages < kScanPages; ++pages) {
            const auto page = attempts::due_attempts(rows, now, kScanPage, after);
            if (pages == 0) front_.saw(page);
            bool skipped = false;
            for (const machine::Due& due : page) {
                if (all_under_way_ + ready.size() >= parts_.max_in_flight) return;
                if (is_claimed(due.no)) continue;
                auto attempt = attempts::find_attempt(rows, due.no);
                if (!attempt) continue;
                const std::uint64_t account_no = attempt->account_no();
                if (!has_room(account_no, more, ready.size())) {
                    skipped = true;
                    continue;
                }
                auto known = accounts.find(account_no);
                if (known == accounts.end()) {
                    auto found = channels::find_account(rows, account_no);
                    known = accounts
                                .emplace(account_no,
                                         found ? std::make_shared<const pb::ChannelAccount>(*std::move(found))
                                               : nullptr)
                                .first;
                }
                ++more[account_no];
                ready.push_back({*std::move(attempt), known->second});
            }
            if (!skipped || page.size() < kScanPage) return;
            after = page.back();
        }
    });
    return ready;
}

// Kept unsealed as long as the account is the same.
std::shared_ptr<const connectors::Credentials> ChannelCalls::open(const pb::ChannelAccount& account) {
    const auto known = opened_.find(account.no());
    if (known != opened_.end() && known->second.sealed == account.sealed_credentials())
        return known->second.credentials;
    if (opened_.size() >= kAccountsKept) opened_.clear();
    auto credentials = connectors::Credentials::unseal(*parts_.sealer, account.sealed_credentials());
    if (!credentials) return nullptr;
    auto kept = std::make_shared<const connectors::Credentials>(*std::move(credentials));
    opened_.insert_or_assign(account.no(), Opened{account.sealed_credentials(), kept});
    return kept;
}

connectors::Order ChannelCalls::order_of(const Ready& ready) const {
    const pb::ChannelAttempt& attempt = ready.attempt;
    connectors::Order order;
    order.reference = format_id(attempts::prefix::attempt, attempt.no());
    order.operation = static_cast<connectors::Operation>(attempt.operation());
    order.amount_minor = attempt.amount();
    order.currency = static_cast<std::uint16_t>(attempt.currency());
    order.method_type = attempt.payment_method().type();
    order.method_token = attempt.payment_method().token();
    order.channel_reference = attempt.channel_reference();
    if (attempt.compensates() != 0)
        order.undoes = format_id(attempts::prefix::attempt, attempt.compensates());
    order.earlier_tries = attempt.tries();
    order.return_url = attempt.return_url();
    order.door_url = connectors::door_url(parts_.public_url ? parts_.public_url() : std::string(),
                                          ready.account->connector(), ready.account->no());
    return order;
}

// Once a minute an account: such attempts are asked again and again.
void ChannelCalls::say(std::uint64_t account_no, const std::string& what) {
    if (!lines_.take(std::to_string(account_no), parts_.clock->monotonic_ms()).allowed) return;
    log::error("outbox", "event=channel_unasked account=" + std::to_string(account_no) + " " + what);
}

void ChannelCalls::begin(const Ready& ready, Done done) {
    const std::uint64_t account_no = ready.attempt.account_no();
    ++under_way_[account_no];
    ++all_under_way_;
    const bool may_be_sent = ready.attempt.tries() != 0 || log_index_of(ready.attempt.no()) <= leads_since_;
    start(ready, may_be_sent, done);
}

bool ChannelCalls::send_unknown(const Asked& as_asked, Done done) {
    Ready ready;
    parts_.service->read([&](const store::Reader& rows, std::uint64_t) {
        if (as_asked.leadership != leadership_) return;
        auto attempt = attempts::find_attempt(rows, as_asked.no);
        if (!attempt || attempt->state() == pb::ATTEMPT_SUCCEEDED || attempt->state() == pb::ATTEMPT_FAILED ||
            attempt->tries() != as_asked.tries || attempt->next_try_ms() != as_asked.next_try_ms)
            return;
        if (auto account = channels::find_account(rows, attempt->account_no()))
            ready.account = std::make_shared<const pb::ChannelAccount>(*std::move(account));
        ready.attempt = *std::move(attempt);
    });
    if (ready.attempt.no() == 0) return false;
    start(ready, false, done);
    return true;
}

void ChannelCalls::start(const Ready& ready, bool asks_first, const Done& done) {
    const std::uint64_t account_no = ready.attempt.account_no();
    if (!ready.account) {
        say(account_no, "there is no such channel account");
        return done(connectors::Answer{});
    }
    connectors::Order order = order_of(ready);
    // What was opened without it will never have it: a payment is not given back, and its money stays
    // visible.
    if (!channels::offers(*ready.account, order.method_type, ready.attempt.operation()))
        return done(connectors::failed({"api_error",
                                        "channel_operation_not_offered",
                                        {},
                                        "The channel does not offer this operation."}));
    const connectors::Connector* connector = connectors::find(parts_.connectors, ready.account->connector());
    if (connector == nullptr || !connector->may_serve(ready.attempt.livemode())) {
        say(account_no, "this node has no connector '" + ready.account->connector() +
                            "' in this mode: its attempts are asked again later");
        return done(connectors::Answer{});
    }
    auto credentials = open(*ready.account);
    if (!credentials) {
        say(account_no, "its credentials cannot be opened: is this the key file they were sealed with?");
        return done(connectors::Answer{});
    }
    const connectors::Query* query = asks_first ? connector->query_of(order.operation) : nullptr;
    const auto errand = std::make_shared<const Errand>(Errand{
        parts_.client, parts_.clock, std::move(order), std::move(credentials), ready.attempt.merchant_no()});
    if (query == nullptr) return carry(errand, connector->build.value, connector->parse.value, done);
    carry(errand, query->build.value, query->parse.value, done);
}

void ChannelCalls::ended(std::uint64_t account_no) {
    const auto found = under_way_.find(account_no);
    if (found == under_way_.end()) return;
    --all_under_way_;
    if (--found->second == 0) under_way_.erase(found);
}

}  // namespace kontor::outbox
