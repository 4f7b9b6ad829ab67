#pragma once
// Receives the webhooks of a bench run, as a merchant's server would: HTTPS, keep-alive, answers at once. It
// counts and does not verify: what is measured is the sender.
//
// Threading: start() on one thread; counted() anywhere.

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "kontor/base/result.h"
#include "kontor/http/server.h"

namespace kontor::app {

class BenchReceiver {
 public:
    // With the certificate of the bench's own server, whose CA that server trusts. `tls_folder`: where it
    // lies.
    [[nodiscard]] static Result<std::unique_ptr<BenchReceiver>> start(const std::string& tls_folder);
    [[nodiscard]] std::string url(unsigned endpoint) const;
    [[nodiscard]] std::uint64_t counted() const { return counted_.load(std::memory_order_relaxed); }

 private:
    BenchReceiver() = default;
    std::atomic<std::uint64_t> counted_{0};
    std::unique_ptr<http::Server> server_;  // last: its threads end before what they use
};

}  // namespace kontor::app
