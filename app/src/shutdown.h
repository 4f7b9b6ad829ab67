#pragma once
// Signals. SIGINT, SIGTERM, SIGQUIT and SIGPWR end a serving command in order, and SIGHUP makes `serve` read
// its configuration again: blocked in every thread (call the functions that block before the first one is
// made) and waited for in the main thread. Everywhere else SIGHUP is ignored, as SIGUSR1, SIGUSR2, SIGPIPE
// and the like are in every command.

#include <csignal>

namespace kontor::app {

void ignore_harmless_signals();  // first in main()
sigset_t shutdown_signals();     // those that end it
void block_signals();
void want_hangups();  // SIGHUP too: kept until hangup_came() is asked, also an early one

// True: one came within this time, as wait_for_shutdown_signal().
[[nodiscard]] bool shutdown_signal_within(unsigned ms);
void wait_for_shutdown_signal();   // a second signal ends the process at once
[[nodiscard]] bool hangup_came();  // since it was asked last

}  // namespace kontor::app
