#include "shutdown.h"

#include <pthread.h>
#include <unistd.h>

#include <csignal>
#include <system_error>
#include <thread>

namespace kontor::app {
namespace {

// Timers, limits and input that this program does not use. With SIGXFSZ ignored a write answers EFBIG. A
// debugger gets its SIGTRAP all the same, and a trap that nobody expects still ends the process.
constexpr int kHarmless[] = {SIGHUP,  SIGUSR1, SIGUSR2, SIGPIPE, SIGALRM,   SIGVTALRM,
                             SIGPROF, SIGIO,   SIGXCPU, SIGXFSZ, SIGSTKFLT, SIGTRAP};

sigset_t set_of(std::initializer_list<int> signals) {
    sigset_t set;
    sigemptyset(&set);
    for (const int signal : signals) sigaddset(&set, signal);
    return set;
}

void end_at_the_next_signal() {
    try {
        std::thread([set = shutdown_signals()] {
            int again = 0;
            sigwait(&set, &again);
            ::_exit(130);
        }).detach();
    } catch (const std::system_error&) {
        // No thread is to be had: a second signal is not heard, and the end is in order all the same.
    }
}

}  // namespace

void ignore_harmless_signals() {
    for (const int signal : kHarmless) std::signal(signal, SIG_IGN);
    for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) std::signal(signal, SIG_IGN);
}

// PWR: an uninterruptible supply says that its end is near. QUIT: how containers of other servers are
// stopped, and a key of each terminal.
sigset_t shutdown_signals() {
    return set_of({SIGINT, SIGTERM, SIGQUIT, SIGPWR});
}

void block_signals() {
    const sigset_t set = shutdown_signals();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

// Blocked first: while it is ignored it is dropped, and never kills.
void want_hangups() {
    const sigset_t set = set_of({SIGHUP});
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    std::signal(SIGHUP, SIG_DFL);
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

bool hangup_came() {
    const sigset_t set = set_of({SIGHUP});
    const timespec now{0, 0};
    return sigtimedwait(&set, nullptr, &now) == SIGHUP;
}

}  // namespace kontor::app
