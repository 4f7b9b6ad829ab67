#pragma once
// The running node's side of `kontor selftest`: a merchant and a key of its own, in test mode, made through
// the leader. The merchant stays and is used again; each key is revoked at the end of its run.
//
// Threading: the control socket's thread; blocks. Errors: as Cluster::propose.

#include <string>

#include "appliance.h"

namespace kontor::app {

inline constexpr const char* kSelftestMerchant = "Kontor self-test";

// True when any merchant has a key for live payments.
[[nodiscard]] bool has_live_keys(const node::Node& node);
[[nodiscard]] Result<std::string> make_selftest_key(Appliance& appliance);
[[nodiscard]] Result<void> revoke_selftest_key(Appliance& appliance, const std::string& key);

}  // namespace kontor::app
