// Death at every named step of a checkpoint, also between every pair of partition commits, and then again
// while the next start recovers. Whatever the step, the store comes back at one index, with exactly that
// index's rows.

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "store_testing.h"

namespace kontor::store {
namespace {

constexpr int kDied = 42;
constexpr std::uint64_t kSeed = 20'261'121;
constexpr std::uint64_t kEntriesPerCheckpoint = 5;

// Merges of a partition at once, or in pieces that go on after the next checkpoint.
enum class Merges { whole, in_pieces };

StoreOptions crash_options(const std::string& folder, Merges merges) {
    StoreOptions options = test_options(folder);
    if (merges == Merges::in_pieces) options.merge_bytes = 2'000;
    options.max_pages_per_commit = 10;  // several transactions a partition
    options.redo_bytes = 800U << 10U;   // the first checkpoint merges nothing, later ones a partition each
    return options;
}

// The rows as of every checkpoint of the run below.
std::map<std::uint64_t, Model> expected_models() {
    std::map<std::uint64_t, Model> models;
    const TempFolder folder;
    Workload workload(kSeed);
    const auto store = open_or_die(test_options(folder.path()));
    Model model;
    models[0] = model;
    for (std::uint64_t index = 1; index <= 3 * kEntriesPerCheckpoint; ++index) {
        workload.apply(*store, index, model, 30);
        if (index % kEntriesPerCheckpoint == 0) models[index] = model;
    }
    return models;
}

// In a child, since it may die: three checkpoints; the `nth` step from now on kills. Names of steps go to
// `trace`.
int run_in_child(const std::string& folder, Merges merges, const std::string& trace, std::uint64_t nth,
                 bool only_open) {
    const pid_t child = ::fork();
    if (child != 0) {
        int status = 0;
        ::waitpid(child, &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    StoreOptions options = crash_options(folder, merges);
    std::uint64_t steps = 0;
    std::ofstream out(trace, std::ios::app);
    options.crash_point = [&](const char* step) {
        out << step << std::endl;
        if (++steps == nth) ::_exit(kDied);
    };
    {
        auto opened = Store::open(options);
        if (!opened) {
            std::cerr << opened.error().describe() << std::endl;
            ::_exit(1);
        }
        const auto store = *std::move(opened);
        Workload workload(kSeed);
        Model model;
        for (std::uint64_t index = 1; !only_open && index <= 3 * kEntriesPerCheckpoint; ++index) {
            workload.apply(*store, index, model, 30);
            if (index % kEntriesPerCheckpoint != 0) continue;
            store->freeze("term " + std::to_string(index));
            store->wait_for_checkpoint();
        }
    }
    ::_exit(0);
}

std::vector<std::string> lines(const std::string& path) {
    std::vector<std::string> all;
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) all.push_back(line);
    return all;
}

void expect_some_checkpoint(const std::string& folder, Merges merges,
                            const std::map<std::uint64_t, Model>& models, const std::string& step,
                            std::uint64_t at_least, std::uint64_t at_most) {
    const auto store = Store::open(crash_options(folder, merges));
    ASSERT_TRUE(store) << step << ": " << store.error().describe();
    const std::uint64_t index = (*store)->applied_index();
    EXPECT_GE(index, at_least) << step;
    EXPECT_LE(index, at_most) << step;
    ASSERT_TRUE(models.contains(index)) << step << " " << index;
    EXPECT_EQ(contents(**store), models.at(index)) << step;
    EXPECT_EQ((*store)->checkpoint().replication_meta, index == 0 ? "" : "term " + std::to_string(index));
}

class StoreCrash : public ::testing::TestWithParam<Merges> {};

TEST_P(StoreCrash, AtEveryStepOfEveryCheckpoint) {
    const Merges merges = GetParam();
    const auto models = expected_models();
    const TempFolder whole;
    std::filesystem::create_directories(whole.path());
    ASSERT_EQ(run_in_child(whole.path(), merges, whole.path() + ".trace", 0, false), 0);
    const auto steps = lines(whole.path() + ".trace");
    // Each checkpoint: redo written and synced, four partitions committed (most in several transactions),
    // redo removed.
    ASSERT_GT(steps.size(), 3U * 7U);
    ASSERT_NE(std::find(steps.begin(), steps.end(), "partition-2-txn"), steps.end());
    ASSERT_NE(std::find(steps.begin(), steps.end(), "redo-removed"), steps.end());
    // And both kinds of checkpoints.
    ASSERT_NE(std::find(steps.begin(), steps.end(), "merge-0-committed"), steps.end());
    ASSERT_LT(std::find(steps.begin(), steps.end(), "redo-removed"),
              std::find(steps.begin(), steps.end(), "merge-0-committed"));

    std::uint64_t done = 0, target = kEntriesPerCheckpoint;
    for (std::uint64_t nth = 1; nth <= steps.size(); ++nth) {
        const std::string& step = steps[nth - 1];
        const TempFolder folder;
        std::filesystem::create_directories(folder.path());
        ASSERT_EQ(run_in_child(folder.path(), merges, folder.path() + ".trace", nth, false), kDied) << step;
        // The redo file is complete from its last byte on, so the checkpoint it holds is the one that comes
        // back.
        expect_some_checkpoint(folder.path(), merges, models, step + " #" + std::to_string(nth), done,
                               target);
        const auto reopened = open_or_die(crash_options(folder.path(), merges));
        EXPECT_EQ(reopened->applied_index(), target) << step;
        if (step == "redo-removed") {
            done = target;
            target += kEntriesPerCheckpoint;
        }
    }
}

TEST_P(StoreCrash, AtEveryStepOfTheRecovery) {
    const Merges merges = GetParam();
    const auto models = expected_models();
    const TempFolder whole;
    std::filesystem::create_directories(whole.path());
    ASSERT_EQ(run_in_child(whole.path(), merges, whole.path() + ".trace", 0, false), 0);
    const auto steps = lines(whole.path() + ".trace");
    // Die in the second checkpoint, after the first transaction of partition 1; then at each step of the
    // recovery.
    std::uint64_t removed = 0, nth = 0;
    for (std::uint64_t i = 0; i < steps.size() && nth == 0; ++i) {
        if (steps[i] == "redo-removed") ++removed;
        if (removed == 1 && steps[i] == "partition-1-txn") nth = i + 1;
    }
    ASSERT_NE(nth, 0U);
    for (std::uint64_t recovery_step = 1; recovery_step < 1'000; ++recovery_step) {
        const TempFolder folder;
        std::filesystem::create_directories(folder.path());
        ASSERT_EQ(run_in_child(folder.path(), merges, folder.path() + ".trace", nth, false), kDied);
        const int end = run_in_child(folder.path(), merges, folder.path() + ".again", recovery_step, true);
        expect_some_checkpoint(folder.path(), merges, models,
                               "recovery step " + std::to_string(recovery_step), 2 * kEntriesPerCheckpoint,
                               2 * kEntriesPerCheckpoint);
        if (end == 0) {
            EXPECT_GT(recovery_step, 4U);  // it did die at each partition
            return;
        }
        ASSERT_EQ(end, kDied);
    }
    FAIL() << "the recovery never ends";
}

INSTANTIATE_TEST_SUITE_P(Merges, StoreCrash, ::testing::Values(Merges::whole, Merges::in_pieces),
                         [](const auto& merges) {
                             return merges.param == Merges::whole ? "Whole" : "InPieces";
                         });

}  // namespace
}  // namespace kontor::store
