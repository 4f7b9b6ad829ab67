#include "domains/payments/payments.h"

#include "domains/balances/ids.h"
#include "domains/customers/ids.h"
#include "domains/payments/ids.h"
#include "domains/payments/json_method.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/json_parts.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::payments {

using namespace machine;  // the frame's words

namespace {

std::string_view status_text(pb::ChargeStatus status) {
    switch (status) {
        case pb::CHARGE_PENDING:
            return "pending";
        case pb::CHARGE_SUCCEEDED:
            return "succeeded";
        default:
            return "failed";
    }
}

void outcome(JsonWriter& json, const pb::Charge& charge) {
    if (charge.status() == pb::CHARGE_PENDING) {
        json.field_null("outcome");
        return;
    }
    const bool succeeded = charge.status() == pb::CHARGE_SUCCEEDED;
    json.key("outcome").begin_object();
    json.field_null("advice_code").field_null("network_advice_code").field_null("network_decline_code");
    json.field("network_status", succeeded ? "approved_by_network" : "declined_by_network");
    json.field_or_null("reason",
                       succeeded ? std::string_view() : std::string_view(charge.failure().decline_code()));
    json.field("risk_level", "not_assessed");
    json.field("seller_message",
               succeeded ? "Payment complete." : std::string_view(charge.failure().message()));
    json.field("type", succeeded ? "authorized" : "issuer_declined");
    json.end_object();
}

}  // namespace

std::string charge_json(const pb::Charge& charge, const Expansion& expansion) {
    std::string out;
    out.reserve(machine::parts::kUsualObjectBytes);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::charge, charge.no())).field("object", "charge");
    json.field_integer("amount", charge.amount()).field_integer("amount_captured", charge.amount_captured());
    json.field_integer("amount_refunded", charge.amount_refunded());
    json.field_null("application").field_null("application_fee").field_null("application_fee_amount");
    machine::parts::reference(json, "balance_transaction", pb::kBalanceTransactionFieldNumber,
                              balances::prefix::balance_transaction, charge.balance_transaction_no(),
                              expansion);
    payments::parts::billing_details(json);
    json.field_or_null("calculated_statement_descriptor", charge.statement_descriptor());
    json.field_boolean("captured", charge.captured());
    json.field_integer("created", machine::parts::seconds(charge.created_ms()));
    json.field("currency", machine::parts::currency_code(charge.currency()));
    machine::parts::reference(json, "customer", pb::kCustomerFieldNumber, customers::prefix::customer,
                              charge.customer_no(), expansion);
    json.field_or_null("description", charge.description()).field_boolean("disputed", false);
    json.field_null("failure_balance_transaction");
    json.field_or_null("failure_code", charge.failure().code());
    json.field_or_null("failure_message", charge.failure().message());
    json.field_raw("fraud_details", "{}").field_boolean("livemode", charge.livemode());
    machine::parts::metadata(json, charge.metadata());
    json.field_null("on_behalf_of");
    outcome(json, charge);
    json.field_boolean("paid", charge.status() == pb::CHARGE_SUCCEEDED);
    machine::parts::reference(json, "payment_intent", pb::kPaymentIntentFieldNumber, prefix::intent,
                              charge.intent_no(), expansion);
    json.field_or_null("payment_method", charge.payment_method().token());
    payments::parts::method_details(json, charge.payment_method(), charge.amount());
    json.field_or_null("receipt_email", charge.receipt_email());
    json.field_null("receipt_number").field_null("receipt_url").field_boolean("refunded", charge.refunded());
    json.field_null("review").field_null("shipping").field_null("source").field_null("source_transfer");
    json.field_or_null("statement_descriptor", charge.statement_descriptor());
    json.field_null("statement_descriptor_suffix").field("status", status_text(charge.status()));
    json.field_null("transfer_data").field_null("transfer_group");
    json.end_object();
    return out;
}

}  // namespace kontor::payments
