#pragma once
// Channel attempts: the intention to call a channel, written with the command that needs it, performed by the
// outbox worker, ended by channel_answered.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/attempts.pb.h"
#include "kontor/machine/context.h"
#include "kontor/machine/links.h"
#include "kontor/payments.pb.h"

namespace kontor::attempts {

[[nodiscard]] pb::ChannelAttempt new_attempt(machine::Context& context, const pb::PaymentIntent& intent,
                                             pb::ChannelOperation operation, std::int64_t amount,
                                             std::uint64_t account_no);
// Writes the attempt and puts it into the outbox. `interim` is the answer until the channel's.
[[nodiscard]] pb::Result start_attempt(machine::Context& context, const pb::ChannelAttempt& attempt,
                                       pb::Result interim);
// After the `tries`-th answer that was none: 2 s, 5 s, 15 s, 1 min, 5 min, 15 min, then 1 h each. Never given
// up: what became of the money is found out, not guessed.
[[nodiscard]] std::int64_t channel_back_off_ms(std::uint32_t tries);

// An attempt that waits for the payer is not wanted any more: it is recorded as failed, and the channel is
// told to do nothing more. A success that comes all the same is given back.
void close(machine::Context& context, std::uint64_t attempt_no, std::string_view why);

// The channel took (or holds) money that our books do not want: it is given back.
void give_back(machine::Context& context, const pb::ChannelAttempt& attempt,
               const std::string& channel_reference);

[[nodiscard]] std::optional<pb::ChannelAttempt> find_attempt(const store::Reader&, std::uint64_t no);
// The outbox: what is due now or later, oldest first, behind `after`.
[[nodiscard]] std::vector<machine::Due> due_attempts(const store::Reader&, std::int64_t until_ms,
                                                     std::size_t limit, machine::Due after = {});
// The channel attempts of one payment, oldest first, behind `after_no`, at most `limit`.
[[nodiscard]] std::vector<pb::ChannelAttempt> attempts_of_intent(const store::Reader&, machine::Scope,
                                                                 std::uint64_t intent_no,
                                                                 std::uint64_t after_no = 0,
                                                                 std::size_t limit = machine::kRelatedMax);

}  // namespace kontor::attempts
