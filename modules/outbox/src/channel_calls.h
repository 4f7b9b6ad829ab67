#pragma once
// Calls of channels: an attempt becomes an order, its account's connector makes a call of it, and what comes
// back is an answer. The connector is pure; here are the connection, the clock and the key that opens
// credentials.
//
// An account never has more under way than is still free, so one whose channel hangs leaves room for the
// others. What cannot be asked now (no such connector in this binary, credentials that do not open, no room
// on this machine) is not known, and asked again.
//
// Threading: the worker's thread; parse() runs on the client's, and touches nothing but its call. Limits:
// kConnectorsKept unsealed accounts; ChannelCallsParts::max_in_flight.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "connectors/connector.h"
#include "due_front.h"
#include "kontor/attempts.pb.h"
#include "kontor/base/clock.h"
#include "kontor/channels.pb.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/client.h"
#include "kontor/machine/service.h"

namespace kontor::outbox {

struct ChannelCallsParts {
    machine::Service* service = nullptr;
    http::Client* client = nullptr;  // null: connectors that call nobody are all that there is
    const crypto::Sealer* sealer = nullptr;
    const Clock* clock = nullptr;
    std::span<const connectors::Connector* const> connectors;
    std::function<std::string()> public_url;  // where channels and payers reach us; null: nowhere
    std::size_t max_in_flight = 0;
};

class ChannelCalls {
 public:
    using Account = std::shared_ptr<const pb::ChannelAccount>;  // null: it is not there
    struct Ready {
        pb::ChannelAttempt attempt;
        Account account;
    };
    using IsClaimed = std::function<bool(std::uint64_t no)>;
    using Done = std::function<void(connectors::Answer)>;  // once, on any thread

    explicit ChannelCalls(ChannelCallsParts parts) : parts_(std::move(parts)) {}

    // Attempts that are due and have room.
    [[nodiscard]] std::vector<Ready> due(const IsClaimed& is_claimed);
    void begin(const Ready& ready, Done done);
    void ended(std::uint64_t account_no);

 private:
    struct Opened {
        std::string sealed;
        std::shared_ptr<const connectors::Credentials> credentials;
    };
    [[nodiscard]] bool has_room(std::uint64_t account_no, const std::map<std::uint64_t, std::size_t>& more,
                                std::size_t all_more) const;
    [[nodiscard]] const connectors::Connector* connector_of(const pb::ChannelAccount& account) const;
    [[nodiscard]] std::shared_ptr<const connectors::Credentials> open(const pb::ChannelAccount& account);
    [[nodiscard]] connectors::Moment moment() const;
    [[nodiscard]] connectors::Order order_of(const Ready& ready) const;
    void say(std::uint64_t account_no, const std::string& what);
    void send(const connectors::Connector& connector, connectors::Order order, connectors::Call call,
              std::shared_ptr<const connectors::Credentials> credentials, std::uint64_t merchant_no,
              Done done);

    const ChannelCallsParts parts_;
    DueFront front_;
    std::map<std::uint64_t, std::size_t> under_way_;  // by account
    std::size_t all_under_way_ = 0;
    std::map<std::uint64_t, Opened> opened_;
    std::map<std::uint64_t, std::uint64_t> said_ms_;
};

}  // namespace kontor::outbox
