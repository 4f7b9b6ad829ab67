#pragma once
// References of other domains' objects to customers.

#include <array>

#include "domains/customers/ids.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/json/fields.h"

namespace kontor::customers {

inline constexpr std::array kToCustomer = {
    fields::Target{.object = "customer",
                   .prefix = prefix::customer,
                   .kind = pb::kCustomerFieldNumber,
                   .may_be_deleted = true},
};

}  // namespace kontor::customers
