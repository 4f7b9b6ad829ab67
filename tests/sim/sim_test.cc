// Many storms over whole servers.
//
//   KONTOR_SEED=n        one seed; a failing one says its own
//   KONTOR_SIM_FAULT=n   of the tests of the tests, only this fault
//   KONTOR_SIM_SEEDS=n   so many (at night), from KONTOR_FIRST_SEED on; without it, what 35 seconds allow

#include <gtest/gtest.h>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "kontor/base/log.h"
#include "storm.h"
#include "support/environment.h"

namespace kontor::sim {
namespace {

using kontor_test::from_environment;

char running[64];  // what to say when an assertion ends the process

void say_seed(int signal) {
    [[maybe_unused]] const auto n = ::write(STDERR_FILENO, running, std::strlen(running));
    std::signal(signal, SIG_DFL);
    std::raise(signal);
}

class Simulation : public ::testing::Test {
 protected:
    void SetUp() override {
        log::set_level(log::Level::error);
        std::signal(SIGABRT, say_seed);
        std::signal(SIGSEGV, say_seed);
    }
    static std::string run(Storm& storm, std::uint64_t seed) {
        std::snprintf(running, sizeof running, "KONTOR_SEED=%llu ended the process\n",
                      static_cast<unsigned long long>(seed));
        return storm.run();
    }
};

// The checks can fail: with a fault built in they do.
TEST_F(Simulation, NoticesFaults) {
    for (const Fault fault :
         {Fault::disk_lies, Fault::early_acknowledge, Fault::loses_posting, Fault::applies_twice,
          Fault::swaps_before_mark, Fault::forgets_checkpoint, Fault::outruns_log, Fault::no_marker,
          Fault::no_memory, Fault::trusts_role, Fault::counts_unopened, Fault::reads_wall_clock}) {
        const auto only = from_environment("KONTOR_SIM_FAULT", 0);
        if (only != 0 && only != static_cast<std::uint64_t>(fault)) continue;
        std::string problem;
        for (std::uint64_t seed = 1; seed <= 600 && problem.empty(); ++seed) {
            Options options = storm_options(seed);
            options.fault = fault;
            options.freezes_leaders = fault == Fault::trusts_role;
            Storm storm(options);
            problem = run(storm, seed);
        }
        EXPECT_NE(problem, "") << "fault " << static_cast<int>(fault);
        std::printf("fault %d: %s\n", static_cast<int>(fault), problem.substr(0, problem.find('\n')).c_str());
    }
}

// The same seed is the same storm.
TEST_F(Simulation, IsTheSameEveryTime) {
    for (const std::uint64_t seed : {7U, 10U}) {
        std::vector<std::uint64_t> seen[2];
        for (auto& numbers : seen) {
            Storm storm(storm_options(seed));
            EXPECT_EQ(run(storm, seed), "");
            numbers = {storm.stats().applied, storm.stats().crashes, storm.stats().lost_writes,
                       storm.shop().acknowledged, storm.shop().unknown};
        }
        EXPECT_EQ(seen[0], seen[1]) << seed;
    }
}

TEST_F(Simulation, LosesNothingAndNeverGetsStuck) {
    std::uint64_t first = kontor_test::first_seed();
    std::uint64_t count = from_environment("KONTOR_SIM_SEEDS", 2'000);
    if (std::getenv("KONTOR_SEED") != nullptr) {
        first = from_environment("KONTOR_SEED", 1);
        count = 1;
    }
    const bool bounded = std::getenv("KONTOR_SIM_SEEDS") == nullptr;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(35);
    Stats sum;
    std::uint64_t done = 0, failed = 0, acknowledged = 0, retried = 0, replayed = 0, unknown = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed, ++done) {
        if (bounded && done >= 20 && std::chrono::steady_clock::now() > give_up) break;
        Storm storm(storm_options(seed));
        const std::string problem = run(storm, seed);
        sum.add(storm.stats());
        acknowledged += storm.shop().acknowledged;
        retried += storm.shop().retried;
        replayed += storm.shop().replayed;
        unknown += storm.shop().unknown;
        if (problem.empty()) continue;
        ADD_FAILURE() << problem;
        if (++failed == 10) break;
    }
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "seeds %llu from %llu, failed %llu: entries %llu, applied %llu, acknowledged commands %llu, unknown "
        "%llu, asked again %llu, given again %llu, elections %llu, crashes %llu (%llu in a disk operation, "
        "%llu in a checkpoint), writes lost %llu, torn %llu, changes %llu, transfers %llu, checkpoints %llu, "
        "installs %llu (cut %llu, %llu held the log), machines replaced %llu, take-overs %llu (cut %llu), "
        "backups %llu, put back %llu (%llu noticed, %llu told by others), clocks set %llu, freezes %llu "
        "(%llu "
        "leaders), reads %llu (%llu refused), shortages %llu (%llu fatal)\n",
        n(done), n(first), n(failed), n(sum.commits), n(sum.applied), n(acknowledged), n(unknown), n(retried),
        n(replayed), n(sum.elections), n(sum.crashes), n(sum.power_cuts_at_work), n(sum.deaths_in_checkpoint),
        n(sum.lost_writes), n(sum.torn_writes), n(sum.changes), n(sum.transfers), n(sum.checkpoints),
        n(sum.installs), n(sum.installs_cut), n(sum.holds), n(sum.replaced), n(sum.take_overs),
        n(sum.take_overs_cut), n(sum.backups), n(sum.put_back), n(sum.put_back_noticed), n(sum.put_back_told),
        n(sum.clocks_set), n(sum.freezes), n(sum.frozen_leaders), n(sum.reads), n(sum.reads_refused),
        n(sum.shortages), n(sum.shortages_fatal));
    if (done < 20 || failed > 0) return;
    // The storm really blew.
    EXPECT_GT(acknowledged, 50 * done);
    EXPECT_GT(replayed, done);
    EXPECT_GT(sum.crashes, 5 * done);
    EXPECT_GT(sum.power_cuts_at_work, done / 2);
    EXPECT_GT(sum.elections, 3 * done);
    EXPECT_GT(sum.changes, 2 * done);
    EXPECT_GT(sum.checkpoints, 3 * done);
    EXPECT_GT(sum.installs, done / 2);
    EXPECT_GT(sum.torn_writes, done);
    EXPECT_GT(sum.replaced, done / 8);
    EXPECT_GT(sum.take_overs, done / 20);
    EXPECT_GT(sum.put_back_noticed, done / 40);
    EXPECT_GE(sum.put_back_told, done / 80);  // few: most are noticed by the marker
    EXPECT_GT(sum.clocks_set, 2 * done);
    EXPECT_GT(sum.freezes, done);
    EXPECT_GT(sum.frozen_leaders, done / 4);
    EXPECT_GT(sum.reads, 10 * done);
    EXPECT_GT(sum.reads_refused, done);
    EXPECT_GT(sum.shortages, done);
    EXPECT_GT(sum.shortages_fatal, done / 4);
}

}  // namespace
}  // namespace kontor::sim
