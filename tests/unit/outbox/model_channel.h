#pragma once
// A channel with a memory of its own, as bad as the contract of connectors allows (connectors/connector.h,
// docs/adr/0022): what it says is true, and the same reference gets what became of it. More it does for
// nobody: it declines what it likes, and what moved no money it may forget, so that a declined order, and one
// that was voided before its payer paid, are taken anew when they come again. Its connector is as pure as the
// others: orders and answers are text on a wire, which somebody else loses.
//
// Threading: none; its owner locks. What it decides depends on the seed, the reference and how often it was
// taken, not on the order in which orders come.

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "connectors/sandbox/sandbox.h"
#include "domains/attempts/ids.h"
#include "kontor/crypto/public_id.h"

namespace kontor::outbox::testing {

// ---- the wire ----

inline constexpr std::string_view kOrders = "orders", kQueries = "queries";  // where calls go
inline constexpr std::string_view kNamed = "ch_";          // before the reference: what the channel calls it
inline constexpr const char* kDeclines = "card_declined";  // its one failure
inline constexpr char kDone = 'd', kDeclined = 'x', kPayer = 'p', kNone = 'n';

// An order as it comes out of the wire.
struct Wanted {
    std::string reference;
    std::uint64_t no = 0;  // of the attempt
    connectors::Operation operation = connectors::Operation::sale;
    std::int64_t amount = 0;
    std::string base;  // reference of what it builds on

    explicit Wanted(const std::string& text) {
        std::istringstream in(text);
        int number = 0;
        in >> reference >> number >> amount >> base;
        operation = static_cast<connectors::Operation>(number);
        if (!base.empty()) base.erase(0, kNamed.size());
        no = parse_id(attempts::prefix::attempt, reference).value_or(0);
    }
    // Not on top of another order.
    [[nodiscard]] bool begins() const {
        return operation == connectors::Operation::sale || operation == connectors::Operation::authorize;
    }
};

inline connectors::Call call_about(std::string_view url, const connectors::Order& order) {
    connectors::Call call;
    call.url = url;
    call.body = order.reference + " " + std::to_string(static_cast<int>(order.operation)) + " " +
                std::to_string(order.amount_minor) + " " +
                (order.undoes.empty() ? order.channel_reference : std::string(kNamed) + order.undoes);
    return call;
}
inline std::optional<connectors::Answer> answer_in(const connectors::Order& order,
                                                   const connectors::Reply& reply) {
    if (reply.status != 200 || reply.body.empty()) return connectors::Answer{};
    const std::string name = std::string(kNamed) + order.reference;
    switch (reply.body[0]) {
        case kDone:
            return connectors::succeeded(name);
        case kDeclined:
            return connectors::failed({"card_error", kDeclines, "generic_decline", "Declined."});
        case kPayer:
            return connectors::requires_action(
                name, {"https://bank.example/" + order.reference, {}, std::stoll(reply.body.substr(1))});
        case kNone:
            return std::nullopt;
        default:
            return connectors::Answer{};
    }
}

// ---- its connectors ----

inline std::variant<connectors::Call, connectors::Answer> build_order(const connectors::Order& order,
                                                                      const connectors::Credentials&,
                                                                      const connectors::Moment&) {
    return call_about(kOrders, order);
}
inline std::variant<connectors::Call, connectors::Answer> build_query(const connectors::Order& order,
                                                                      const connectors::Credentials&,
                                                                      const connectors::Moment&) {
    return call_about(kQueries, order);
}
inline connectors::Answer parse_order(const connectors::Order& order, const connectors::Reply& reply,
                                      const connectors::Credentials&, const connectors::Moment&) {
    return answer_in(order, reply).value_or(connectors::Answer{});
}
inline std::optional<connectors::Answer> parse_query(const connectors::Order& order,
                                                     const connectors::Reply& reply,
                                                     const connectors::Credentials&,
                                                     const connectors::Moment&) {
    return answer_in(order, reply);
}
inline Result<connectors::Handled> no_door(const connectors::Inbound&, const connectors::Credentials&,
                                           const connectors::Moment&) {
    return fail(ErrorCode::not_found, "no door");
}

template <connectors::Operation... operations>
inline constexpr std::array kQueriesOf = {
    connectors::Query{.operation = operations, .build = &build_query, .parse = &parse_query}...};

// In the place of the sandbox, whose account and route there are.
constexpr connectors::Connector model_connector(std::span<const connectors::Query> queries) {
    connectors::Connector connector = connectors::sandbox::kConnector;
    connector.build = &build_order;
    connector.parse = &parse_order;
    connector.queries = queries;
    connector.on_inbound = &no_door;
    return connector;
}
// All it does can be asked about; what takes money of payers; nothing: sending again is asking.
inline constexpr connectors::Connector kAsksAll = model_connector(
    kQueriesOf<connectors::Operation::sale, connectors::Operation::authorize, connectors::Operation::capture,
               connectors::Operation::void_authorization, connectors::Operation::refund>);
inline constexpr connectors::Connector kAsksPayments =
    model_connector(kQueriesOf<connectors::Operation::sale, connectors::Operation::authorize>);
inline constexpr connectors::Connector kSendsOnly = model_connector(connectors::kSendsAgain);
inline constexpr std::array<const connectors::Connector*, 3> kModels = {&kAsksAll, &kAsksPayments,
                                                                        &kSendsOnly};

// ---- the channel ----

inline std::uint64_t mixed(std::uint64_t a, std::uint64_t b) {
    std::uint64_t z = a * 0x9E37'79B9'7F4A'7C15ULL + b + 0x9E37'79B9'7F4A'7C15ULL;
    z = (z ^ (z >> 30U)) * 0xBF58'476D'1CE4'E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D0'49BB'1331'11EBULL;
    return z ^ (z >> 31U);
}

struct Deal {
    enum class State : std::uint8_t { waits_for_payer, done, declined, undone };
    Wanted order;
    State state = State::declined;
    bool payer_comes = true;                    // at all
    std::int64_t expires_ms = 0;                // of what the payer is asked to do
    std::int64_t captured = 0, given_back = 0;  // money that moved, for this order and what builds on it
    bool holds = false;                         // authorised, and neither captured nor voided

