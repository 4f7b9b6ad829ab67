#include "kontor/machine/features.h"

#include "kontor/machine/domain.h"

namespace kontor::machine {
namespace {

#ifdef KONTOR_FEATURE_LEVEL_FOR_TESTS
constexpr std::uint32_t kNewestFeatureLevel = KONTOR_FEATURE_LEVEL_FOR_TESTS;
#else
constexpr std::uint32_t kNewestFeatureLevel = 2;  // what came with it is in use everywhere since format 2
#endif

}  // namespace

std::uint32_t feature_level() {
    return kNewestFeatureLevel;
}

std::uint32_t level_needed(const Registry& registry, const pb::Command& command) {
    const Command* record = registry.command(command.kind());
    // A command that this binary does not know: no level of its own suffices.
    return record == nullptr ? kNewestFeatureLevel + 1 : static_cast<std::uint32_t>(record->since);
}

}  // namespace kontor::machine
