#include "domains/all.h"

#include <array>

#include "domains/accounts/domain.h"
#include "domains/approvals/domain.h"
#include "domains/attempts/domain.h"
#include "domains/attempts/operations.h"
#include "domains/balances/domain.h"
#include "domains/channels/domain.h"
#include "domains/customers/domain.h"
#include "domains/instance/domain.h"
#include "domains/keys/domain.h"
#include "domains/ledger_book/domain.h"
#include "domains/members/domain.h"
#include "domains/operators/domain.h"
#include "domains/payments/domain.h"
#include "domains/payments/operations.h"
#include "domains/refunds/domain.h"
#include "domains/refunds/operations.h"
#include "domains/roles.h"
#include "domains/webhooks/domain.h"
#include "kontor/machine/check.h"
#include "kontor/machine/frame.h"

namespace kontor {
namespace {

// One line a domain. The order is that in which their due work has its turn.
constexpr std::array<const machine::Domain*, 15> kDomains = {
    &machine::kFrame,      &balances::kDomain, &webhooks::kDomain, &operators::kDomain, &members::kDomain,
    &ledger_book::kDomain, &accounts::kDomain, &keys::kDomain,     &instance::kDomain,  &customers::kDomain,
    &payments::kDomain,    &refunds::kDomain,  &attempts::kDomain, &channels::kDomain,  &approvals::kDomain,
};

static_assert(machine::command_numbers_distinct(kDomains), "two commands have the same number");
static_assert(machine::command_names_distinct(kDomains), "two commands have the same name");
static_assert(machine::commands_are_complete(kDomains),
              "a command has no name, or an outcome that no domain lists");
static_assert(machine::outcome_numbers_distinct(kDomains), "two outcomes have the same number");
static_assert(machine::outcome_names_distinct(kDomains), "two outcomes have the same name");
static_assert(machine::objects_distinct(kDomains), "two objects have the same number, name or id prefix");
static_assert(machine::tables_distinct(kDomains), "two tables have the same number or name");
static_assert(machine::events_distinct(kDomains), "two domains have the same event");
static_assert(machine::links_distinct(kDomains),
              "two kinds of links, or of the outbox, have the same letter");
static_assert(machine::due_distinct(kDomains), "two queues of due work have the same kind and clock");
static_assert(machine::queues_have_their_share(kDomains), "every queue has its share in one Tick");
static_assert(machine::hooks_are_single(kDomains),
              "one domain lets in, one announces, one knows people, and one what needs two of them");
static_assert(machine::approvals_are_sound(kDomains),
              "what needs approval is a person's to do, and its fields are described: each once");

// What channels can be asked to do, by the domains that ask.
constexpr auto kOperations = [] {
    std::array<attempts::Operation, payments::kOperations.size() + refunds::kOperations.size()> all = {
        payments::kOperations[0], payments::kOperations[1], payments::kOperations[2],
        payments::kOperations[3], refunds::kOperations[0]};
    return all;
}();

constexpr bool operations_distinct() {
    for (std::size_t i = 0; i < kOperations.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (kOperations[i].operation.value == kOperations[j].operation.value) return false;
    return true;
}
static_assert(operations_distinct(), "two domains have the same operation of a channel");
static_assert(kOperations.size() == pb::ChannelOperation_ARRAYSIZE - 1, "an operation has no record");

}  // namespace

namespace domains {

const machine::Registry& registry() {
    static const machine::Registry all(kDomains, roles(), kSecretKey);
    return all;
}

}  // namespace domains

std::span<const attempts::Operation> attempts::operations() {
    return kOperations;
}

}  // namespace kontor
