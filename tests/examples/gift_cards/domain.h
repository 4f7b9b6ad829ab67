#pragma once
// Gift cards: the records that the frame works with.

#include <array>
#include <span>
#include <string_view>

#include "examples/gift_cards/commands.h"
#include "examples/gift_cards/gift_cards.h"
#include "examples/gift_cards/gift_cards_bodies.pb.h"
#include "examples/gift_cards/ids.h"
#include "examples/gift_cards/invariants.h"
#include "examples/gift_cards/outcomes.h"
#include "examples/gift_cards/permissions.h"
#include "examples/gift_cards/tables.h"
#include "kontor/machine/features.h"
#include "kontor/machine/records.h"

namespace kontor::gift_cards {

inline constexpr std::array<const machine::Outcome*, 1> kOutcomes = {&outcome::too_many};

// clang-format off
inline constexpr std::array kCommands = {
    machine::Command{
        .number = pb::kCreateGiftCardFieldNumber,
        .name = "create_gift_card",
        .concerns = machine::Concerns::merchant,
        .since = machine::kFirstFeatureLevel,
        .permission = &permission::write,
        .approval = machine::Approval::never,
        .repeatable = machine::Repeatable::no,
        .peers = machine::Peers::never,
        .weight = &machine::one,
        .outcomes = std::span<const machine::Outcome* const>(kOutcomes),
        .run = &machine::run_body<pb::create_gift_card, &create_gift_card>,
    },
};

inline constexpr std::array kObjects = {
machine::ObjectKind{
    .number = pb::kGiftCardFieldNumber,
    .name = "gift_card",
    .prefix = prefix::gift_card,
    .shape = &kGiftCardShape,
    .follow = +[](const pb::Object& object, std::string_view field) {
        return gift_card_reference(object.GetExtension(pb::gift_card), field);
    },
    .find = &machine::find_object<pb::gift_card, &find_gift_card>,
    .number_of = +[](const pb::Object& object) { return object.GetExtension(pb::gift_card).no(); },
    .json = +[](const pb::Object& object, const machine::Expansion& expansion) {
        return gift_card_json(object.GetExtension(pb::gift_card), expansion);
    },
    .event_json = +[](const pb::Object& object) { return gift_card_json(object.GetExtension(pb::gift_card)); },
},
};
// clang-format on

inline constexpr std::array<std::string_view, 1> kEvents = {"gift_card.created"};
inline constexpr std::array kLinks = {
    machine::Link{.kind = kCustomerGiftCard, .holds = &is_card_of_customer},
};
inline constexpr std::array kInvariants = {
    machine::Invariant{.name = "gift cards are worth something and are found by their customers",
                       .check = &check_gift_cards},
};

inline constexpr machine::Domain kDomain = {
    .name = "gift_cards",
    .commands = kCommands,
    .outcomes = kOutcomes,
    .objects = kObjects,
    .events = kEvents,
    .tables = kTables,
    .links = kLinks,
    .invariants = kInvariants,
};

}  // namespace kontor::gift_cards
