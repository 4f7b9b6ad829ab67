// Many storms. One seed: KONTOR_SEED=n. More of them: KONTOR_SIM_SEEDS=n, from KONTOR_FIRST_SEED on. To watch
// a guard's failure happen: KONTOR_SIM_WITHOUT=<its number> (111: the leader's part of 11).

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "storm.h"
#include "support/environment.h"

namespace kontor::replication::test {
namespace {

GuardOptions guards_without(std::uint64_t number) {
    GuardOptions guards;
    switch (number) {
        case 1:
            guards.clip_reports = false;
            break;
        case 2:
            guards.bump_sole_voter_term = false;
            break;
        case 3:
            guards.keep_leader_a_voter = false;
            break;
        case 4:
            guards.own_term_before_change = false;
            break;
        case 5:
            guards.split_at_change = false;
            break;
        case 6:
            guards.anchor_at_snapshot = false;
            break;
        case 7:
            guards.drop_stale = false;
            break;
        case 8:
            guards.drop_late_rejects = false;
            break;
        case 9:
            guards.vote_as_voter = false;
            break;
        case 10:
            guards.show_own_term = false;
            break;
        case 11:
            guards.hold_back_change = false;
            break;
        case 111:
            guards.match_before_change = false;
            break;
        default:
            break;
    }
    return guards;
}

// The checks can fail: with a guard switched off they do.
TEST(Storm, NoticesAMissingGuard) {
    for (const std::uint64_t guard : {2U, 3U, 5U, 6U, 9U}) {
        std::string problem;
        for (std::uint64_t seed = 1; seed <= 300 && problem.empty(); ++seed) {
            SimOptions options = storm_options(seed);
            options.guards = guards_without(guard);
            problem = Storm(options).run();
        }
        EXPECT_NE(problem, "") << "guard " << guard;
    }
}

TEST(Storm, NothingIsLostAndNothingGetsStuck) {
    std::uint64_t first = kontor_test::first_seed();
    std::uint64_t count = 1000;
    if (const char* many = std::getenv("KONTOR_SIM_SEEDS")) count = std::strtoull(many, nullptr, 10);
    if (const char* one = std::getenv("KONTOR_SEED")) {
        first = std::strtoull(one, nullptr, 10);
        count = 1;
    }
    const bool bounded = std::getenv("KONTOR_SIM_SEEDS") == nullptr;
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(25);
    SimStats sum;
    std::uint64_t failed = 0, two_lost = 0;
    std::uint64_t done = 0;
    for (std::uint64_t seed = first; seed < first + count; ++seed, ++done) {
        if (bounded && done >= 20 && std::chrono::steady_clock::now() > give_up) break;  // a slow machine
        SimOptions options = storm_options(seed);
        if (const char* guard = std::getenv("KONTOR_SIM_WITHOUT")) {
            options.guards = guards_without(std::strtoull(guard, nullptr, 10));
        }
        Storm storm(options);
        const std::string problem = storm.run();
        sum.add(storm.stats());
        two_lost += storm.two_lost();
        if (problem.empty()) continue;
        ADD_FAILURE() << problem;
        if (++failed == 10) break;
    }
    const auto n = [](std::uint64_t value) { return static_cast<unsigned long long>(value); };
    std::printf(
        "seeds %llu from %llu, failed %llu: commits %llu, elections %llu, crashes %llu, truncations %llu, "
        "changes "
        "%llu, transfers %llu, checkpoints %llu, installs %llu (%llu kept the log), machines replaced %llu, "
        "two at once %llu, starts "
        "as sole voter %llu\n",
        n(done), n(first), n(failed), n(sum.commits), n(sum.elections), n(sum.crashes), n(sum.truncations),
        n(sum.changes), n(sum.transfers), n(sum.checkpoints), n(sum.installs), n(sum.installs_kept_log),
        n(sum.replaced), n(two_lost), n(sum.sole_voter_starts));
    if (done < 20 || failed > 0) return;
    // The storm really blew.
    EXPECT_GT(sum.crashes, 5 * done);
    EXPECT_GT(sum.elections, 5 * done);
    EXPECT_GT(sum.changes, 2 * done);
    EXPECT_GT(sum.checkpoints, 5 * done);
    EXPECT_GT(sum.installs, done);
    EXPECT_GT(sum.transfers, done / 4);
    EXPECT_GT(sum.replaced, done / 4);
    EXPECT_GT(sum.sole_voter_starts, done / 4);
}

}  // namespace
}  // namespace kontor::replication::test
