#pragma once
// The sessions of one worker that wait for their client, those that have waited longest first, in all and by
// address: who makes room when there is none.
//
// Threading: the worker's thread. Ownership: none; a session leaves before it goes. Every step costs the same
// however many there are.

#include <boost/intrusive/list.hpp>
#include <string>
#include <unordered_map>

namespace kontor::http {

class Session;

using WaitHook =
    boost::intrusive::list_member_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>>;

// What a session carries for it.
struct WaitPlace {
    WaitHook in_all, in_address;
    struct AddressGroup* group = nullptr;
    Session* session = nullptr;
};

template <WaitHook WaitPlace::*hook>
using WaitQueue = boost::intrusive::list<WaitPlace, boost::intrusive::member_hook<WaitPlace, WaitHook, hook>,
                                         boost::intrusive::constant_time_size<false>>;

struct AddressGroup {
    std::string key;
    std::size_t open = 0;
    WaitQueue<&WaitPlace::in_address> waiting;
};

class WaitingList {
 public:
    void join(WaitPlace& place, Session& session, const std::string& key);
    void leave(WaitPlace& place);
    void waits(WaitPlace& place);  // from now on: behind all others
    static void works(WaitPlace& place);
    [[nodiscard]] static bool is_waiting(const WaitPlace& place) { return place.in_all.is_linked(); }

    // Null: none waits.
    [[nodiscard]] Session* longest_of(const std::string& key);
    // Of the `look` longest, one for which `weight` is greatest.
    template <typename Weight>
    [[nodiscard]] Session* heaviest(std::size_t look, const Weight& weight) {
        Session* best = nullptr;
        std::size_t most = 0;
        for (auto at = all_.begin(); at != all_.end() && look > 0; ++at, --look) {
            const std::size_t one = weight(at->group->key);
            if (best != nullptr && one <= most) continue;
            best = at->session;
            most = one;
        }
        return best;
    }

 private:
    std::unordered_map<std::string, AddressGroup> groups_;
    WaitQueue<&WaitPlace::in_all> all_;
};

}  // namespace kontor::http
