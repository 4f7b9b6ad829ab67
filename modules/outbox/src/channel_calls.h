#pragma once
// Calls of channels: an attempt becomes an order, its account's connector makes a call of it, and what comes
// back is an answer. The connector is pure; here are the connection, the clock and the key that opens
// credentials.
//
// An account never has more under way than is still free, so one whose channel hangs leaves room for the
// others. What cannot be asked now (no such connector in this binary, credentials that do not open, no room
// on this machine) is not known, and asked again. Before an order is sent that may have been sent already (it
// was tried, or is older than this node's leadership), the channel is asked what became of it, where its
// connector says how (`queries`). An order that the channel does not have is sent by send_unknown(), which
// looks at the attempt once more: it may have ended while the channel was asked.
//
// Threading: the worker's thread; a reply is parsed on the client's, which touches nothing but its errand.
// Limits: kConnectorsKept unsealed accounts; ChannelCallsParts::max_in_flight.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "connectors/connector.h"
#include "due_front.h"
#include "kontor/attempts.pb.h"
#include "kontor/base/clock.h"
#include "kontor/base/rate_limit.h"
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
    // What tells that an attempt is still the one that was asked about.
    struct Asked {
        std::uint64_t no = 0;
        std::uint32_t tries = 0;
        std::int64_t next_try_ms = 0;
        std::uint64_t leadership = 0;  // another node may have sent it since
    };
    using IsClaimed = std::function<bool(std::uint64_t no)>;
    // Once, on any thread. Nothing: the channel was asked, and has no such order.
    using Done = std::function<void(std::optional<connectors::Answer>)>;

    explicit ChannelCalls(ChannelCallsParts parts) : parts_(std::move(parts)) {}

    // Attempts that are due and have room.
    [[nodiscard]] std::vector<Ready> due(const IsClaimed& is_claimed);
    void begin(const Ready& ready, Done done);
    // After begin() said nothing; `as_asked` is what it began with. False: the attempt is another one now,
    // and nothing was sent.
    [[nodiscard]] bool send_unknown(const Asked& as_asked, Done done);
    // Whatever is older may have been sent by a node that led before, or by this one before it stopped.
    void leads_since(std::uint64_t log_index, std::uint64_t leadership) {
        leads_since_ = log_index;
        leadership_ = leadership;
    }
    [[nodiscard]] std::uint64_t leadership() const { return leadership_; }  // 0: none yet
    void ended(std::uint64_t account_no);

 private:
    struct Opened {
        std::string sealed;
        std::shared_ptr<const connectors::Credentials> credentials;
    };
    [[nodiscard]] bool has_room(std::uint64_t account_no, const std::map<std::uint64_t, std::size_t>& more,
                                std::size_t all_more) const;
    [[nodiscard]] std::shared_ptr<const connectors::Credentials> open(const pb::ChannelAccount& account);
    [[nodiscard]] connectors::Order order_of(const Ready& ready) const;
    void say(std::uint64_t account_no, const std::string& what);
    void start(const Ready& ready, bool asks_first, const Done& done);

    const ChannelCallsParts parts_;
    DueFront front_;
    std::map<std::uint64_t, std::size_t> under_way_;  // by account
    std::size_t all_under_way_ = 0;
    std::uint64_t leads_since_ = 0, leadership_ = 0;
    std::map<std::uint64_t, Opened> opened_;
    TokenBuckets lines_{kLineAMinute};  // of the log, by account
};

}  // namespace kontor::outbox
