#pragma once
// The fields of payment methods, for the tables of the objects that have one.

#include <algorithm>
#include <array>
#include <utility>

#include "domains/customers/ids.h"
#include "domains/payments/json_method.h"
#include "domains/payments/methods.h"
#include "kontor/machine/fields.h"

namespace kontor::payments::parts {

// charge.billing_details and payment_method.billing_details: we hold none.
using Nobody = fields::Field<fields::Constants>;
inline constexpr std::array kAddress = {
    Nobody{"city", fields::null(), fields::Absent::never},
    Nobody{"country", fields::null(), fields::Absent::never},
    Nobody{"line1", fields::null(), fields::Absent::never},
    Nobody{"line2", fields::null(), fields::Absent::never},
    Nobody{"postal_code", fields::null(), fields::Absent::never},
    Nobody{"state", fields::null(), fields::Absent::never},
};
inline constexpr std::array kBillingDetails = {
    Nobody{"address", fields::hash<kAddress>(), fields::Absent::never},
    Nobody{"email", fields::null(), fields::Absent::never},
    Nobody{"name", fields::null(), fields::Absent::never},
    Nobody{"phone", fields::null(), fields::Absent::never},
    Nobody{"tax_id", fields::null(), fields::Absent::never},
};

// The members that methods have of their own: one for each method.
template <typename View, auto kColumn>
[[nodiscard]] constexpr auto members_of_methods() {
    return []<std::size_t... kRows>(std::index_sequence<kRows...>) {
        return std::array<fields::Field<View>, sizeof...(kRows)>{fields::Field<View>{
            kMethods[kRows].type, (kMethods[kRows].*kColumn).value, fields::Absent::left_out}...};
    }
    (std::make_index_sequence<kMethods.size()>());
}

using MethodRow = fields::Field<MethodView>;
inline constexpr auto kPaymentMethod = fields::joined(
    std::array{
        MethodRow{"id", fields::text<&pb::PaymentMethod::token>(), fields::Absent::never},
        MethodRow{"object", fields::constant("payment_method"), fields::Absent::never},
        MethodRow{"allow_redisplay", fields::constant("unspecified"), fields::Absent::never},
        MethodRow{"billing_details", fields::hash<kBillingDetails>(), fields::Absent::never},
    },
    members_of_methods<MethodView, &Method::write>(),
    std::array{
        MethodRow{"created", fields::timestamp<&MethodView::created_ms>(), fields::Absent::never},
        MethodRow{"customer", fields::id<&MethodView::customer_no>(customers::prefix::customer),
                  fields::Absent::null},
        MethodRow{"customer_account", fields::null(), fields::Absent::never},
        MethodRow{"livemode", fields::boolean<&MethodView::livemode>(), fields::Absent::never},
        MethodRow{"metadata", fields::no_metadata(), fields::Absent::never},
        MethodRow{"type", fields::word<kMethodTypes, &pb::PaymentMethod::type>(), fields::Absent::never},
    });

using DetailsRow = fields::Field<MethodOfCharge>;
inline constexpr auto kMethodDetails =
    fields::joined(members_of_methods<MethodOfCharge, &Method::details>(),
                   std::array{DetailsRow{"type", fields::word<kMethodTypes, &pb::PaymentMethod::type>(),
                                         fields::Absent::never}});

using DestinationRow = fields::Field<MethodOfRefund>;
inline constexpr auto kWithDestination = [] {
    constexpr auto kHas = [](const Method& method) { return method.destination.value.has_value(); };
    std::array<std::size_t, std::count_if(kMethods.begin(), kMethods.end(), kHas)> rows{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < kMethods.size(); ++i)
        if (kHas(kMethods[i])) rows[at++] = i;
    return rows;
}();
inline constexpr auto kMethodDestination = fields::joined(
    []<std::size_t... kRows>(std::index_sequence<kRows...>) {
        return std::array<DestinationRow, sizeof...(kRows)>{DestinationRow{
            kMethods[kWithDestination[kRows]].type, *kMethods[kWithDestination[kRows]].destination.value,
            fields::Absent::left_out}...};
    }(std::make_index_sequence<kWithDestination.size()>()),
    std::array{DestinationRow{"type", fields::word<kMethodTypes, &pb::PaymentMethod::type>(),
                              fields::Absent::never}});

}  // namespace kontor::payments::parts
