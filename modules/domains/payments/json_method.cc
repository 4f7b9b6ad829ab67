#include "domains/payments/json_method.h"

#include "domains/payments/method_fields.h"

namespace kontor::payments {

constinit const fields::Shape kPaymentMethodShape = fields::shape<parts::kPaymentMethod>("payment_method");

namespace parts {
namespace {

using fields::Absent;
using pb::PaymentMethod;

constexpr std::array<std::string_view, 2> kReferenceStatuses = {"pending", "available"};

using Nothing = fields::Field<fields::Constants>;
constexpr std::array<Nothing, 0> kNothingFields = {};

constexpr std::array kChecks = {
    Nothing{"address_line1_check", fields::null(), Absent::never},
    Nothing{"address_postal_code_check", fields::null(), Absent::never},
    Nothing{"cvc_check", fields::null(), Absent::never},
};

void each_network(const PaymentMethod& method, const fields::EachText& each) {
    each(method.brand());
}

using Row = fields::Field<PaymentMethod>;
constexpr std::array kNetworks = {
    Row{"available", fields::texts<&each_network>(), Absent::never},
    Row{"preferred", fields::null(), Absent::never},
};
constexpr std::array kCardFields = {
    Row{"brand", fields::text<&PaymentMethod::brand>(), Absent::never},
    Row{"checks", fields::hash<kChecks>(), Absent::never},
    Row{"country", fields::text<&PaymentMethod::country>(), Absent::null, "Two letters, ISO 3166."},
    Row{"display_brand", fields::text<&PaymentMethod::brand>(), Absent::never},
    Row{"exp_month", fields::integer<&PaymentMethod::exp_month>(), Absent::never},
    Row{"exp_year", fields::integer<&PaymentMethod::exp_year>(), Absent::never},
    Row{"fingerprint", fields::null(), Absent::never},
    Row{"funding", fields::text<&PaymentMethod::funding>(), Absent::never,
        "credit, debit, prepaid or unknown."},
    Row{"generated_from", fields::null(), Absent::never},
    Row{"last4", fields::text<&PaymentMethod::last4>(), Absent::never},
    Row{"networks", fields::hash<kNetworks>(), Absent::never},
    Row{"regulated_status", fields::null(), Absent::never},
    Row{"three_d_secure_usage", fields::null(), Absent::never},
    Row{"wallet", fields::null(), Absent::never},
};

using DetailsOfCard = fields::Field<MethodOfCharge>;
constexpr std::array kCardDetailsFields = {
    DetailsOfCard{"amount_authorized", fields::integer<&MethodOfCharge::amount_authorized>(), Absent::never},
    DetailsOfCard{"authorization_code", fields::null(), Absent::never},
    DetailsOfCard{"brand", fields::text<&PaymentMethod::brand>(), Absent::never},
    DetailsOfCard{"checks", fields::hash<kChecks>(), Absent::never},
    DetailsOfCard{"country", fields::text<&PaymentMethod::country>(), Absent::null, "Two letters, ISO 3166."},
    DetailsOfCard{"electronic_commerce_indicator", fields::null(), Absent::never},
    DetailsOfCard{"exp_month", fields::integer<&PaymentMethod::exp_month>(), Absent::never},
    DetailsOfCard{"exp_year", fields::integer<&PaymentMethod::exp_year>(), Absent::never},
    DetailsOfCard{"fingerprint", fields::null(), Absent::never},
    DetailsOfCard{"funding", fields::text<&PaymentMethod::funding>(), Absent::never,
                  "credit, debit, prepaid or unknown."},
    DetailsOfCard{"installments", fields::null(), Absent::never},
    DetailsOfCard{"last4", fields::text<&PaymentMethod::last4>(), Absent::never},
    DetailsOfCard{"mandate", fields::null(), Absent::never},
    DetailsOfCard{"network", fields::text<&PaymentMethod::brand>(), Absent::never},
    DetailsOfCard{"network_transaction_id", fields::null(), Absent::never},
    DetailsOfCard{"regulated_status", fields::null(), Absent::never},
    DetailsOfCard{"three_d_secure", fields::null(), Absent::never},
    DetailsOfCard{"transaction_link_id", fields::null(), Absent::never},
    DetailsOfCard{"wallet", fields::null(), Absent::never},
};

using DestinationOfCard = fields::Field<MethodOfRefund>;
constexpr std::array kCardDestinationFields = {
    DestinationOfCard{"reference_status", fields::word<kReferenceStatuses, &MethodOfRefund::is_done>(),
                      Absent::never},
    DestinationOfCard{"reference_type", fields::constant("acquirer_reference_number"), Absent::never},
    DestinationOfCard{"type", fields::constant("refund"), Absent::never},
};

}  // namespace

constinit const fields::Shape kCardShape = fields::shape<kCardFields>();
constinit const fields::Shape kCardDetailsShape = fields::shape<kCardDetailsFields>();
constinit const fields::Shape kCardDestinationShape = fields::shape<kCardDestinationFields>();
constinit const fields::Shape kNothingShape = fields::shape<kNothingFields>();

void put_card(JsonWriter& json, const MethodView& method, const fields::Facts& /*member*/) {
    fields::write_object<kCardFields>(json, method);
}

void put_card_details(JsonWriter& json, const MethodOfCharge& method, const fields::Facts& /*member*/) {
    fields::write_object<kCardDetailsFields>(json, method);
}

void put_card_destination(JsonWriter& json, const MethodOfRefund& method, const fields::Facts& /*member*/) {
    fields::write_object<kCardDestinationFields>(json, method);
}

}  // namespace parts
}  // namespace kontor::payments
