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
}  // namespace

void block_signals() {
    const sigset_t set = shutdown_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGPIPE, SIG_IGN);  // a closed socket or pipe is an error code, not a death
}

void wait_for_shutdown_signal() {
    const sigset_t set = shutdown_signals();
    int received = 0;
    sigwait(&set, &received);
    std::thread([set] {
        int again = 0;
        sigwait(&set, &again);
        ::_exit(130);
    }).detach();
}

}  // namespace kontor::app
