#pragma once
// The same request twice moves money once: the first outcome is stored under the caller's key and given
// again.

#include <optional>
#include <string>

#include "kontor/log.pb.h"
#include "kontor/machine/context.h"

namespace kontor::machine {

// Scope, then the key; of a long key its beginning and its hash.
[[nodiscard]] Key idempotency_key(Scope scope, std::string_view key);

// What an earlier command with this key says; nullopt: this is the first. Sets context.idempotency_row.
[[nodiscard]] std::optional<pb::Result> replay(Context& context);
// Stores the outcome, if outcomes of its kind are kept (their records say so).
void remember(Context& context, const pb::Result& result);
void complete_idempotency(Context& context, const std::string& row, const pb::Result& result);

}  // namespace kontor::machine
