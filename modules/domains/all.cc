#include "domains/all.h"

#include <array>
#include <utility>

#include "domains/roles.h"
#include "kontor/machine/check.h"
#include "lists/domains.h"

namespace kontor {
namespace {

using lists::kDomains;

static_assert(machine::command_numbers_distinct(kDomains), "two commands have the same number");
static_assert(machine::command_names_distinct(kDomains), "two commands have the same name");
static_assert(machine::commands_are_complete(kDomains),
              "a command has no name, or an outcome that no domain lists");
static_assert(machine::outcome_numbers_distinct(kDomains), "two outcomes have the same number");
static_assert(machine::outcome_names_distinct(kDomains), "two outcomes have the same name");
static_assert(machine::objects_distinct(kDomains), "two objects have the same number, name or id prefix");
#ifndef KONTOR_SANITIZED  // under which GCC does not take a function's address for a constant
static_assert(machine::objects_have_their_numbers(kDomains),
              "what is only rendered is numbered from 1,000 on, and everything else below");
#endif
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

constexpr std::size_t operations_listed() {
    std::size_t count = 0;
    for (const auto& of_domain : lists::kOperations) count += of_domain.size();
    return count;
}
constexpr const attempts::Operation& operation_at(std::size_t i) {
    std::size_t domain = 0;
    for (; i >= lists::kOperations[domain].size(); ++domain) i -= lists::kOperations[domain].size();
    return lists::kOperations[domain][i];
}
template <std::size_t... I>
constexpr auto join_operations(std::index_sequence<I...> /*positions*/) {
    return std::array{operation_at(I)...};
}
constexpr auto kOperations = join_operations(std::make_index_sequence<operations_listed()>());

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
