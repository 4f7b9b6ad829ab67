#pragma once
// Merchants.

#include <cstdint>
#include <optional>
#include <vector>

#include "kontor/accounts.pb.h"
#include "kontor/machine/context.h"

namespace kontor::accounts {

[[nodiscard]] std::optional<pb::Merchant> find_merchant(const store::Reader&, std::uint64_t no);
[[nodiscard]] std::vector<pb::Merchant> list_merchants(const store::Reader&, std::uint64_t after_no,
                                                       std::size_t limit);

// The merchant of the command's scope: there is one where a command concerns a merchant.
[[nodiscard]] const pb::Merchant& merchant_of(const machine::Context& context);
// For a command whose merchant is found out while it runs, such as a channel's answer.
void enter_as(machine::Context& context, std::uint64_t merchant_no);

}  // namespace kontor::accounts
