#pragma once
// Payments in the back office.

#include "kontor/surface/office_route.h"
#include "reports/payment_list/payment_list.h"

namespace kontor::payments {

inline constexpr std::size_t kAuditRecordsListed =
    200;  // of one payment's page; its reader asks for the next
inline constexpr std::size_t kAuditRecordsPerRead =
    20;  // each has transfers, events and deliveries to look up

// A line of the list, and what the live page is sent.
[[nodiscard]] surface::office::Json payment_row_json(const payment_list::PaymentRow& row);

extern const surface::office::Resource kAdmin;

}  // namespace kontor::payments
