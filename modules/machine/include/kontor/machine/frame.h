#pragma once
// The frame's own records: Tick, idempotency, audit record. The first of the domains.

#include <array>

#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::machine {

pb::Result tick(Context& context);
// Removes the idempotency records of an hour that is over since limits::kIdempotencyKeepMs.
std::size_t expire_idempotency(Context& context, DueClock clock, std::string_view payload, std::size_t limit);

inline constexpr DueKind kIdempotencyDue{2};
inline constexpr std::size_t kIdempotencyDueBytes = 8 + 1 + 8;

void check_chain(Audit& audit);
void check_idempotency(Audit& audit);
void check_due(Audit& audit);
void check_outbox(Audit& audit);
void check_links(Audit& audit);

inline constexpr std::array kFrameTables = {
    store::TableSpec{table::instance, "instance", partition_by::singleton, true},
    store::TableSpec{table::scope_heads, "scope_heads", partition_by::merchant, false},
    store::TableSpec{table::idempotency, "idempotency", partition_by::whole_key, false},
    store::TableSpec{table::idempotency_expiry, "idempotency_expiry", partition_by::merchant, true},
    store::TableSpec{table::due, "due", partition_by::singleton, true},
    store::TableSpec{table::audit_records, "audit_records", partition_by::merchant, true},
    store::TableSpec{table::links, "links", partition_by::merchant, true},
    store::TableSpec{table::outbox_due, "outbox_due", partition_by::singleton, true},
};

inline constexpr std::array<const Outcome*, 13> kFrameOutcomes = {&outcome::ok,
                                                                  &outcome::resource_missing,
                                                                  &outcome::unexpected_state,
                                                                  &outcome::idempotency_mismatch,
                                                                  &outcome::idempotency_in_use,
                                                                  &outcome::invalid_parameter,
                                                                  &outcome::limit_reached,
                                                                  &outcome::already_exists,
                                                                  &outcome::token_invalid,
                                                                  &outcome::ledger_refused,
                                                                  &outcome::testmode_only,
                                                                  &outcome::permission_denied,
                                                                  &outcome::awaiting_approval};

// clang-format off
inline constexpr std::array kFrameCommands = {
    Command{
        .number = pb::kTickFieldNumber,
        .name = "tick",
        .concerns = Concerns::worker,
        .since = kFirstFeatureLevel,
        .permission = &kPlatform,
        .approval = Approval::never,
        .repeatable = Repeatable::yes,
        .peers = Peers::never,
        .weight = &one,
        .outcomes = std::span<const Outcome* const>(),
        .run = &tick,
    },
};
// clang-format on

inline constexpr std::array kFrameDue = {
    DueQueue{.kind = kIdempotencyDue,
             .clock = DueClock::running,
             .payload_bytes = kIdempotencyDueBytes,
             .work = &expire_idempotency},
};

inline constexpr std::array kFrameInvariants = {
    Invariant{.name = "each audit record names the hash of the one before it", .check = &check_chain},
    Invariant{.name = "each idempotency record expires once", .check = &check_idempotency},
    Invariant{.name = "due work has its form", .check = &check_due},
    Invariant{.name = "what is in the outbox waits", .check = &check_outbox},
    Invariant{.name = "links lead from one thing to another", .check = &check_links},
};

inline constexpr Domain kFrame = {
    .name = "machine",
    .commands = kFrameCommands,
    .outcomes = kFrameOutcomes,
    .tables = kFrameTables,
    .due = kFrameDue,
    .invariants = kFrameInvariants,
};

}  // namespace kontor::machine
