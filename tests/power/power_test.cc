// Power cuts, simulated at the file layer under the whole node, LMDB included (disk.h). Whatever is lost,
// torn or reordered of what was not synced: every acknowledged command is there with its answer, nothing is
// there by half, the ledger holds, and the state is that of a replay of the whole log. Each seed cuts the
// power several times, also in the middle of a recovery.
//
// KONTOR_SEED=n runs that seed alone, KONTOR_POWER_SEEDS=n so many (200). Threads differ from run to run, so
// a seed may need repeating: what a failed one found when it started is kept, and named.

#include <gtest/gtest.h>
#include <cstdlib>
#include <iostream>

#include "children.h"
#include "world.h"

namespace kontor::power {
namespace {

constexpr std::uint64_t kFirstSeed = 1'000;

using Ignored = std::function<bool(const Operation&)>;

// The life of one seed. The first problem; "": none.
std::string run_seed(std::uint64_t seed, const Ignored& ignored) {
    World world(place_of(seed), seed);
    world.is_ignored = ignored;
    auto& random = world.random();
    const std::uint64_t cuts = 2 + random() % 4;
    for (std::uint64_t cut = 0; cut < cuts; ++cut) {
        // Often in the load, sometimes in the start.
        const std::uint64_t at = 1 + random() % (random() % 3 == 0 ? 40 : 700);
        if (random() % 4 == 0) world.check_replay();
        world.live(at, 60);
        if (!world.problems().empty()) return world.problems().front();
    }
    world.check_replay();
    world.live(0, 20);  // unharmed, and stopped cleanly
    if (world.problems().empty()) world.live(0, 5);
    return world.problems().empty() ? "" : world.problems().front();
}

std::vector<std::uint64_t> run_seeds(std::vector<std::uint64_t> seeds, const Ignored& ignored, bool quiet) {
    return run_children(
        std::move(seeds), [&](std::uint64_t seed) { return run_seed(seed, ignored); }, quiet);
}

TEST(PowerCut, NothingAcknowledgedIsLost) {
    const auto failed =
        run_seeds(seeds(kFirstSeed, from_environment("KONTOR_POWER_SEEDS", 200)), nullptr, false);
    for (const std::uint64_t seed : failed) ADD_FAILURE() << "KONTOR_SEED=" << seed;
}

// The test of the test: with one kind of sync left out, or a lying disk, seeds find something soon.
struct Lie {
    const char* name;
    Ignored ignored;
};
bool is_sync_of(const Operation& operation, std::string_view part) {
    return operation.kind == Kind::sync && operation.path.find(part) != std::string::npos;
}
const Lie kLies[] = {
    {"log segments", [](const Operation& o) { return is_sync_of(o, "/log/log-"); }},
    {"names of log segments",
     [](const Operation& o) { return is_sync_of(o, "/log/") && o.path.ends_with("log/"); }},
    {"term and vote", [](const Operation& o) { return is_sync_of(o, "/log/state"); }},
    {"the redo file", [](const Operation& o) { return is_sync_of(o, ".redo"); }},
    {"the redo file's name",
     [](const Operation& o) { return is_sync_of(o, "/redo/") && o.path.ends_with("redo/"); }},
    {"partition pages", [](const Operation& o) { return is_sync_of(o, "data.mdb"); }},
    {"partition meta pages", [](const Operation& o) { return o.kind == Kind::write && o.direct; }},
    {"names of partitions", [](const Operation& o) { return is_sync_of(o, "/partitions.new/"); }},
    {"names in the store",
     [](const Operation& o) { return is_sync_of(o, "/store/") && o.path.ends_with("store/"); }},
    {"names in the data folder", [](const Operation& o) { return o.path == "data/"; }},
    {"the data folder's name", [](const Operation& o) { return o.kind == Kind::sync && o.path == "/"; }},
};

TEST(PowerCut, EachKindOfSyncIsNeeded) {
    constexpr std::uint64_t kBatch = 8, kMost = 160;
    ASSERT_TRUE(run_seeds(
                    {kFirstSeed, kFirstSeed + 1}, [](const Operation&) { return false; }, true)
                    .empty());
    const bool loud = std::getenv("KONTOR_POWER_LOUD") != nullptr;  // what is found without each
    for (const Lie& lie : kLies) {
        std::uint64_t first = 0;
        for (std::uint64_t done = 0; done < kMost && first == 0; done += kBatch) {
            std::vector<std::uint64_t> batch;
            for (std::uint64_t i = 0; i < kBatch; ++i) batch.push_back(kFirstSeed + done + i);
            const auto failed = run_seeds(std::move(batch), lie.ignored, !loud);
            if (!failed.empty()) first = failed.front();
        }
        std::cout << "without a sync of " << lie.name << ": seed " << first << std::endl;
        EXPECT_NE(first, 0U) << "nothing was found without a sync of " << lie.name;
    }
}

}  // namespace
}  // namespace kontor::power