    [[nodiscard]] std::string said() const {
        switch (state) {
            case State::waits_for_payer:
                return kPayer + std::to_string(expires_ms);
            case State::done:
                return {kDone};
            default:
                return {kDeclined};
        }
    }
};

class ModelChannel {
 public:
    ModelChannel(std::uint64_t seed, bool forgets) : seed_(seed), forgets_(forgets) {}

    // An order arrives: done, unless it was before.
    std::string take(const Wanted& wanted, std::int64_t now_ms) {
        if (const Deal* known = find(wanted.reference)) return known->said();
        Deal deal{.order = wanted};
        const std::uint64_t chance = mixed(seed_, wanted.no + ++taken_[wanted.reference]) % 100;
        if (wanted.begins() && chance < 30) {
            deal.state = Deal::State::waits_for_payer;
            deal.payer_comes = chance % 3 != 0;
            if (chance % 2 == 0) deal.expires_ms = now_ms + kPayerHasMs;
        } else if (chance < 85 && (wanted.begins() || move(wanted))) {
            end(deal, true);
        }
        const std::string says = deal.said();
        if (forgets_ && wanted.begins() && deal.state == Deal::State::declined) return says;
        deals_.emplace(wanted.reference, std::move(deal));
        return says;
    }
    [[nodiscard]] std::string asked(const std::string& reference) const {
        const Deal* known = find(reference);
        return known == nullptr ? std::string{kNone} : known->said();
    }
    void payer_acts(const std::string& reference, bool pays) {
        Deal& deal = deals_.at(reference);
        if (deal.state == Deal::State::waits_for_payer) end(deal, pays);
    }

    [[nodiscard]] const Deal* find(const std::string& reference) const {
        const auto at = deals_.find(reference);
        return at == deals_.end() ? nullptr : &at->second;
    }
    [[nodiscard]] std::vector<std::string> with_payers() const {
        std::vector<std::string> found;
        for (const auto& [reference, deal] : deals_)
            if (deal.state == Deal::State::waits_for_payer && deal.payer_comes) found.push_back(reference);
        return found;
    }
    [[nodiscard]] const std::map<std::string, Deal>& deals() const { return deals_; }
    // How often it did what the reference stands for.
    [[nodiscard]] const std::map<std::string, unsigned>& moves() const { return moves_; }
    // What ended and was not told yet, whoever listens.
    std::vector<std::string> news;

 private:
    static constexpr std::int64_t kPayerHasMs = 120'000;

    void end(Deal& deal, bool succeeds) {
        news.push_back(deal.order.reference);
        deal.state = succeeds ? Deal::State::done : Deal::State::declined;
        if (!succeeds) return;
        ++moves_[deal.order.reference];
        if (deal.order.operation == connectors::Operation::sale) deal.captured = deal.order.amount;
        deal.holds = deal.order.operation == connectors::Operation::authorize;
    }
    // What builds on another order. False: that one is not such that it could be done.
    bool move(const Wanted& wanted) {
        const auto at = deals_.find(wanted.base);
        if (at == deals_.end()) return false;
        Deal& base = at->second;
        switch (wanted.operation) {
            case connectors::Operation::capture:
                if (!base.holds || wanted.amount > base.order.amount) return false;
                base.holds = false;
                base.captured = wanted.amount;
                return true;
            case connectors::Operation::refund:
                if (wanted.amount > base.captured - base.given_back) return false;
                base.given_back += wanted.amount;
                return true;
            case connectors::Operation::void_authorization:
                if (base.state != Deal::State::waits_for_payer) return std::exchange(base.holds, false);
                base.state = Deal::State::undone;
                if (forgets_) deals_.erase(at);
                return true;
            default:
                return false;
        }
    }

    const std::uint64_t seed_;
    const bool forgets_;
    std::map<std::string, Deal> deals_;
    std::map<std::string, unsigned> taken_, moves_;
};

}  // namespace kontor::outbox::testing
