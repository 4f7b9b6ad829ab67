#include "kontor/machine/actor.h"

#include "kontor/machine.pb.h"
#include "kontor/machine/refuse.h"

namespace kontor::machine {

static_assert(pb::Actor::Kind_ARRAYSIZE == 4, "a new kind of actor is let in below, or is not");

const Role* role_of_operator(const Registry& registry, const store::Reader& rows, std::uint64_t no) {
    const auto name = registry.role_of(rows, no);
    return name ? registry.role(*name) : nullptr;
}

bool may_run(const Registry& registry, const store::Reader& rows, const pb::Actor& actor,
             const Command& command) {
    const Permission& needed = *command.permission.value;
    switch (actor.kind()) {
        case pb::Actor::SYSTEM:
        case pb::Actor::CHANNEL:
            return true;
        case pb::Actor::API_KEY:
            return registry.keys_may(command.number);
        case pb::Actor::OPERATOR: {
            if (&needed == &kPlatform) return true;  // signing in: before there is anybody to ask
            const Role* const role = role_of_operator(registry, rows, actor.no());
            return role != nullptr && role->may(needed);
        }
        default:
            return false;  // a kind that this version does not know
    }
}

pb::Result not_permitted(const Permission& permission) {
    return refuse(outcome::permission_denied,
                  "This needs the permission '" + std::string(permission.name) + "'.");
}

}  // namespace kontor::machine
