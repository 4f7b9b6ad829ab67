#include "shutdown.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <thread>

namespace kontor::app {
namespace {
sigset_t shutdown_signals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    return set;
}

void end_at_the_next_signal() {
    std::thread([set = shutdown_signals()] {
        int again = 0;
        sigwait(&set, &again);
        ::_exit(130);
    }).detach();
}
}  // namespace

void block_signals() {
    const sigset_t set = shutdown_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // a closed socket or pipe is an error code, not a death
}

bool shutdown_signal_within(unsigned ms) {
    const sigset_t set = shutdown_signals();
    const timespec wait{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000) * 1'000'000};
    if (sigtimedwait(&set, nullptr, &wait) < 0) return false;
    end_at_the_next_signal();
    return true;
}

void wait_for_shutdown_signal() {
    const sigset_t set = shutdown_signals();
    int received = 0;
    sigwait(&set, &received);
    end_at_the_next_signal();
}

}  // namespace kontor::app
