#include "backlog.h"
#include "kontor/machine/links.h"
#include "kontor/machine/rows.h"

#include <utility>

namespace kontor::outbox {

bool Backlog::add(machine::Due due, machine::Scope scope, std::uint64_t endpoint_no) {
    if (queued_.contains(due.no)) return true;
    auto known = endpoints_.find(endpoint_no);
    if (known == endpoints_.end()) {
        if (endpoints_.size() >= kMaxQueues) return false;
        known = endpoints_.emplace(endpoint_no, Endpoint{scope, endpoint_no, {}, false, 0, false}).first;
        turns_.push_back(endpoint_no);
    }
    Endpoint& endpoint = known->second;
    if (endpoint.queue.size() >= kQueued) {
        endpoint.has_more = endpoint.was_incomplete = true;
        return false;
    }
    endpoint.queue.push_back(due);
    queued_.insert(due.no);
    return true;
}

std::optional<Backlog::Item> Backlog::next(const std::function<bool(const Endpoint&)>& may_begin) {
    for (std::size_t seen = 0; !turns_.empty() && seen < turns_.size() && looks_ < kLooks; ++seen, ++looks_) {
        const std::uint64_t no = turns_.front();
        turns_.pop_front();
        Endpoint& endpoint = endpoints_.at(no);
        if (endpoint.queue.empty() && !endpoint.has_more) {
            endpoints_.erase(no);
            continue;
        }
        turns_.push_back(no);
        if (endpoint.queue.empty() || !may_begin(endpoint)) continue;
        const Item item{endpoint.queue.front(), endpoint.scope, no};
        endpoint.queue.pop_front();
        queued_.erase(item.due.no);
        return item;
    }
    return std::nullopt;
}

Backlog::Endpoint* Backlog::short_one(const std::function<bool(const Endpoint&)>& may_begin) {
    for (std::size_t seen = 0; seen < turns_.size() && looks_ < kLooks; ++seen, ++looks_) {
        const std::uint64_t no = turns_.front();
        turns_.pop_front();
        turns_.push_back(no);
        Endpoint& endpoint = endpoints_.at(no);
        if (endpoint.has_more && endpoint.queue.size() < kShort && may_begin(endpoint)) return &endpoint;
    }
    return nullptr;
}

}  // namespace kontor::outbox
