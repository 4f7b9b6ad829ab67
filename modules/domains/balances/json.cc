#include "domains/balances/balances.h"

#include "domains/balances/ids.h"
#include "domains/payments/ids.h"
#include "domains/refunds/ids.h"
#include "kontor/crypto/public_id.h"
#include "kontor/machine/json_parts.h"
#include "kontor/payments_bodies.pb.h"
#include "kontor/refunds_bodies.pb.h"

namespace kontor::balances {

using namespace machine;  // the frame's words

namespace {

// "ch_…" or "re_…".
void source(JsonWriter& json, std::string_view source_id, const Expansion& expansion) {
    if (const auto charge_no = parse_id(payments::prefix::charge, source_id)) {
        parts::reference(json, "source", pb::kChargeFieldNumber, payments::prefix::charge, *charge_no,
                         expansion);
    } else if (const auto refund_no = parse_id(refunds::prefix::refund, source_id)) {
        parts::reference(json, "source", pb::kRefundFieldNumber, refunds::prefix::refund, *refund_no,
                         expansion);
    } else {
        json.field_or_null("source", source_id);
    }
}

}  // namespace

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
    source(json, row.source_id(), expansion);
    json.field("status", row.available() ? "available" : "pending").field("type", row.type());
    json.end_object();
    return out;
}

}  // namespace kontor::balances
