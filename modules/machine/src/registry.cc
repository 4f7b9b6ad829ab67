#include "kontor/base/assert.h"
#include "kontor/ledger/ledger.h"
#include "kontor/machine/domain.h"

namespace kontor::machine {
namespace {

template <typename T>
void index_by_number(std::vector<const T*>& by_number, std::uint32_t number, const T& record) {
    if (by_number.size() <= number) by_number.resize(number + 1);
    by_number[number] = &record;
}

}  // namespace

Registry::Registry(std::span<const Domain* const> domains, std::span<const Role> roles,
                   std::string_view key_role)
    : domains_(domains), roles_(roles) {
    const Role* const of_keys = role(key_role);
    tables_.assign(ledger::tables().begin(), ledger::tables().end());
    for (const Domain* domain : domains) {
        for (const Command& command : domain->commands) index_by_number(commands_, command.number, command);
        for (const Outcome* outcome : domain->outcomes) index_by_number(outcomes_, outcome->number, *outcome);
        for (const ObjectKind& kind : domain->objects) index_by_number(objects_, kind.number, kind);
        tables_.insert(tables_.end(), domain->tables.begin(), domain->tables.end());
        due_.insert(due_.end(), domain->due.begin(), domain->due.end());
        own_.insert(own_.end(), domain->own_queues.begin(), domain->own_queues.end());
        events_.insert(events_.end(), domain->events.begin(), domain->events.end());
        enter = domain->enter.value_or(enter);
        announce = domain->announce.value_or(announce);
        role_of = domain->role_of.value_or(role_of);
        hold = domain->hold.value_or(hold);
    }
    KONTOR_ASSERT(
        enter != nullptr && announce != nullptr && role_of != nullptr && hold != nullptr,
        "some domain has merchants, one tells of events, one knows people, one what needs two of them");
    keys_may_.resize(commands_.size());
    for (const Command* command : commands_)
        if (command != nullptr && of_keys != nullptr)
            keys_may_[command->number] = of_keys->may(*command->permission.value) ? 1 : 0;
}

const Role* Registry::role(std::string_view name) const {
    for (const Role& one : roles_)
        if (one.name.value == name) return &one;
    return nullptr;
}

const ObjectKind* Registry::object(std::string_view name) const {
    for (const ObjectKind* kind : objects_)
        if (kind != nullptr && kind->name.value == name) return kind;
    return nullptr;
}

const ObjectKind* Registry::object_by_prefix(std::string_view id_prefix) const {
    for (const ObjectKind* kind : objects_)
        if (kind != nullptr && kind->prefix.value == id_prefix) return kind;
    return nullptr;
}

}  // namespace kontor::machine
