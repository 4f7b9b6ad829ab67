#pragma once
// Name servers that a test controls.

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "kontor/transport/look_up_name.h"

namespace kontor_test {

// Name servers of which some do not answer. Shared with look-ups that outlive everything else.
class NameServers {
 public:
    [[nodiscard]] kontor::transport::LookUpName look() const {
        return [state = state_](const std::string& host) -> kontor::Result<std::vector<std::string>> {
            std::unique_lock lock(state->mutex);
            ++state->asked[host];
            state->changed.notify_all();
            if (host.starts_with("slow")) state->changed.wait(lock, [&] { return state->is_over; });
            if (host.starts_with("none"))
                return kontor::fail(kontor::ErrorCode::unavailable, "no such name: " + host);
            if (host.starts_with("two")) return std::vector<std::string>{"127.0.0.2", "127.0.0.1"};
            return std::vector<std::string>{"127.0.0.1"};
        };
    }
    ~NameServers() {
        const std::lock_guard lock(state_->mutex);
        state_->is_over = true;
        state_->changed.notify_all();
    }
    [[nodiscard]] int asked(const std::string& prefix) const {
        const std::lock_guard lock(state_->mutex);
        int sum = 0;
        for (const auto& [host, count] : state_->asked) sum += host.starts_with(prefix) ? count : 0;
        return sum;
    }

 private:
    struct State {
        std::mutex mutex;
        std::condition_variable changed;
        std::map<std::string, int> asked;
        bool is_over = false;
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace kontor_test
