#pragma once
// How soon somebody may try to log in again. Each visitor (an address with a name, or a browser that is
// known) has some tries free and then waits twice as long after each wrong one. Nobody's tries count for
// anybody else, and a name that does not exist counts like one that does.
//
// Threading: any. Errors: none. Limits: limits::kLoginVisitors, the least recently seen is forgotten; waits
// are in memory, so a restart forgets them (docs/adr/0014). Time is passed in: monotonic milliseconds.

#include <cstddef>
#include <cstdint>
#include <list>
#include <mutex>
#include <string>
#include <unordered_map>

#include "kontor/admin/limits.h"

namespace kontor::admin {

class LoginThrottle {
 public:
    enum class End : std::uint8_t { right, wrong, neither };  // neither: it says nothing about who tries

    explicit LoginThrottle(std::size_t max_visitors = limits::kLoginVisitors) : max_visitors_(max_visitors) {}

    // A try begins; false: too soon. Tries that are under way count as wrong until they end, so that many at
    // once are no more than many in a row.
    [[nodiscard]] bool begin(const std::string& visitor, std::uint64_t now_ms);
    void end(const std::string& visitor, End end, std::uint64_t now_ms);
    // Until the next try may begin.
    [[nodiscard]] std::uint64_t wait_ms(const std::string& visitor, std::uint64_t now_ms) const;

 private:
    struct Entry {
        std::string visitor;
        std::uint64_t wrong = 0, running = 0;
        std::uint64_t next_ms = 0;    // no try begins before
        std::uint64_t forget_ms = 0;  // wrong tries are forgotten then
    };
    Entry& entry(const std::string& visitor, std::uint64_t now_ms);  // under mutex_

    const std::size_t max_visitors_;
    mutable std::mutex mutex_;
    std::list<Entry> entries_;                                            // guarded; the last seen first
    std::unordered_map<std::string, std::list<Entry>::iterator> places_;  // guarded
};

}  // namespace kontor::admin
