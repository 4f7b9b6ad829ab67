#pragma once
// Memory that clients make a server hold: bodies that are on their way, answers that nobody takes. A sum for
// all, and at most half of it for one account or one address.
//
// Threading: any thread. Asked for bodies that do not come with their heads and for answers that the socket
// does not take at once, so never for an ordinary request. Limits: an entry for each account and address that
// holds something.

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <unordered_map>

namespace kontor::http {

struct ByteClaim {
    std::uint64_t account = 0;  // 0: a stranger
    std::string share;          // of the address; "" : not bound by one
    std::size_t bytes = 0;      // 0: nothing is held
};

class ByteBudget {
 public:
    enum class Verdict : std::uint8_t {
        taken,
        over_share,  // this account or address holds its half
        full         // all together, or all strangers
    };

    ByteBudget(std::size_t total, std::size_t strangers) : total_(total), strangers_(strangers) {}

    [[nodiscard]] Verdict take(const ByteClaim& claim);
    void give_back(ByteClaim& claim);  // and empties it
    [[nodiscard]] std::size_t held() const;

 private:
    template <typename Key>
    using Sums = std::unordered_map<Key, std::size_t>;

    mutable std::mutex mutex_;
    const std::size_t total_, strangers_;
    std::size_t held_ = 0, held_by_strangers_ = 0;
    Sums<std::uint64_t> accounts_;
    Sums<std::string> shares_;
};

}  // namespace kontor::http
