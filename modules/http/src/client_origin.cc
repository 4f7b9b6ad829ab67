#include "client_origin.h"

#include <algorithm>

#include "client_worker.h"
#include "kontor/base/assert.h"

namespace kontor::http {

bool ClientOrigin::may_begin(std::uint64_t account) const {
    if (busy_ >= max_) return false;
    if (account == 0) return true;
    const auto known = accounts_.find(account);
    return known == accounts_.end() || known->second.busy < max_ - busy_;
}

void ClientOrigin::began(std::uint64_t account) {
    ++accounts_[account].busy;
    ++busy_;
}

void ClientOrigin::ended(std::uint64_t account) {
    const auto known = accounts_.find(account);
    KONTOR_ASSERT(known != accounts_.end() && known->second.busy != 0, "a call that ends has begun");
    --known->second.busy;
    --busy_;
    forget_if_unused(known);
}

void ClientOrigin::wait(CallPointer call) {
    const std::uint64_t account = call->request.account;
    auto& queue = accounts_[account].waiting;
    if (queue.empty()) turns_.push_back(account);
    queue.push_back(std::move(call));
    ++waiting_;
}

CallPointer ClientOrigin::next() {
    for (std::size_t left = turns_.size(); left != 0; --left) {
        const std::uint64_t account = turns_.front();
        turns_.pop_front();
        if (!may_begin(account)) {
            turns_.push_back(account);
            continue;
        }
        const auto known = accounts_.find(account);
        CallPointer call = std::move(known->second.waiting.front());
        known->second.waiting.pop_front();
        --waiting_;
        if (!known->second.waiting.empty()) turns_.push_back(account);
        forget_if_unused(known);
        return call;
    }
    return nullptr;
}

std::vector<CallPointer> ClientOrigin::take_late(std::uint64_t now_ms) {
    std::vector<CallPointer> late;
    if (waiting_ == 0) return late;
    for (auto at = accounts_.begin(); at != accounts_.end();) {
        const auto account = at++;
        auto& queue = account->second.waiting;
        if (queue.empty()) continue;
        for (CallPointer& call : queue)
            if (now_ms >= call->deadline_ms) late.push_back(std::move(call));
        std::erase(queue, nullptr);
        if (queue.empty()) std::erase(turns_, account->first);
        forget_if_unused(account);
    }
    waiting_ -= late.size();
    return late;
}

std::vector<CallPointer> ClientOrigin::take_all() {
    std::vector<CallPointer> all;
    for (auto& [number, account] : accounts_) {
        std::move(account.waiting.begin(), account.waiting.end(), std::back_inserter(all));
        account.waiting.clear();
    }
    turns_.clear();
    waiting_ = 0;
    return all;
}

void ClientOrigin::forget_if_unused(std::map<std::uint64_t, Account>::iterator account) {
    if (account->second.busy == 0 && account->second.waiting.empty()) accounts_.erase(account);
}

}  // namespace kontor::http
