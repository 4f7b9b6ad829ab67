#include <array>

#include "domains/balances/references.h"
#include "domains/customers/references.h"
#include "domains/payments/method_fields.h"
#include "domains/payments/references.h"
#include "domains/refunds/ids.h"
#include "domains/refunds/refunds.h"
#include "domains/refunds/words.h"
#include "kontor/machine/fields.h"

namespace kontor::refunds {

namespace {

using fields::Absent;
using pb::Refund;

bool has_method(const Refund& refund) {
    return payments::is_set(refund.payment_method());
}
payments::MethodOfRefund method(const Refund& refund) {
    return {refund.payment_method(), refund.status() == pb::REFUND_SUCCEEDED};
}
const std::string& method_token(const Refund& refund) {
    return refund.payment_method().token();
}
// What a failed one has besides: the money's way back, and why.
std::uint64_t failure_transaction(const Refund& refund) {
    return refund.status() == pb::REFUND_FAILED ? refund.failure_balance_transaction_no() : 0;
}
std::string_view failure_reason(const Refund& refund) {
    if (refund.status() != pb::REFUND_FAILED) return {};
    return refund.failure_reason().empty() ? std::string_view("unknown") : refund.failure_reason();
}

using Row = fields::Field<machine::Rendered<Refund>>;
constexpr std::array kRefund = {
    Row{"id", fields::id<&Refund::no>(prefix::refund), Absent::never},
    Row{"object", fields::constant("refund"), Absent::never},
    Row{"amount", fields::integer<&Refund::amount>(), Absent::never, "In the currency's smallest unit."},
    Row{"balance_transaction",
        fields::expandable<balances::kToBalanceTransaction, &Refund::balance_transaction_no>(), Absent::null},
    Row{"charge", fields::expandable<payments::kToCharge, &Refund::charge_no>(), Absent::null},
    Row{"created", fields::timestamp<&Refund::created_ms>(), Absent::never},
    Row{"currency", fields::currency<&Refund::currency>(), Absent::never},
    Row{"customer", fields::expandable<customers::kToCustomer, &Refund::customer_no>(), Absent::null},
    Row{"customer_account", fields::null(), Absent::never},
    Row{"destination_details", fields::hash<payments::parts::kMethodDestination, &method, &has_method>(),
        Absent::left_out},
    Row{"failure_balance_transaction",
        fields::expandable<balances::kToBalanceTransaction, &failure_transaction>(), Absent::left_out,
        "Gives the amount back when the refund failed. Expandable."},
    Row{"failure_reason", fields::text<&failure_reason>(), Absent::left_out},
    Row{"metadata", fields::metadata(), Absent::never},
    Row{"payment_intent", fields::expandable<payments::kToIntent, &Refund::intent_no>(), Absent::null},
    Row{"payment_method", fields::text<&method_token>(), Absent::null},
    Row{"reason", fields::word<kReasons, &Refund::reason>(), Absent::null},
    Row{"receipt_number", fields::null(), Absent::never},
    Row{"source_transfer_reversal", fields::null(), Absent::never},
    Row{"status", fields::word<kStatuses, &Refund::status>(), Absent::never},
    Row{"transfer_reversal", fields::null(), Absent::never},
};

constexpr std::array<std::string_view, 1> kStatusField = {"status"};

machine::Rendered<Refund> plain(const Refund& refund) {
    return {refund, machine::kNothingExpanded};
}

}  // namespace

constinit const fields::Shape kRefundShape = fields::shape<kRefund>("refund");

std::string refund_json(const Refund& refund, const machine::Expansion& expansion) {
    return machine::render_object<kRefund>(machine::Rendered<Refund>{refund, expansion},
                                           machine::parts::kUsualObjectBytes / 2);
}

fields::Pointer refund_reference(const Refund& refund, std::string_view field) {
    return fields::follow<kRefund>(plain(refund), field);
}

std::string refund_changes(const Refund& before, const Refund& after) {
    return fields::changes<kRefund>(plain(before), plain(after));
}

std::string status_before(const Refund& refund) {
    return fields::as_it_was<kRefund, kStatusField>(plain(refund));
}

}  // namespace kontor::refunds
