#include "waiting_list.h"

#include "kontor/base/assert.h"

namespace kontor::http {

void WaitingList::join(WaitPlace& place, Session& session, const std::string& key) {
    KONTOR_ASSERT(place.group == nullptr, "a session joins once");
    AddressGroup& group = groups_[key];
    if (group.open++ == 0) group.key = key;
    place.group = &group;
    place.session = &session;
    waits(place);
}

void WaitingList::leave(WaitPlace& place) {
    if (place.group == nullptr) return;
    works(place);
    AddressGroup* const group = place.group;
    place.group = nullptr;
    if (--group->open > 0) return;
    const std::string key = group->key;  // the entry's own key must not be what names it while it goes
    groups_.erase(key);
}

void WaitingList::waits(WaitPlace& place) {
    if (place.group == nullptr) return;
    works(place);
    all_.push_back(place);
    place.group->waiting.push_back(place);
}

void WaitingList::works(WaitPlace& place) {
    place.in_all.unlink();
    place.in_address.unlink();
}

Session* WaitingList::longest_of(const std::string& key) {
    const auto found = groups_.find(key);
    if (found == groups_.end() || found->second.waiting.empty()) return nullptr;
    return found->second.waiting.front().session;
}

}  // namespace kontor::http
