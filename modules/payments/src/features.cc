#include "kontor/payments/features.h"

#include "kontor/commands.pb.h"

namespace kontor::payments {
namespace {

struct CommandLevel {
    pb::Command::BodyCase body;
    std::uint32_t level;
};

#ifdef KONTOR_FEATURE_LEVEL_FOR_TESTS
// The next version, as far as tests need one: it has one level more, and says that a command needs it.
constexpr std::uint32_t kNewestFeatureLevel = KONTOR_FEATURE_LEVEL_FOR_TESTS;
constexpr CommandLevel kCommandLevels[] = {
    {pb::Command::kRotateClusterAuthority, KONTOR_FEATURE_LEVEL_FOR_TESTS}};
#else
constexpr std::uint32_t kNewestFeatureLevel = 2;
// What came after the first release; all else needs kFirstFeatureLevel. The first row stands for no command.
constexpr CommandLevel kCommandLevels[] = {{pb::Command::BODY_NOT_SET, kFirstFeatureLevel}};
#endif

}  // namespace

std::uint32_t feature_level() {
    return kNewestFeatureLevel;
}

std::uint32_t level_needed(const pb::Command& command) {
    for (const CommandLevel& row : kCommandLevels)
        if (row.body == command.body_case()) return row.level;
    return kFirstFeatureLevel;
}

}  // namespace kontor::payments
