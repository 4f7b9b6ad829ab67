#include <array>

#include "domains/balances/references.h"
#include "domains/customers/references.h"
#include "domains/payments/ids.h"
#include "domains/payments/method_fields.h"
#include "domains/payments/payments.h"
#include "domains/payments/references.h"
#include "kontor/machine/fields.h"

namespace kontor::payments {

namespace {

using fields::Absent;
using pb::Charge;

constexpr std::array kStatuses = {
    fields::Named{pb::CHARGE_FAILED, "failed"},
    fields::Named{pb::CHARGE_PENDING, "pending"},
    fields::Named{pb::CHARGE_SUCCEEDED, "succeeded"},
};
static_assert(kStatuses.size() == pb::ChargeStatus_ARRAYSIZE - 1, "a status has no word");
constexpr std::array<std::string_view, 2> kNetworkStatuses = {"declined_by_network", "approved_by_network"};
constexpr std::array<std::string_view, 2> kOutcomeTypes = {"issuer_declined", "authorized"};

bool succeeded(const Charge& charge) {
    return charge.status() == pb::CHARGE_SUCCEEDED;
}
bool is_decided(const Charge& charge) {
    return charge.status() != pb::CHARGE_PENDING;
}
std::string_view reason(const Charge& charge) {
    return succeeded(charge) ? std::string_view() : std::string_view(charge.failure().decline_code());
}
std::string_view seller_message(const Charge& charge) {
    return succeeded(charge) ? std::string_view("Payment complete.")
                             : std::string_view(charge.failure().message());
}
const std::string& failure_code(const Charge& charge) {
    return charge.failure().code();
}
const std::string& failure_message(const Charge& charge) {
    return charge.failure().message();
}
const std::string& method_token(const Charge& charge) {
    return charge.payment_method().token();
}
bool has_method(const Charge& charge) {
    return is_set(charge.payment_method());
}
MethodOfCharge method(const Charge& charge) {
    return {charge.payment_method(), charge.amount()};
}

using Part = fields::Field<Charge>;
constexpr std::array kOutcome = {
    Part{"advice_code", fields::null(), Absent::never},
    Part{"network_advice_code", fields::null(), Absent::never},
    Part{"network_decline_code", fields::null(), Absent::never},
    Part{"network_status", fields::word<kNetworkStatuses, &succeeded>(), Absent::never},
    Part{"reason", fields::text<&reason>(), Absent::null, "The decline code, when the payment was declined."},
    Part{"risk_level", fields::constant("not_assessed"), Absent::never},
    Part{"seller_message", fields::text<&seller_message>(), Absent::never},
    Part{"type", fields::word<kOutcomeTypes, &succeeded>(), Absent::never},
};

using Row = fields::Field<machine::Rendered<Charge>>;
constexpr std::array kCharge = {
    Row{"id", fields::id<&Charge::no>(prefix::charge), Absent::never},
    Row{"object", fields::constant("charge"), Absent::never},
    Row{"amount", fields::integer<&Charge::amount>(), Absent::never, "In the currency's smallest unit."},
    Row{"amount_captured", fields::integer<&Charge::amount_captured>(), Absent::never},
    Row{"amount_refunded", fields::integer<&Charge::amount_refunded>(), Absent::never,
        "Of refunds that succeeded, and of those under way."},
    Row{"application", fields::null(), Absent::never},
    Row{"application_fee", fields::null(), Absent::never},
    Row{"application_fee_amount", fields::null(), Absent::never},
    Row{"balance_transaction",
        fields::expandable<balances::kToBalanceTransaction, &Charge::balance_transaction_no>(), Absent::null},
    Row{"billing_details", fields::hash<parts::kBillingDetails>(), Absent::never},
    Row{"calculated_statement_descriptor", fields::text<&Charge::statement_descriptor>(), Absent::null},
    Row{"captured", fields::boolean<&Charge::captured>(), Absent::never},
    Row{"created", fields::timestamp<&Charge::created_ms>(), Absent::never},
    Row{"currency", fields::currency<&Charge::currency>(), Absent::never},
    Row{"customer", fields::expandable<customers::kToCustomer, &Charge::customer_no>(), Absent::null},
    Row{"description", fields::text<&Charge::description>(), Absent::null},
    Row{"disputed", fields::literal("false"), Absent::never},
    Row{"failure_balance_transaction", fields::null(), Absent::never},
    Row{"failure_code", fields::text<&failure_code>(), Absent::null},
    Row{"failure_message", fields::text<&failure_message>(), Absent::null},
    Row{"fraud_details", fields::literal("{}"), Absent::never},
    Row{"livemode", fields::boolean<&Charge::livemode>(), Absent::never},
    Row{"metadata", fields::metadata(), Absent::never},
    Row{"on_behalf_of", fields::null(), Absent::never},
    Row{"outcome", fields::hash<kOutcome, nullptr, &is_decided>(), Absent::null},
    Row{"paid", fields::boolean<&succeeded>(), Absent::never},
    Row{"payment_intent", fields::expandable<kToIntent, &Charge::intent_no>(), Absent::null},
    Row{"payment_method", fields::text<&method_token>(), Absent::null},
    Row{"payment_method_details", fields::hash<parts::kMethodDetails, &method, &has_method>(), Absent::null},
    Row{"receipt_email", fields::text<&Charge::receipt_email>(), Absent::null},
    Row{"receipt_number", fields::null(), Absent::never},
    Row{"receipt_url", fields::null(), Absent::never},
    Row{"refunded", fields::boolean<&Charge::refunded>(), Absent::never, "Whether all of it was."},
    Row{"review", fields::null(), Absent::never},
    Row{"shipping", fields::null(), Absent::never},
    Row{"source", fields::null(), Absent::never},
    Row{"source_transfer", fields::null(), Absent::never},
    Row{"statement_descriptor", fields::text<&Charge::statement_descriptor>(), Absent::null},
    Row{"statement_descriptor_suffix", fields::null(), Absent::never},
    Row{"status", fields::word<kStatuses, &Charge::status>(), Absent::never},
    Row{"transfer_data", fields::null(), Absent::never},
    Row{"transfer_group", fields::null(), Absent::never},
};

constexpr std::array<std::string_view, 2> kCapturedFields = {"amount_captured", "captured"};
constexpr std::array<std::string_view, 2> kRefundedFields = {"amount_refunded", "refunded"};

}  // namespace

constinit const fields::Shape kChargeShape = fields::shape<kCharge>("charge");

std::string charge_json(const Charge& charge, const machine::Expansion& expansion) {
    return machine::render_object<kCharge>(machine::Rendered<Charge>{charge, expansion},
                                           machine::parts::kUsualObjectBytes);
}

std::string captured_before() {
    return fields::as_it_was<kCharge, kCapturedFields>(
        machine::Rendered<Charge>{Charge::default_instance(), machine::kNothingExpanded});
}

std::string refunded_before(const Charge& charge) {
    return fields::as_it_was<kCharge, kRefundedFields>(
        machine::Rendered<Charge>{charge, machine::kNothingExpanded});
}

fields::Pointer charge_reference(const Charge& charge, std::string_view field) {
    return fields::follow<kCharge>(machine::Rendered<Charge>{charge, machine::kNothingExpanded}, field);
}

}  // namespace kontor::payments
