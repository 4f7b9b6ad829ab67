#pragma once
// How many handshakes are begun a second, in all and for each address: a handshake is what a stranger can
// make this process pay for. What comes above waits.
//
// Threading: any thread, without a lock.

#include <openssl/ssl.h>

#include <cstdint>
#include <memory>
#include <string>

#include "kontor/base/rate_limit.h"

namespace kontor::transport {

// Measured: X25519 and P-256 cost about the same, P-384 eight to twenty times as much.
inline constexpr std::uint64_t kSlowGroupCost = 8;

class HandshakeBudget {
 public:
    HandshakeBudget(std::size_t per_s, std::size_t per_s_per_address);  // 0: any number

    // Before anything of the greeting is looked at. `bound`: the address has a share.
    [[nodiscard]] bool may_begin(const std::string& share, bool bound, std::uint64_t now_ms);
    // As soon as the group is known; true: it was, and is paid.
    bool pay_group(SSL& ssl, const std::string& share, bool bound, std::uint64_t now_ms);

 private:
    std::unique_ptr<TokenBuckets> all_, each_;
};

}  // namespace kontor::transport
