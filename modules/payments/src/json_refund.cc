// Refunds and balance transactions.
#include "json_parts.h"
#include "kontor/base/object_id.h"

namespace kontor::payments {

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

void destination_details(JsonWriter& json, const pb::Refund& refund) {
    json.key("destination_details").begin_object();
    if (refund.payment_method().kind() == pb::METHOD_CARD) {
        json.key("card").begin_object();
        json.field("reference_status", refund.status() == pb::REFUND_SUCCEEDED ? "available" : "pending");
        json.field("reference_type", "acquirer_reference_number").field("type", "refund");
        json.end_object();
    }
    json.field("type", parts::method_type(refund.payment_method()));
    json.end_object();
}

}  // namespace

std::string refund_json(const pb::Refund& refund, const Expansion& expansion) {
    std::string out;
    out.reserve(parts::kUsualObjectBytes / 2);
    JsonWriter json(out);
    json.begin_object();
    json.field("id", format_id(prefix::refund, refund.no())).field("object", "refund");
    json.field_integer("amount", refund.amount());
    parts::balance_transaction_reference(json, "balance_transaction", refund.balance_transaction_no(),
                                         expansion);
    parts::charge_reference(json, "charge", refund.charge_no(), expansion);
    json.field_integer("created", parts::seconds(refund.created_ms()));
    json.field("currency", parts::currency_code(refund.currency()));
    parts::customer_reference(json, "customer", refund.customer_no(), expansion);
    json.field_null("customer_account");
    if (refund.payment_method().kind() != pb::METHOD_NONE) destination_details(json, refund);
    if (refund.status() == pb::REFUND_FAILED) {
        parts::balance_transaction_reference(json, "failure_balance_transaction",
                                             refund.failure_balance_transaction_no(), expansion);
        json.field("failure_reason",
                   refund.failure_reason().empty() ? "unknown" : std::string_view(refund.failure_reason()));
    }
    parts::metadata(json, refund.metadata());
    parts::intent_reference(json, "payment_intent", refund.intent_no(), expansion);
    json.field_or_null("payment_method", refund.payment_method().token());
    json.field_or_null("reason", refund.reason()).field_null("receipt_number");
    json.field_null("source_transfer_reversal").field("status", status_text(refund.status()));
    json.field_null("transfer_reversal");
    json.end_object();
    return out;
}

std::string balance_transaction_json(const pb::BalanceTransaction& row, const Expansion& expansion) {
    std::string out;
    out.reserve(parts::kUsualObjectBytes / 2);
    JsonWriter json(out);
    const std::string_view currency = parts::currency_code(row.currency());
    json.begin_object();
    json.field("id", format_id(prefix::balance_transaction, row.no())).field("object", "balance_transaction");
    json.field_integer("amount", row.amount());
    json.field_integer("available_on", parts::seconds(row.available_on_ms()));
    json.field("balance_type", "payments").field_integer("created", parts::seconds(row.created_ms()));
    json.field("currency", currency).field_or_null("description", row.description());
    json.field_null("exchange_rate").field_integer("fee", row.fee());
    json.key("fee_details").begin_array();
    if (row.fee() != 0) {
        // Merchants' programs sum by this type: it is the platform's fee, whoever the platform is.
        json.begin_object();
        json.field_integer("amount", row.fee()).field_null("application").field("currency", currency);
        json.field("description", "Platform fee").field("type", "stripe_fee");
        json.end_object();
    }
    json.end_array();
    json.field_integer("net", row.net()).field("reporting_category", row.type());
    parts::source_reference(json, "source", row.source_id(), expansion);
    json.field("status", row.available() ? "available" : "pending").field("type", row.type());
    json.end_object();
    return out;
}

}  // namespace kontor::payments
