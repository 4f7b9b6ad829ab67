#pragma once
// Commands of customers.

#include "kontor/customers.pb.h"
#include "kontor/machine/context.h"

namespace kontor::customers {

pb::Result create_customer(machine::Context& context, const pb::CreateCustomer& wanted);
pb::Result update_customer(machine::Context& context, const pb::UpdateCustomer& wanted);
pb::Result delete_customer(machine::Context& context, const pb::DeleteCustomer& wanted);
pb::Result top_up_wallet(machine::Context& context, const pb::TopUpWallet& wanted);
// What it is about, for approvals.
[[nodiscard]] std::optional<machine::Amount> amount_of_top_up(const machine::Context& context);

}  // namespace kontor::customers
