#include "domains/refunds/refunds.h"

#include "domains/balances/ids.h"
#include "domains/customers/ids.h"
#include "domains/payments/ids.h"
#include "domains/payments/json_method.h"
#include "domains/refunds/ids.h"
#include "kontor/balances_bodies.pb.h"
#include "kontor/crypto/public_id.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/json_parts.h"
#include "kontor/payments_bodies.pb.h"

namespace kontor::refunds {

using namespace machine;  // the frame's words

namespace {

std::string_view status_text(pb::RefundStatus status) {
    switch (status) {
        case pb::REFUND_PENDING:
            return "pending";
        case pb::REFUND_SUCCEEDED:
            return "succeeded";
        default:
            return "failed";
    }
}

}  // namespace

std::string refund_json(const pb::Refund& refund, const Expansion& expansion) {
    std::string out;
    out.reserve(machine::parts::kUsualObjectBytes / 2);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::refund, refund.no())).field("object", "refund");
    json.field_integer("amount", refund.amount());
    machine::parts::reference(json, "balance_transaction", pb::kBalanceTransactionFieldNumber,
                              balances::prefix::balance_transaction, refund.balance_transaction_no(),
                              expansion);
    machine::parts::reference(json, "charge", pb::kChargeFieldNumber, payments::prefix::charge,
                              refund.charge_no(), expansion);
    json.field_integer("created", machine::parts::seconds(refund.created_ms()));
    json.field("currency", machine::parts::currency_code(refund.currency()));
    machine::parts::reference(json, "customer", pb::kCustomerFieldNumber, customers::prefix::customer,
                              refund.customer_no(), expansion);
    json.field_null("customer_account");
    payments::parts::destination_details(json, refund.payment_method(),
                                         refund.status() == pb::REFUND_SUCCEEDED);
    if (refund.status() == pb::REFUND_FAILED) {
        machine::parts::reference(json, "failure_balance_transaction", pb::kBalanceTransactionFieldNumber,
                                  balances::prefix::balance_transaction,
                                  refund.failure_balance_transaction_no(), expansion);
        json.field("failure_reason",
                   refund.failure_reason().empty() ? "unknown" : std::string_view(refund.failure_reason()));
    }
    machine::parts::metadata(json, refund.metadata());
    machine::parts::reference(json, "payment_intent", pb::kPaymentIntentFieldNumber, payments::prefix::intent,
                              refund.intent_no(), expansion);
    json.field_or_null("payment_method", refund.payment_method().token());
    json.field_or_null("reason", refund.reason()).field_null("receipt_number");
    json.field_null("source_transfer_reversal").field("status", status_text(refund.status()));
    json.field_null("transfer_reversal");
    json.end_object();
    return out;
}

}  // namespace kontor::refunds
