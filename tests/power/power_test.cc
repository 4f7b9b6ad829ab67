// Power cuts, simulated at the file layer under the whole node, LMDB included (disk.h). Whatever is lost,
// torn or reordered of what was not synced: every acknowledged command is there with its answer, nothing is
// there by half, the ledger holds, and the state is that of a replay of the whole log. Each seed cuts the
// power several times, also in the middle of a recovery.
//
// KONTOR_SEED=n runs that seed alone, KONTOR_POWER_SEEDS=n so many (200). Threads differ from run to run, so
// a seed may need repeating: what a failed one found when it started is kept, and named.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <thread>

#include "world.h"

namespace kontor::power {
namespace {

constexpr std::uint64_t kFirstSeed = 1'000;

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
    const char* given = std::getenv(name);
    return given != nullptr ? std::strtoull(given, nullptr, 10) : otherwise;
}

std::string place_of(std::uint64_t seed) {
    return (std::filesystem::temp_directory_path() /
            ("kontor-power-" + std::to_string(::getpid()) + "-" + std::to_string(seed)))
        .string();
}

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

// In a child: it may die of what it finds. True: nothing was found.
pid_t start_child(std::uint64_t seed, const Ignored& ignored, bool quiet) {
    std::cout << std::flush;
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (std::freopen("/dev/null", "w", quiet ? stderr : stdout) == nullptr) ::_exit(2);
    const std::string problem = run_seed(seed, ignored);
    if (!problem.empty()) std::cerr << "seed " << seed << ": " << problem << std::endl;
    if (quiet) {
        std::error_code ignored_error;
        std::filesystem::remove_all(place_of(seed), ignored_error);
    }
    ::_exit(problem.empty() ? 0 : 1);
}

// The seeds that find a problem.
std::vector<std::uint64_t> run_seeds(std::vector<std::uint64_t> seeds, const Ignored& ignored, bool quiet) {
    std::vector<std::uint64_t> failed;
    std::map<pid_t, std::uint64_t> running;
    const std::size_t together = std::max(1U, std::thread::hardware_concurrency());
    std::reverse(seeds.begin(), seeds.end());
    while (!seeds.empty() || !running.empty()) {
        if (!seeds.empty() && running.size() < together && (!quiet || failed.empty())) {
            running.emplace(start_child(seeds.back(), ignored, quiet), seeds.back());
            seeds.pop_back();
            continue;
        }
        if (running.empty()) break;
        int status = 0;
        const pid_t child = ::wait(&status);
        if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
            failed.push_back(running.at(child));
            if (!quiet)
                std::cerr << "KONTOR_SEED=" << running.at(child) << " failed"
                          << (WIFSIGNALED(status) ? " by signal " + std::to_string(WTERMSIG(status)) : "")
                          << std::endl;
        }
        running.erase(child);
    }
    return failed;
}

std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (std::getenv("KONTOR_SEED") != nullptr) return {from_environment("KONTOR_SEED", 0)};
    std::vector<std::uint64_t> out;
    for (std::uint64_t seed = kFirstSeed; out.size() < count; ++seed) out.push_back(seed);
    return out;
}

TEST(PowerCut, NothingAcknowledgedIsLost) {
    const auto failed = run_seeds(seeds(from_environment("KONTOR_POWER_SEEDS", 200)), nullptr, false);
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
