#pragma once
// Passwords: the rules, and one worker thread for argon2id, so that no network thread waits for it.
//
// Threading: run() anywhere; jobs one after the other on the worker. Limits: limits::kPasswordQueue jobs
// wait.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <string_view>
#include <thread>

namespace kontor::admin {

// "" when the password may be used, else the error's code: password_too_short, password_too_long,
// password_too_common.
[[nodiscard]] std::string_view password_problem(std::string_view password, std::string_view operator_name);

class PasswordWorker {
 public:
    PasswordWorker();
    ~PasswordWorker();                                  // finishes the job under way, drops those that wait
    [[nodiscard]] bool run(std::function<void()> job);  // false: the queue is full

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::function<void()>> jobs_;  // guarded by mutex_
    bool stopping_ = false;                   // guarded by mutex_
    std::thread thread_;
};

}  // namespace kontor::admin
