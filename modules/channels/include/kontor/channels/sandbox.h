#pragma once
// The sandbox acquirer: test mode's card channel, embedded. What it answers depends on the order alone, so
// the same reference always has the same fate, also after a restart. Tokens and their outcomes:
// docs/testing.md.
//
// Threading, Ownership, Errors: as Channel. It answers on the caller's thread.
// Source of the tokens and messages: Stripe's public testing documentation.

#include <memory>

#include "kontor/channels/channel.h"

namespace kontor::channels {

[[nodiscard]] std::unique_ptr<Channel> make_sandbox_acquirer();

}  // namespace kontor::channels
