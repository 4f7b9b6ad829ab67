#include "domains/balances/funds.h"

#include <algorithm>
#include <vector>

#include "domains/accounts/accounts.h"
#include "domains/balances/balances.h"
#include "domains/balances/tables.h"
#include "domains/balances/words.h"
#include "domains/payments/ids.h"
#include "domains/refunds/ids.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/base/bytes.h"
#include "kontor/crypto/public_id.h"
#include "kontor/money/money.h"

namespace kontor::balances {

using namespace machine;  // the frame's words

namespace {

void put(Context& context, const pb::BalanceTransaction& row) {
    context.put(table::balance_transactions, object_key(context.scope, row.no()), row);
}

constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;
constexpr std::int64_t kHourMs = 3600LL * 1000;
constexpr std::int64_t kBasisPointsOfWhole = 10'000;

// No payment made by now has a day so far off, if the clock is right.
bool is_wrong_day(const Context& context, Scope scope, std::int64_t day_ms) {
    const auto merchant = accounts::find_merchant(context.rows, scope.merchant_no);
    KONTOR_ASSERT(merchant, "unreleased money belongs to a merchant");
    return day_ms >
           context.now.utc_ms + static_cast<std::int64_t>(merchant->settlement_delay_days()) * kDayMs;
}

// The money of `row` waits in merchant pending until its day, which is one of the calendar. A day that a
// wrong clock named may be far off once the clock is right: then the machine time that was to pass is over
// first.
void hold_back(Context& context, const pb::BalanceTransaction& row, std::int64_t amount) {
    store_integer(context.rows, table::unreleased, unreleased_key(row), amount);
    const std::int64_t day_ms = row.available_on_ms();
    const Key payload = funds_payload(context.scope, day_ms, row.currency());
    context.due(DueClock::utc, day_ms, kFundsDue, payload.view());
    const std::int64_t over_ms = context.now.machine_ms + (day_ms - context.now.utc_ms);
    context.due(DueClock::machine, (over_ms / kHourMs + 1) * kHourMs, kFundsDue, payload.view());
}

pb::BalanceTransaction new_transaction(Context& context, std::string_view type, std::int64_t amount,
                                       std::int64_t fee, std::uint32_t currency, std::string source) {
    pb::BalanceTransaction row;
    row.set_no(context.next_no());
    row.set_merchant_no(context.scope.merchant_no);
    row.set_livemode(context.scope.livemode);
    row.set_type(std::string(type));
    row.set_amount(amount);
    row.set_fee(fee);
    row.set_net(amount - fee);
    row.set_currency(currency);
    row.set_source_id(std::move(source));
    row.set_created_ms(context.now.utc_ms);
    row.set_available_on_ms(context.now.utc_ms);
    row.set_available(true);
    return row;
}

void remember_currency(Context& context, std::uint32_t currency) {
    const auto& known = context.head(context.scope).GetExtension(pb::balance_head).currencies();
    if (std::binary_search(known.begin(), known.end(), currency)) return;
    auto* currencies =
        context.change_head(context.scope).MutableExtension(pb::balance_head)->mutable_currencies();
    currencies->Add(currency);
    std::sort(currencies->begin(), currencies->end());
}

// What a refund takes from pending: first from its own charge's waiting money, the rest as a debt.
// Returns whether that charge still waits.
bool use_up(Context& context, const pb::BalanceTransaction& own, std::int64_t amount) {
    std::int64_t taken = 0;
    if (!own.available()) {
        const Key key = unreleased_key(own);
        const std::int64_t left = load_integer(context.rows, table::unreleased, key);
        taken = std::min(left, amount);
        if (taken > 0) store_integer(context.rows, table::unreleased, key, left - taken);
    }
    if (taken < amount) {
        const Key key = debt_key(context.scope, own.currency());
        const std::int64_t debt = load_integer(context.rows, table::release_debts, key);
        store_integer(context.rows, table::release_debts, key, debt + (amount - taken));
    }
    return !own.available();
}

pb::BalanceTransaction transaction(Context& context, std::uint64_t no) {
    auto row = load<pb::BalanceTransaction>(context.rows, table::balance_transactions,
                                            object_key(context.scope, no));
    KONTOR_ASSERT(row, "a captured charge or a refund has a balance transaction");
    return *std::move(row);
}

}  // namespace

std::int64_t fee_of(const pb::Merchant& merchant, std::int64_t amount) {
    // 40 + 14 bits and a bounded constant: fits (Limits of money.h and of create_merchant).
    const std::int64_t share = amount * static_cast<std::int64_t>(merchant.fee_bps()) / kBasisPointsOfWhole;
    return std::min(share + merchant.fee_fixed_minor(), amount);
}
static_assert(money::kMaxAmountMinor <= INT64_MAX / kBasisPointsOfWhole / 2);

std::int64_t available_on_ms(const pb::Merchant& merchant, std::int64_t utc_ms) {
    if (merchant.settlement_delay_days() == 0) return utc_ms;
    return (utc_ms / kDayMs + static_cast<std::int64_t>(merchant.settlement_delay_days())) * kDayMs;
}

ledger::Status post_charge(Context& context, pb::Charge& charge, std::int64_t amount,
                           ledger::Id128 authorization) {
    const Scope scope = context.scope;
    const std::int64_t fee = fee_of(accounts::merchant_of(context), amount);
    const std::int64_t net = amount - fee;
    const bool at_once = accounts::merchant_of(context).settlement_delay_days() == 0;
    Chain chain(context, scope, charge.currency(), charge.no());
    if (authorization.is_zero()) {
        chain.move(TransferCode::payment, payer(charge), merchant_pending(scope), amount);
    } else {
        chain.post(authorization, amount);
    }
    if (fee > 0) {
        chain.move(TransferCode::fee, merchant_pending(scope),
                   of_platform(ledger::AccountKind::platform_fees), fee);
    }
    if (at_once && net > 0) {
        chain.move(TransferCode::funds_available, merchant_pending(scope), merchant_available(scope), net);
    }
    if (const ledger::Status status = chain.run(); status != ledger::Status::ok) return status;

    pb::BalanceTransaction row = new_transaction(context, type::charge, amount, fee, charge.currency(),
                                                 format_id(payments::prefix::charge, charge.no()));
    if (!at_once) {
        row.set_available_on_ms(available_on_ms(accounts::merchant_of(context), context.now.utc_ms));
        row.set_available(false);
        hold_back(context, row, net);
    }
    row.set_description(charge.description());
    put(context, row);
    remember_currency(context, charge.currency());
    charge.set_captured(true);
    charge.set_amount_captured(amount);
    charge.set_fee(fee);
    charge.set_balance_transaction_no(row.no());
    charge.clear_pending_transfer_id();
    return ledger::Status::ok;
}

RefundPosting post_refund(Context& context, pb::Refund& refund, const pb::Charge& charge, bool reserve) {
    const Scope scope = context.scope;
    const std::int64_t amount = refund.amount();
    const std::int64_t from_available =
        std::min(available(context.rows, scope, charge.currency(), merchant_available(scope)), amount);
    const std::int64_t from_pending = amount - from_available;
    if (from_pending > available(context.rows, scope, charge.currency(), merchant_pending(scope)))
        return RefundPosting::balance_insufficient;

    Chain chain(context, scope, charge.currency(), refund.no());
    const AccountRef to = payer(charge);
    const auto take = [&](AccountRef from, std::int64_t part) {
        if (part == 0) return;
        const ledger::Id128 id = chain.move(TransferCode::refund, from, to, part, reserve);
        if (reserve) refund.add_transfer_ids(id_bytes(id));
    };
    take(merchant_available(scope), from_available);
    take(merchant_pending(scope), from_pending);
    if (chain.run() != ledger::Status::ok) return RefundPosting::refused;

    refund.set_from_available(from_available);
    refund.set_from_pending(from_pending);
    pb::BalanceTransaction row = new_transaction(context, type::refund, -amount, 0, charge.currency(),
                                                 format_id(refunds::prefix::refund, refund.no()));
    if (from_pending > 0) {
        const pb::BalanceTransaction own = transaction(context, charge.balance_transaction_no());
        if (use_up(context, own, from_pending)) {  // shown as pending as long as the charge is
            row.set_available_on_ms(own.available_on_ms());
            row.set_available(false);
            hold_back(context, row, 0);
        }
    }
    put(context, row);
    refund.set_balance_transaction_no(row.no());
    return RefundPosting::ok;
}

void finish_refund(Context& context, pb::Refund& refund) {
    Chain chain(context, context.scope, refund.currency(), refund.no());
    std::int64_t parts[] = {refund.from_available(), refund.from_pending()};
    std::size_t next = 0;
    for (const std::string& id : refund.transfer_ids()) {
        while (parts[next] == 0) ++next;
        chain.post(id_from_bytes(id), parts[next++]);
    }
    KONTOR_ASSERT(chain.run() == ledger::Status::ok, "what was reserved for a refund can be posted");
    refund.clear_transfer_ids();
}

void undo_refund(Context& context, pb::Refund& refund) {
    Chain chain(context, context.scope, refund.currency(), refund.no());
    for (const std::string& id : refund.transfer_ids()) chain.release(id_from_bytes(id));
    KONTOR_ASSERT(chain.run() == ledger::Status::ok, "what was reserved for a refund can be released");
    refund.clear_transfer_ids();
    pb::BalanceTransaction row =
        new_transaction(context, type::refund_failure, refund.amount(), 0, refund.currency(),
                        format_id(refunds::prefix::refund, refund.no()));
    if (refund.from_pending() > 0) {
        // Back to pending, and available no earlier than it would have been without the refund.
        const pb::BalanceTransaction taken = transaction(context, refund.balance_transaction_no());
        row.set_available_on_ms(std::max(context.now.utc_ms, taken.available_on_ms()));
        row.set_available(false);
        hold_back(context, row, refund.from_pending());
    }
    put(context, row);
    refund.set_failure_balance_transaction_no(row.no());
}

std::size_t release_group(Context& context, DueClock clock, std::string_view payload, std::size_t limit) {
    const Scope scope{get_be64(payload), payload[8] != '\0'};
    const auto day_ms = static_cast<std::int64_t>(get_be64(payload.substr(9)));
    const std::uint32_t currency = get_be32(payload.substr(17));
    if (clock == DueClock::machine && !is_wrong_day(context, scope, day_ms)) return 0;
    const Key low = funds_payload(scope, day_ms, currency);
    const Key high = funds_payload(scope, day_ms, currency + 1);
    std::vector<std::uint64_t> numbers;
    std::int64_t total = 0;
    context.rows.scan(table::unreleased, low.view(), high.view(), store::Direction::ascending,
                      [&](std::string_view key, std::string_view value) {
                          if (key.size() != kUnreleasedKeyBytes || value.size() != sizeof(std::int64_t))
                              row_failure("unreleased_funds", "a row has another shape");
                          numbers.push_back(get_be64(key.substr(kUnreleasedKeyBytes - 8)));
                          total += get_le<std::int64_t>(value);
                          return numbers.size() < limit;
                      });
    if (numbers.empty()) return 0;
    const Key debts = debt_key(scope, currency);
    const std::int64_t debt = load_integer(context.rows, table::release_debts, debts);
    const std::int64_t paid = std::min(debt, total);
    if (paid > 0) {
        if (paid == debt) {
            context.rows.erase(table::release_debts, debts.view());
        } else {
            store_integer(context.rows, table::release_debts, debts, debt - paid);
        }
    }
    if (total > paid) {
        Chain chain(context, scope, currency, 0);
        chain.move(TransferCode::funds_available, merchant_pending(scope), merchant_available(scope),
                   total - paid);
        KONTOR_ASSERT(chain.run() == ledger::Status::ok, "unreleased money is in merchant pending");
    }
    for (const std::uint64_t no : numbers) {
        const Key key = object_key(scope, no);
        auto row = load<pb::BalanceTransaction>(context.rows, table::balance_transactions, key);
        KONTOR_ASSERT(row, "unreleased money belongs to a balance transaction");
        context.rows.erase(table::unreleased, unreleased_key(*row).view());
        row->set_available(true);
        row->set_available_on_ms(std::min(row->available_on_ms(), context.now.utc_ms));
        context.put(table::balance_transactions, key, *row);
    }
    return numbers.size();
}

}  // namespace kontor::balances
