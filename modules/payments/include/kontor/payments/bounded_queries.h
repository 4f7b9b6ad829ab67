#pragma once
// Reads that may go on in another one. A read holds up the log's work until it ends, so whatever may walk
// many rows does so in pieces of kRowsPerRead, each in a read of its own.
//
// Threading, ownership, errors: as queries.h.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "kontor/payments/queries.h"

namespace kontor::payments::bounded {

inline constexpr std::size_t kRowsPerRead = 500;

// How many rows a list may look at. When they are used up before the page is full, `resume` is not 0: the
// list goes on with it as starting_after (as ending_before, if that was given).
struct Bound {
    std::size_t rows = kRowsPerRead;
    std::uint64_t resume = 0;
};
[[nodiscard]] Listed<pb::Customer> list_customers(const store::Reader&, Scope, const ListQuery&, Bound&);
[[nodiscard]] Listed<pb::PaymentIntent> list_intents(const store::Reader&, Scope, const ListQuery&, Bound&);
[[nodiscard]] Listed<pb::Charge> list_charges(const store::Reader&, Scope, const ListQuery&, Bound&);
[[nodiscard]] Listed<pb::Refund> list_refunds(const store::Reader&, Scope, const ListQuery&, Bound&);
[[nodiscard]] Listed<pb::BalanceTransaction> list_balance_transactions(const store::Reader&, Scope,
                                                                       const ListQuery&, Bound&);
[[nodiscard]] Listed<FoundEvent> list_events(const store::Reader&, Scope, const ListQuery&, Bound&);
[[nodiscard]] Listed<pb::WebhookEndpoint> list_webhook_endpoints(const store::Reader&, Scope,
                                                                 const ListQuery&, Bound&);

// Oldest first, those behind `after_no`, at most `limit`.
[[nodiscard]] std::vector<std::shared_ptr<const pb::Journal>> journals_of_intent(const store::Reader&, Scope,
                                                                                 std::uint64_t intent_no,
                                                                                 std::uint64_t after_no,
                                                                                 std::size_t limit);
[[nodiscard]] std::vector<pb::ChannelAttempt> attempts_of_intent(const store::Reader&, Scope,
                                                                 std::uint64_t intent_no,
                                                                 std::uint64_t after_no, std::size_t limit);
[[nodiscard]] std::vector<pb::ApiKey> list_api_keys(const store::Reader&, std::uint64_t merchant_no,
                                                    std::uint64_t after_no, std::size_t limit);

}  // namespace kontor::payments::bounded
