#pragma once
// Payments in the back office.

#include "kontor/surface/office_route.h"
#include "reports/payment_list/payment_list.h"

namespace kontor::payments {

inline constexpr std::size_t kAuditRecordsListed =
    200;  // of one payment's page; its reader asks for the next
inline constexpr std::size_t kAuditRecordsPerRead =
    20;  // each has transfers, events and deliveries to look up

// The members of a line of the list, and of what the live page is sent.
void put_payment_row(JsonWriter& json, const payment_list::PaymentRow& row);

extern const surface::office::Resource kAdmin;

}  // namespace kontor::payments
