#pragma once
// channels.sandbox decides whether test mode has the sandbox acquirer: with it, the platform has an account
// there and a test-mode route for what it takes; without it, the account is disabled, and payments that want
// it are refused with a text.
//
// Threading: one caller at a time, on the leader. Errors: those of the node; said in the log, and tried again
// by the next leader or start. Limits: kSteps commands.

#include "kontor/crypto/crypto.h"
#include "kontor/node/node.h"

namespace kontor::app {

void keep_sandbox(node::Node& node, const crypto::Sealer& sealer, bool is_enabled);

// For tests and programs that make a state without an appliance: the command that opens the account.
[[nodiscard]] pb::Command open_sandbox(const crypto::Sealer& sealer);

}  // namespace kontor::app
