#pragma once
// The same request twice moves money once: the first outcome is stored under the caller's key and given
// again.

#include <optional>
#include <string>

#include "context.h"

namespace kontor::payments {

// Scope, then the key; of a long key its beginning and its hash.
[[nodiscard]] Key idempotency_key(Scope scope, std::string_view key);

// What an earlier command with this key says; nullopt: this is the first. Sets context.idempotency_row.
[[nodiscard]] std::optional<pb::Result> replay(Context& context);
// Stores the outcome, if outcomes of its kind are kept (modules/payments/README.md has the table).
void remember(Context& context, const pb::Result& result);
void complete_idempotency(Context& context, const std::string& row, const pb::Result& result);

// True for outcomes that came from executing the command; false where the input was refused.
[[nodiscard]] bool is_kept(pb::Outcome outcome);

// Fills `expanded` of a successful result.
void expand(const Context& context, const google::protobuf::RepeatedPtrField<std::string>& paths,
            pb::Result& result);

// Removes the records of an hour that is over since limits::kIdempotencyKeepMs; how many it looked at.
[[nodiscard]] std::size_t expire_idempotency(Context& context, std::string_view payload, std::size_t limit);

}  // namespace kontor::payments
