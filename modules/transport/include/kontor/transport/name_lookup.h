#pragma once
// Names to addresses, on a few threads of their own: getaddrinfo(3) blocks for as long as name servers please
// (5 to 30 s), and cannot be called off.
//
// Fair: who asks for a name that is being looked up waits for the same answer, so a name has one thread at
// most. An account may have no more threads than are still free, and names that were slow before share a
// fourth of them: nobody's name server delays another's first connection for long.
//
// Threading: every function anywhere; `done` on a thread of this class, or inside of look_up(); it must only
// hand over. Ownership: a look-up that hangs outlives this object, with what it needs; so `done` must not own
// what may not. close() waits for nobody; after it no `done` is called any more. Errors: unavailable (no such
// name, name servers), overloaded (too many wait, or this process lacks memory, descriptors or threads).
// Limits: kThreads, made when needed; kWaitingPerAccount, kWaiting names that wait.

#include <boost/asio/ip/address.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/transport/look_up_name.h"

namespace kontor::transport {

class NameLookup {
 public:
    using Addresses = std::vector<boost::asio::ip::address>;
    using Done = std::function<void(Result<Addresses>)>;
    static constexpr std::size_t kThreads = 16;
    static constexpr std::size_t kSlowThreads = kThreads / 4;
    static constexpr std::size_t kWaitingPerAccount = 256, kWaiting = 4'096;
    static constexpr std::uint64_t kSlowMs = 2'000;  // that long, or longer, and a name is slow
    static constexpr std::size_t kSlowKnown = 4'096;

    // `look`: null for the system's.
    explicit NameLookup(LookUpName look);
    ~NameLookup();  // close()
    void close();
    NameLookup(const NameLookup&) = delete;
    NameLookup& operator=(const NameLookup&) = delete;

    // Who asks gives up at `deadline_ms` (steady clock) by himself; then his turn is left out.
    void look_up(const std::string& host, std::uint64_t account, std::uint64_t deadline_ms, Done done);

 private:
    struct State;
    const std::shared_ptr<State> state_;
};

}  // namespace kontor::transport
