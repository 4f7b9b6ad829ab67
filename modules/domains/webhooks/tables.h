#pragma once
// Tables, and kinds of rows in the frame's tables. Numbers are frozen (docs/formats/state.md).

#include <array>

#include "kontor/machine/rows.h"

namespace kontor::webhooks {

namespace table {
inline constexpr store::TableId webhook_endpoints = 25;
inline constexpr store::TableId deliveries = 29;
}  // namespace table
inline constexpr std::array kTables = {
    store::TableSpec{table::webhook_endpoints, "webhook_endpoints", machine::partition_by::merchant, true},
    store::TableSpec{table::deliveries, "webhook_deliveries", machine::partition_by::whole_key, false},
};

inline constexpr machine::LinkKind kEventDelivery{'d'};
inline constexpr machine::LinkKind kEndpointPending{'p'};

inline constexpr machine::OutboxKind kDeliveryOutbox{'d'};

inline constexpr machine::DueKind kStoppedEndpointDue{5};
inline constexpr std::size_t kStoppedEndpointBytes = 8 + 1 + 8;  // scope, endpoint

}  // namespace kontor::webhooks
