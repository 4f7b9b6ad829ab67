#pragma once
// The door of channels: /channels/{connector}/{account}/…, where a channel says what became of a payment, and
// where a payer finds the page that a connector shows. There is no key: the account's connector verifies.
//
// Threading: any thread; handle() does not block. Ownership: what the options name outlives the door; it
// outlives its responders. Errors: 404 for a connector, an account or a page that is not there, alike; 405
// for other methods than GET and POST; 401 for what is not signed as it should be, 400 for what cannot be
// read: all of them store nothing. 503 when the log did not take it: the channel says it again. Limits:
// connectors::kInboundBytes a body; DoorOptions's rates an address.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "connectors/connector.h"
#include "kontor/base/clock.h"
#include "kontor/crypto/crypto.h"
#include "kontor/http/server.h"
#include "kontor/machine/service.h"
#include "kontor/telemetry/metrics.h"

namespace kontor::inbox {

struct DoorOptions {
    machine::Service* service = nullptr;
    const crypto::Sealer* sealer = nullptr;
    const Clock* clock = nullptr;
    telemetry::Registry* metrics = nullptr;
    std::span<const connectors::Connector* const> connectors;
    std::function<std::string()> public_url;  // "https://pay.example": as the outbox has it
    // Requests a second of one address, twice as many at once; 0: no limit. `refused`: of those that were not
    // what they claimed to be.
    std::uint64_t per_address = 0, refused = 0;
};

class Door {
 public:
    static std::unique_ptr<Door> make(DoorOptions options);
    virtual ~Door() = default;
    [[nodiscard]] static bool owns(std::string_view path) {
        return path.starts_with(connectors::kDoorPrefix);
    }
    // By the head alone, while the body is on its way.
    [[nodiscard]] virtual http::Admission admit(const http::Request& head) const = 0;
    virtual void handle(http::Request request, http::Responder respond) = 0;
};

}  // namespace kontor::inbox
