#pragma once
// Balance transactions, and when a merchant's money becomes available.
//
// A charge's net waits in merchant pending as an *unreleased* row (available_on, currency, transaction) with
// what is left of it. A refund that takes from pending first uses up its own charge's row; what it takes
// beyond is a *release debt* of the merchant, mode and currency, which the next releases pay first. So at any
// moment, for each merchant, mode and currency:
//     merchant pending (available to debit) == sum of unreleased rows - release debt  >= 0
//     merchant pending + merchant available == sum of net over all balance transactions
// Every step costs a constant number of rows, however many charges a refund eats into.

#include <cstddef>
#include <cstdint>

#include "domains/balances/postings.h"
#include "kontor/accounts.pb.h"
#include "kontor/machine/context.h"
#include "kontor/payments.pb.h"
#include "kontor/refunds.pb.h"

namespace kontor::balances {

// floor(amount * fee_bps / 10,000) + fee_fixed, at most the amount. Kept when the charge is refunded.
[[nodiscard]] std::int64_t fee_of(const pb::Merchant& merchant, std::int64_t amount);
// 00:00 UTC, settlement_delay_days after today; now, if the delay is 0.
[[nodiscard]] std::int64_t available_on_ms(const pb::Merchant& merchant, std::int64_t utc_ms);

// Money of a charge arrived: the payment (posted out of `authorization` unless that is zero), its fee, the
// release when there is no delay; balance transaction; the charge's amount_captured, fee and transaction.
// Nothing is written unless ok.
[[nodiscard]] ledger::Status post_charge(machine::Context& context, pb::Charge& charge, std::int64_t amount,
                                         ledger::Id128 authorization);

// Takes the refund's amount from available, then pending. `reserve`: two-phase, for a channel to do it.
// nullopt status fields: see Outcome. Nothing is written unless ok.
enum class RefundPosting : std::uint8_t { ok, balance_insufficient, refused };
[[nodiscard]] RefundPosting post_refund(machine::Context& context, pb::Refund& refund,
                                        const pb::Charge& charge, bool reserve);
void finish_refund(machine::Context& context, pb::Refund& refund);
// Gives back what was reserved, with a balance transaction of its own.
void undo_refund(machine::Context& context, pb::Refund& refund);

// Releases the group that a due row names, at most `limit` transactions of it; how many it looked at. The
// group is finished when that is less than `limit`. By its day on the calendar; by machine time only where
// the day is further off than any payment's can be, since a wrong clock named it.
[[nodiscard]] std::size_t release_group(machine::Context& context, machine::DueClock clock,
                                        std::string_view payload, std::size_t limit);

}  // namespace kontor::balances
