#pragma once
// Carries frames between the nodes of one process, at once and on the sender's thread, and drops those from
// or to a node that is not plugged in.
//
// Threading: any thread. Ownership: lives longer than the nodes that send through its ports.

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kontor/replication/replica.h"

namespace kontor_test {

class PeerSwitch {
 public:
    using Receive = std::function<void(std::uint64_t from, std::string frame)>;

    // What a node's options name as its transport; there before and after it is plugged in.
    [[nodiscard]] kontor::replication::PeerTransport& port(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        return ports_.try_emplace(id, *this, id).first->second;
    }
    void plug_in(std::uint64_t id, Receive receive) {
        const std::lock_guard lock(mutex_);
        receivers_[id] = std::move(receive);
    }
    // When it returns, no frame is on its way into the node any more.
    void pull_out(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        receivers_.erase(id);
    }
    [[nodiscard]] std::vector<std::uint64_t> plugged_in() const {
        const std::lock_guard lock(mutex_);
        std::vector<std::uint64_t> ids;
        for (const auto& [id, receive] : receivers_) ids.push_back(id);
        return ids;
    }
    // Plugged in, and alone.
    void cut_off(std::uint64_t id) {
        const std::lock_guard lock(mutex_);
        cut_off_.insert(id);
    }
    void heal() {
        const std::lock_guard lock(mutex_);
        cut_off_.clear();
    }
    // Does `work` if all of these are plugged in, and keeps them so meanwhile.
    template <typename F>
    void while_plugged_in(std::initializer_list<std::uint64_t> ids, F work) const {
        const std::lock_guard lock(mutex_);
        for (const std::uint64_t id : ids) {
            if (!receivers_.contains(id)) return;
        }
        work();
    }

 private:
    class Port final : public kontor::replication::PeerTransport {
     public:
        Port(PeerSwitch& owner, std::uint64_t id) : owner_(owner), id_(id) {}
        void send(std::uint64_t to, std::string frame) override { owner_.pass_on(id_, to, std::move(frame)); }

     private:
        PeerSwitch& owner_;
        std::uint64_t id_;
    };

    void pass_on(std::uint64_t from, std::uint64_t to, std::string frame) {
        const std::lock_guard lock(mutex_);
        if (!receivers_.contains(from) || cut_off_.contains(from) || cut_off_.contains(to)) return;
        const auto receiver = receivers_.find(to);
        if (receiver != receivers_.end()) receiver->second(from, std::move(frame));
    }

    mutable std::mutex mutex_;  // held while a frame is received: under it a node is there
    std::map<std::uint64_t, Port> ports_;
    std::map<std::uint64_t, Receive> receivers_;
    std::set<std::uint64_t> cut_off_;
};

}  // namespace kontor_test
