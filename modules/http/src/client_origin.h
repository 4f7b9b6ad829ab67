#pragma once
// One server that the client talks to: its connections, and the calls that wait for one, by account.
//
// Many accounts may have their receivers at one address (shops at a hoster). So an account may have no more
// of an origin's connections than are still free: one alone gets half of them, two a third each, and whoever
// comes new finds one. What waits is taken in turns between accounts, for each in its order. Account 0 is
// this process itself, and may have all.
//
// Threading: one thread. Ownership: its connections and calls.

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace kontor::http {

struct ClientCall;
using CallPointer = std::unique_ptr<ClientCall>;
class ClientConnection;

class ClientOrigin {
 public:
    explicit ClientOrigin(std::size_t max_connections) : max_(max_connections) {}

    std::vector<std::shared_ptr<ClientConnection>> open;  // all
    std::vector<std::shared_ptr<ClientConnection>> idle;  // the last used last

    [[nodiscard]] bool may_begin(std::uint64_t account) const;
    void began(std::uint64_t account);  // a connection has its call
    void ended(std::uint64_t account);  // and is idle or closed again

    void wait(CallPointer call);
    [[nodiscard]] std::size_t waiting() const { return waiting_; }
    // The next one that may begin; null: none.
    [[nodiscard]] CallPointer next();
    [[nodiscard]] std::vector<CallPointer> take_late(std::uint64_t now_ms);
    [[nodiscard]] std::vector<CallPointer> take_all();

 private:
    struct Account {
        std::size_t busy = 0;
        std::deque<CallPointer> waiting;
    };
    void forget_if_unused(std::map<std::uint64_t, Account>::iterator account);

    const std::size_t max_;
    std::size_t busy_ = 0, waiting_ = 0;
    std::map<std::uint64_t, Account> accounts_;  // those with something here
    std::deque<std::uint64_t> turns_;            // those with something that waits
};

}  // namespace kontor::http
