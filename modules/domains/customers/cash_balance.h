#pragma once
// What a top-up is answered with: an object that is made of the command, and of no row. It refers to the
// customer, whom the command's result has.

#include <array>
#include <cstdint>

#include "kontor/customers_bodies.pb.h"
#include "kontor/machine/domain.h"

namespace kontor::customers {

inline constexpr std::uint32_t kCashBalanceTransaction =
    20;  // frozen: its number in Object, taken by no message
inline constexpr std::array<std::uint32_t, 1> kToTheCustomer = {pb::kCustomerFieldNumber};
inline constexpr std::array kCashBalanceReferences = {
    machine::Reference{.field = "customer",
                       .targets = std::span<const std::uint32_t>(kToTheCustomer),
                       .follow = +[](const pb::Object&) { return machine::Pointer{}; }},
};

}  // namespace kontor::customers
