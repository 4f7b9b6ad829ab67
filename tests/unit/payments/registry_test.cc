// The records of all domains: what the compiler does not check about them.
#include <algorithm>
#include <fstream>
#include <map>
#include <regex>

#include "kontor/channels_bodies.pb.h"
#include "kontor/customers_bodies.pb.h"
#include "kontor/json/error_object.h"
#include "kontor/payments_bodies.pb.h"
#include "world.h"

namespace kontor::payments::testing {
namespace {

TEST(Registry, TheDocumentListsTheTablesThatThereAre) {
    std::ifstream file(std::string(KONTOR_SOURCE_DIR) + "/docs/formats/state.md");
    ASSERT_TRUE(file) << "docs/formats/state.md";
    const std::regex row(R"(\| (\d+) `([a-z_]+)` \|.*\| (key|\d+) \|)");
    std::map<unsigned, std::pair<std::string, std::string>> documented;
    std::string line;
    while (std::getline(file, line)) {
        std::smatch found;
        if (std::regex_match(line, found, row))
            documented[static_cast<unsigned>(std::stoul(found[1]))] = {found[2], found[3]};
    }
    std::map<unsigned, std::pair<std::string, std::string>> there;
    for (const Domain* domain : domains::registry().domains())
        for (const store::TableSpec& spec : domain->tables)
            there[spec.id] = {std::string(spec.name), spec.partition_key_bytes == 0
                                                          ? "key"
                                                          : std::to_string(spec.partition_key_bytes)};
    EXPECT_EQ(documented, there);
}

TEST(Registry, ACommandIsFoundByItsBody) {
    pb::Command command;
    mutable_body(command, pb::create_refund);
    const Command* record = domains::registry().command(command.kind());
    ASSERT_NE(record, nullptr);
    EXPECT_EQ(record->name.value, "create_refund");
    EXPECT_EQ(domains::registry().command(9'999), nullptr);
    EXPECT_EQ(domains::registry().command(UINT32_MAX), nullptr);
}

// The back office alone shows some objects, which have a number and no record.
TEST(Registry, WhatIsOnlyRenderedHasANumberOfItsOwn) {
    EXPECT_EQ(domains::registry().object(pb::kChannelAccountFieldNumber), nullptr);
    const ObjectKind* top_up = domains::registry().object("customer_cash_balance_transaction");
    ASSERT_NE(top_up, nullptr);
    EXPECT_GE(top_up->number.value, kFirstRenderedObject);
    EXPECT_EQ(domains::registry().object(top_up->number.value), top_up);
}

// No kind of due work looks itself whether its rows have the size that its record says.
TEST(Registry, DueWorkOfAnotherShapeStopsTheNode) {
    for (const DueQueue& queue : domains::registry().due()) {
        const Key start = Key(due_queue_key(queue.kind, queue.clock)).be64(0);
        for (const std::size_t size : {queue.payload_bytes.value - 1, queue.payload_bytes.value + 1}) {
            World world;
            world.rows.put(machine::table::due, Key(start).bytes(std::string(size, '\0')).view(),
                           kIndexValue);
            EXPECT_THROW(world.tick(), RowFailure)
                << static_cast<int>(queue.kind.value) << " with " << size << " bytes";
        }
    }
}

// The description lists the error types that answers can have.
TEST(Registry, TheTypeOfEachErrorIsDescribed) {
    const fields::Facts& error = kErrorShape.fields[0];
    ASSERT_EQ(error.name, "error");
    const auto inner = error.kind.shape->fields;
    const auto type = std::find_if(inner.begin(), inner.end(),
                                   [](const fields::Facts& field) { return field.name == "type"; });
    ASSERT_NE(type, inner.end());
    // Those of no command: what the node itself fails at, and too many requests.
    std::set<std::string_view> used = {error_type::api, error_type::rate_limit};
    for (const Domain* domain : domains::registry().domains())
        for (const Outcome* outcome : domain->outcomes)
            if (!outcome->type.empty()) used.insert(outcome->type);
    EXPECT_EQ(used, std::set<std::string_view>(type->kind.words.begin(), type->kind.words.end()));
}

// A reference says of what it leads to what that says of itself, and somebody knows where it leads.
TEST(Registry, ReferencesLeadToObjectsThatThereAre) {
    std::size_t references = 0;
    for (const Domain* domain : domains::registry().domains()) {
        for (const ObjectKind& kind : domain->objects) {
            EXPECT_EQ(kind.shape.value->name, kind.name.value);
            for (const fields::Facts& field : kind.shape.value->fields) {
                SCOPED_TRACE(std::string(kind.name.value) + "." + std::string(field.name));
                if (field.kind.type != fields::Type::expandable) continue;
                ++references;
                for (const fields::Target& target : field.kind.targets) {
                    if (target.kind == 0U) continue;  // its renderer has it itself
                    const ObjectKind* to = domains::registry().object(target.kind.value);
                    ASSERT_NE(to, nullptr);
                    EXPECT_EQ(to->name.value, target.object.value);
                    EXPECT_EQ(to->prefix.value, target.prefix.value);
                    EXPECT_NE(to->find.value, nullptr);
                }
            }
        }
    }
    EXPECT_EQ(references, 13U);
}

TEST(Registry, ReferencesAreFollowed) {
    pb::Object object;
    object.set_kind(pb::kChargeFieldNumber);
    object.MutableExtension(pb::charge)->set_customer_no(7);
    object.MutableExtension(pb::charge)->set_intent_no(8);
    const ObjectKind& charge = *domains::registry().object("charge");
    EXPECT_EQ(charge.follow.value(object, "customer").no, 7U);
    EXPECT_EQ(charge.follow.value(object, "customer").kind, std::uint32_t{pb::kCustomerFieldNumber});
    EXPECT_EQ(charge.follow.value(object, "payment_intent").no, 8U);
    EXPECT_EQ(charge.follow.value(object, "balance_transaction").no, 0U);
    EXPECT_EQ(charge.follow.value(object, "amount").no, 0U) << "no reference";
    EXPECT_EQ(charge.follow.value(object, "nothing").no, 0U);
}

// Where a command's input was refused, or it lost a race, the same key may be used again.
TEST(Registry, KeptIsWhatWasExecuted) {
    std::set<std::string_view> not_kept;
    for (const Domain* domain : domains::registry().domains())
        for (const Outcome* outcome : domain->outcomes)
            if (outcome->kept == Kept::no) not_kept.insert(outcome->name);
    EXPECT_EQ(not_kept, (std::set<std::string_view>{
                            "credentials_changed", "customer_deleted", "idempotency_in_use",
                            "idempotency_mismatch", "invalid_parameter", "limit_reached", "locked",
                            "missing_payment_method", "no_channel", "operation_not_offered", "own_request",
                            "permission_denied", "policy_changed", "resource_missing", "testmode_only",
                            "too_few_people", "token_invalid", "too_many_failed_ids", "too_many_notices"}));
}

// Who asks a leader for a command that only the leader's own surface makes is refused (modules/cluster).
TEST(Registry, PeersMayAskForWhatIsAboutTheCluster) {
    std::set<std::string_view> may;
    for (const Domain* domain : domains::registry().domains())
        for (const Command& command : domain->commands)
            if (command.peers != Peers::never) may.insert(command.name);
    EXPECT_EQ(may, (std::set<std::string_view>{"activate_features", "create_api_key", "create_join_token",
                                               "create_merchant", "create_setup_token", "init_cluster",
                                               "revoke_api_key", "rotate_cluster_authority",
                                               "update_cluster_node"}));
}

// Whatever concerns a merchant needs one, and is somebody's permission.
TEST(Registry, CommandsOfMerchantsHaveAPermission) {
    for (const Domain* domain : domains::registry().domains())
        for (const Command& command : domain->commands) {
            if (command.concerns == Concerns::merchant) {
                EXPECT_NE(command.permission.value, &machine::kPlatform) << command.name.value;
            }
        }
}

}  // namespace
}  // namespace kontor::payments::testing
