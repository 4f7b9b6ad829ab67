#include <array>
#include <span>

#include "domains/balances/balances.h"
#include "domains/balances/ids.h"
#include "domains/balances/words.h"
#include "domains/payments/references.h"
#include "domains/refunds/references.h"
#include "kontor/machine/fields.h"

namespace kontor::balances {

namespace {

using fields::Absent;
using pb::BalanceTransaction;

constexpr std::array<std::string_view, 2> kStatuses = {"pending", "available"};
constexpr auto kToSource = fields::joined(payments::kToCharge, refunds::kToRefund);

// "ch_…" or "re_…".
fields::Pointer source(const BalanceTransaction& row) {
    if (const auto no = parse_id(payments::prefix::charge, row.source_id()))
        return {pb::kChargeFieldNumber, *no};
    if (const auto no = parse_id(refunds::prefix::refund, row.source_id()))
        return {pb::kRefundFieldNumber, *no};
    return {};
}
// One, or none where nothing was taken.
std::span<const BalanceTransaction> fees(const BalanceTransaction& row) {
    return {&row, row.fee() == 0 ? std::size_t{0} : std::size_t{1}};
}

// Merchants' programs sum by this type: it is the platform's fee, whoever the platform is.
using Part = fields::Field<BalanceTransaction>;
constexpr std::array kFee = {
    Part{"amount", fields::integer<&BalanceTransaction::fee>(), Absent::never},
    Part{"application", fields::null(), Absent::never},
    Part{"currency", fields::currency<&BalanceTransaction::currency>(), Absent::never},
    Part{"description", fields::constant("Platform fee"), Absent::never},
    Part{"type", fields::constant("stripe_fee"), Absent::never},
};

using Row = fields::Field<machine::Rendered<BalanceTransaction>>;
constexpr std::array kTransaction = {
    Row{"id", fields::id<&BalanceTransaction::no>(prefix::balance_transaction), Absent::never},
    Row{"object", fields::constant("balance_transaction"), Absent::never},
    Row{"amount", fields::integer<&BalanceTransaction::amount>(), Absent::never,
        "In the currency's smallest unit; negative where it was taken."},
    Row{"available_on", fields::timestamp<&BalanceTransaction::available_on_ms>(), Absent::never},
    Row{"balance_type", fields::constant("payments"), Absent::never},
    Row{"created", fields::timestamp<&BalanceTransaction::created_ms>(), Absent::never},
    Row{"currency", fields::currency<&BalanceTransaction::currency>(), Absent::never},
    Row{"description", fields::text<&BalanceTransaction::description>(), Absent::null},
    Row{"exchange_rate", fields::null(), Absent::never},
    Row{"fee", fields::integer<&BalanceTransaction::fee>(), Absent::never},
    Row{"fee_details", fields::rows<kFee, &fees>(), Absent::never},
    Row{"net", fields::integer<&BalanceTransaction::net>(), Absent::never, "amount - fee"},
    Row{"reporting_category", fields::word<kTypes, &BalanceTransaction::type>(), Absent::never},
    Row{"source", fields::expandable<kToSource, &source>(), Absent::null},
    Row{"status", fields::word<kStatuses, &BalanceTransaction::available>(), Absent::never},
    Row{"type", fields::word<kTypes, &BalanceTransaction::type>(), Absent::never},
};

}  // namespace

constinit const fields::Shape kTransactionShape = fields::shape<kTransaction>("balance_transaction");

std::string balance_transaction_json(const BalanceTransaction& row, const machine::Expansion& expansion) {
    return machine::render_object<kTransaction>(machine::Rendered<BalanceTransaction>{row, expansion},
                                                machine::parts::kUsualObjectBytes / 2);
}

fields::Pointer balance_transaction_reference(const BalanceTransaction& row, std::string_view field) {
    return fields::follow<kTransaction>(machine::Rendered<BalanceTransaction>{row, machine::kNothingExpanded},
                                        field);
}

}  // namespace kontor::balances
