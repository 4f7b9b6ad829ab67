#pragma once
// SIGINT and SIGTERM end a serving command in order. Blocked in every thread (call block_signals() before the
// first one is made) and waited for in the main thread.

namespace kontor::app {

void block_signals();
// True: one came within this time, as wait_for_shutdown_signal().
[[nodiscard]] bool shutdown_signal_within(unsigned ms);
void wait_for_shutdown_signal();  // a second signal ends the process at once

}  // namespace kontor::app
