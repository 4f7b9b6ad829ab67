#pragma once
// What must hold over all domains, at compile time: no number, name or prefix is there twice, and each queue
// has its share of a Tick. Used where the list of domains is (modules/domains/all.cc).

#include <array>
#include <cstddef>
#include <string_view>

#include "kontor/base/object_id.h"
#include "kontor/machine/domain.h"
#include "kontor/machine/limits.h"

namespace kontor::machine {

// True when no two of `values` are the same.
template <typename T, std::size_t Max>
struct Distinct {
    std::array<T, Max> values{};
    std::size_t size = 0;
    bool ok = true;
    constexpr void add(const T& value) {
        for (std::size_t i = 0; i < size; ++i)
            if (values[i] == value) ok = false;
        if (size == Max)
            ok = false;  // raise Max
        else
            values[size++] = value;
    }
};

// One check each, so that the message of the assertion says which it is.
template <typename T, typename Visit>
constexpr bool are_distinct(std::span<const Domain* const> domains, Visit visit) {
    Distinct<T, 1024> seen;
    for (const Domain* domain : domains) visit(*domain, seen);
    return seen.ok;
}
constexpr bool command_numbers_distinct(std::span<const Domain* const> domains) {
    return are_distinct<std::uint32_t>(domains, [](const Domain& domain, auto& seen) {
        for (const Command& command : domain.commands) seen.add(command.number);
    });
}
constexpr bool command_names_distinct(std::span<const Domain* const> domains) {
    return are_distinct<std::string_view>(domains, [](const Domain& domain, auto& seen) {
        for (const Command& command : domain.commands) seen.add(command.name);
    });
}
constexpr bool outcome_numbers_distinct(std::span<const Domain* const> domains) {
    return are_distinct<std::uint32_t>(domains, [](const Domain& domain, auto& seen) {
        for (const Outcome* outcome : domain.outcomes) seen.add(outcome->number);
    });
}
constexpr bool outcome_names_distinct(std::span<const Domain* const> domains) {
    return are_distinct<std::string_view>(domains, [](const Domain& domain, auto& seen) {
        for (const Outcome* outcome : domain.outcomes) seen.add(outcome->name);
    });
}
constexpr bool objects_distinct(std::span<const Domain* const> domains) {
    return are_distinct<std::uint32_t>(domains,
                                       [](const Domain& domain, auto& seen) {
                                           for (const ObjectKind& kind : domain.objects)
                                               seen.add(kind.number);
                                       }) &&
           are_distinct<std::string_view>(domains,
                                          [](const Domain& domain, auto& seen) {
                                              for (const ObjectKind& kind : domain.objects)
                                                  seen.add(kind.name);
                                          }) &&
           are_distinct<std::string_view>(domains, [](const Domain& domain, auto& seen) {
               for (const ObjectKind& kind : domain.objects) seen.add(kind.prefix);
           });
}
// Some messages in Object have no record, such as those that the back office alone shows: what is only
// rendered takes no number that could be theirs.
constexpr bool objects_have_their_numbers(std::span<const Domain* const> domains) {
    for (const Domain* domain : domains)
        for (const ObjectKind& kind : domain->objects)
            if ((kind.find.value == nullptr) != (kind.number.value >= kFirstRenderedObject)) return false;
    return true;
}
constexpr bool tables_distinct(std::span<const Domain* const> domains) {
    return are_distinct<store::TableId>(domains,
                                        [](const Domain& domain, auto& seen) {
                                            for (const store::TableSpec& spec : domain.tables)
                                                seen.add(spec.id);
                                        }) &&
           are_distinct<std::string_view>(domains, [](const Domain& domain, auto& seen) {
               for (const store::TableSpec& spec : domain.tables) seen.add(spec.name);
           });
}
constexpr bool events_distinct(std::span<const Domain* const> domains) {
    return are_distinct<std::string_view>(domains, [](const Domain& domain, auto& seen) {
        for (const std::string_view type : domain.events) seen.add(type);
    });
}
constexpr bool links_distinct(std::span<const Domain* const> domains) {
    return are_distinct<char>(domains,
                              [](const Domain& domain, auto& seen) {
                                  for (const Link& link : domain.links)
                                      seen.add(static_cast<char>(link.kind.value));
                              }) &&
           are_distinct<char>(domains, [](const Domain& domain, auto& seen) {
               for (const Outbox& outbox : domain.outboxes) seen.add(static_cast<char>(outbox.kind.value));
           });
}
constexpr bool due_distinct(std::span<const Domain* const> domains) {
    return are_distinct<int>(domains, [](const Domain& domain, auto& seen) {
        for (const DueQueue& queue : domain.due)
            seen.add(static_cast<int>(static_cast<DueKind>(queue.kind)) * 256 +
                     static_cast<int>(static_cast<DueClock>(queue.clock)));
    });
}
constexpr bool queues_have_their_share(std::span<const Domain* const> domains) {
    std::size_t queues = 0;
    for (const Domain* domain : domains) queues += domain->due.size() + domain->own_queues.size();
    return queues * limits::kDueShare <= limits::kDuePerEntry &&
           queues * limits::kNumbersPerDueRow <= kMaxObjectsPerCommand;
}
// Commands that concern a merchant are let in by one domain, and events told to others by one; one knows
// people, and one what needs two of them.
constexpr bool hooks_are_single(std::span<const Domain* const> domains) {
    int enter = 0;
    int announce = 0;
    int role_of = 0;
    int hold = 0;
    for (const Domain* domain : domains) {
        enter += domain->enter ? 1 : 0;
        announce += domain->announce ? 1 : 0;
        role_of += domain->role_of ? 1 : 0;
        hold += domain->hold ? 1 : 0;
    }
    return enter == 1 && announce == 1 && role_of == 1 && hold == 1;
}
// What somebody else may have to approve is shown to him: each field once, ids with their prefix, messages
// with their parts, secrets where they can be taken out again.
constexpr bool fields_are_sound(std::span<const CommandField> fields, bool in_message) {
    for (std::size_t i = 0; i < fields.size(); ++i) {
        const CommandField& field = fields[i];
        if (field.number.value == 0 || field.name.value.empty()) return false;
        if ((field.shown.value == Shown::id) == field.prefix.empty()) return false;
        if ((field.shown.value == Shown::messages) == field.parts.empty()) return false;
        if (in_message && field.shown.value == Shown::secret) return false;
        if (!fields_are_sound(field.parts, true)) return false;
        for (std::size_t j = 0; j < i; ++j)
            if (fields[j].number.value == field.number.value || fields[j].name.value == field.name.value)
                return false;
    }
    return true;
}
// Merchants' programs are no people, and workers neither: only what a person can be allowed to do needs two
// of them.
constexpr bool approvals_are_sound(std::span<const Domain* const> domains) {
    for (const Domain* domain : domains) {
        for (const Command& command : domain->commands) {
            const Approval& approval = command.approval.value;
            if (!approval.may_be_asked.value &&
                (!approval.fields.value.empty() || approval.amount.value != nullptr))
                return false;
            if (!approval.may_be_asked.value) continue;
            if (approval.fields.value.empty() || !fields_are_sound(approval.fields.value, false))
                return false;
            if (command.concerns.value == Concerns::worker ||
                command.permission.value->name == kPlatform.name)
                return false;
        }
    }
    return true;
}
// An outcome that a command names is listed by a domain. (Functions and permissions are RequiredPointer: none
// can be missing.)
constexpr bool commands_are_complete(std::span<const Domain* const> domains) {
    for (const Domain* domain : domains) {
        for (const Command& command : domain->commands) {
            if (command.name.value.empty() || command.permission.value->name.empty() ||
                command.permission.value->name == kAnybody.name)
                return false;
            for (const Outcome* wanted : command.outcomes.value) {
                bool listed = false;
                for (const Domain* other : domains)
                    for (const Outcome* known : other->outcomes)
                        listed = listed || known->number == wanted->number;
                if (!listed) return false;
            }
        }
    }
    return true;
}

}  // namespace kontor::machine
