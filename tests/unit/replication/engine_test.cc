// The two things that made an older engine unsafe for money, held against the one we ship, through our
// driver: entries of older terms are committed only with one of the own term, and a disk that is slower than
// the submissions does not stop the acknowledgements.
//
// One seed: KONTOR_SEED=n. More of them: KONTOR_SEEDS=n.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "cluster_sim.h"
#include "support/environment.h"

namespace kontor::replication::test {
namespace {

std::vector<std::uint64_t> seeds(std::uint64_t count) {
    if (const char* one = std::getenv("KONTOR_SEED")) return {std::strtoull(one, nullptr, 10)};
    if (const char* many = std::getenv("KONTOR_SEEDS")) count = std::strtoull(many, nullptr, 10);
    std::vector<std::uint64_t> out;
    for (std::uint64_t i = 0; i < count; ++i) out.push_back(kontor_test::first_seed() + i);
    return out;
}

// Crashes, cuts and clients for 15 s, then peace; everything must be committed everywhere at the end.
void storm(ClusterSim& sim, std::size_t servers) {
    std::uint64_t next_client = 100;
    std::uint64_t next_chaos = 400;
    std::uint64_t value = 0;
    while (sim.now() < 15'000 && sim.violation().empty()) {
        sim.run_until(std::min(next_client, next_chaos));
        if (sim.now() >= next_client) {
            next_client = sim.now() + sim.random(2, 40);
            for (std::size_t i = 0; i < servers; ++i) {
                if (!sim.up(i) || sim.driver(i).role() != Role::leader) continue;
                if (sim.driver(i).last_index() - sim.driver(i).commit_index() < 60) {
                    sim.submit(i, "value " + std::to_string(++value));
                }
            }
        }
        if (sim.now() < next_chaos) continue;
        next_chaos = sim.now() + sim.random(20, 300);
        const auto who = static_cast<std::size_t>(sim.random(0, servers - 1));
        switch (sim.random(0, 9)) {
            case 0:
                sim.crash(who);
                break;
            case 1:
            case 2:
                if (const auto leader = sim.leader()) sim.crash(*leader);
                break;
            case 3:
            case 4:
            case 5:
                sim.restart(who);
                break;
            case 6:
            case 7: {
                std::vector<int> group;
                for (std::size_t i = 0; i < servers; ++i) group.push_back(static_cast<int>(sim.random(0, 1)));
                sim.partition(group);
                break;
            }
            default:
                sim.heal();
        }
    }
    sim.heal();
    for (std::size_t i = 0; i < servers; ++i) sim.restart(i);
    sim.run_until(sim.now() + 4'000);
    if (const auto leader = sim.leader()) sim.submit(*leader, "last");
    sim.run_until(sim.now() + 5'000);  // a slow disk may have a queue to write
}

TEST(Engine, EntriesOfOlderTermsAreCommittedOnlyWithOneOfTheOwnTerm) {
    SimStats sum;
    const auto list = seeds(60);
    for (const std::uint64_t seed : list) {
        SimOptions options;
        options.seed = seed;
        options.drop = seed % 3 == 0 ? 0.05 : 0.0;
        options.disk_ms_per_write_max = seed % 4 == 0 ? 120 : 15;
        options.max_inflight_entries = static_cast<unsigned>(1 + seed % 4);  // the barrier travels apart
        ClusterSim sim(options);
        storm(sim, options.servers);
        ASSERT_EQ(sim.violation(), "");
        const auto leader = sim.leader();
        ASSERT_TRUE(leader.has_value()) << "no leader in peace, KONTOR_SEED=" << seed;
        for (std::size_t i = 0; i < options.servers; ++i) {
            ASSERT_EQ(sim.driver(i).commit_index(), sim.driver(*leader).last_index())
                << "server " << i + 1 << ", KONTOR_SEED=" << seed;
        }
        sum.add(sim.stats());
    }
    std::printf(
        "seeds %zu: commits %llu, elections %llu (with uncommitted older entries %llu), steps with an older "
        "entry on "
        "a majority %llu, truncations %llu, crashes %llu\n",
        list.size(), static_cast<unsigned long long>(sum.commits),
        static_cast<unsigned long long>(sum.elections),
        static_cast<unsigned long long>(sum.elected_with_older_entries),
        static_cast<unsigned long long>(sum.temptations), static_cast<unsigned long long>(sum.truncations),
        static_cast<unsigned long long>(sum.crashes));
    if (list.size() == 1) return;
    // The schedule really was the dangerous one.
    EXPECT_GT(sum.elected_with_older_entries, list.size());
    EXPECT_GT(sum.temptations, list.size());
    EXPECT_GT(sum.truncations, list.size());
    EXPECT_GT(sum.crashes, 5 * list.size());
    EXPECT_GT(sum.commits, 100 * list.size());
}

// The check above can fail: with disks that say "durable" too early it does.
TEST(Engine, TheHistoryCheckNoticesALyingDisk) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        for (const bool lying : {true, false}) {
            SimOptions options;
            options.seed = seed;
            options.lying_disk = lying;
            options.disk_ms_per_write_min = 50;
            options.disk_ms_per_write_max = 60;
            ClusterSim sim(options);
            sim.run_until(3'000);
            ASSERT_TRUE(sim.leader().has_value());
            for (int i = 0; i < 20; ++i) ASSERT_TRUE(sim.submit(*sim.leader(), std::to_string(i)));
            sim.run_until(3'200);
            for (std::size_t i = 0; i < options.servers; ++i) sim.crash(i);
            for (std::size_t i = 0; i < options.servers; ++i) sim.restart(i);
            sim.run_until(8'000);
            EXPECT_EQ(sim.violation().empty(), !lying) << sim.violation() << " KONTOR_SEED=" << seed;
        }
    }
}

TEST(Engine, SubmittingFasterThanTheDiskDoesNotStarve) {
    for (const std::uint64_t seed : seeds(2)) {
        for (const std::size_t servers : {std::size_t{1}, std::size_t{3}, std::size_t{5}}) {
            SimOptions options;
            options.seed = seed;
            options.servers = options.voters = servers;
            options.disk_ms_per_write_min = options.disk_ms_per_write_max = 0;
            options.disk_us_per_entry = 4'000;  // 250 entries a second
            options.latency_ms_min = 1;
            options.latency_ms_max = 2;
            options.count_temptations = false;  // a walk over the backlog at every step
            ClusterSim sim(options);
            sim.run_until(2'000);
            const auto leader = sim.leader();
            ASSERT_TRUE(leader.has_value());
            const std::uint64_t elections = sim.stats().elections;
            const std::uint64_t start = sim.now();
            std::uint64_t worst_window = UINT64_MAX;
            std::size_t worst_backlog = 0;
            std::uint64_t value = 0;
            for (int window = 0; window < 16; ++window) {
                const std::uint64_t before = sim.committed();
                for (int ms = 0; ms < 250; ++ms) {  // 1,000 entries a second
                    ASSERT_TRUE(sim.submit(*leader, std::to_string(++value))) << "KONTOR_SEED=" << seed;
                    sim.run_until(sim.now() + 1);
                }
                worst_backlog = std::max(worst_backlog, sim.unpersisted(*leader));
                if (window > 0) worst_window = std::min(worst_window, sim.committed() - before);
            }
            ASSERT_EQ(sim.violation(), "");
            EXPECT_GT(worst_backlog, 1'000U) << "the disk was not overloaded";
            // A quarter of a second of this disk is 62 entries.
            EXPECT_GE(worst_window, 40U) << servers << " servers, KONTOR_SEED=" << seed;
            EXPECT_EQ(sim.leader(), leader);
            EXPECT_EQ(sim.stats().elections, elections) << "the leader changed under load";
            sim.run_until(start + 40'000);  // everything that was accepted arrives in the end
            EXPECT_GE(sim.committed(), value + 1);
            EXPECT_EQ(sim.violation(), "");
        }
    }
}

}  // namespace
}  // namespace kontor::replication::test
