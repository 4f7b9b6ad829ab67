// Taking another node's checkpoint: what becomes of the log, and that a crash at any step leaves a folder
// that goes on with the old checkpoint or with the new one.

#include "install.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "configuration.h"
#include "replica_impl.h"
#include "snapshot_meta.h"
#include "state_file.h"
#include "test_support.h"

namespace kontor::replication::test {
namespace {

namespace fs = std::filesystem;

constexpr Uuid kCluster{'c', 'l', 'u', 's', 't', 'e', 'r'};

std::string members() {
    return *encode_configuration({{{1, "node1", ServerRole::voter},
                                   {2, "node2", ServerRole::voter},
                                   {3, "node3", ServerRole::voter}}});
}

std::string meta_of(std::uint64_t index, std::uint64_t term) {
    return encode_snapshot_meta({index, term, 1, members()});
}

// A member's folder: entries 1 to `last`, of term 1 up to `boundary`, of term 2 above.
void make_folder_with(const std::string& folder, std::uint64_t last, std::uint64_t boundary) {
    LogOptions options;
    options.folder = folder;
    options.segment_bytes = 4096;
    options.cluster = kCluster;
    options.files = &real_file_ops();
    auto log = *Log::open(options, 1, [](const Record&) -> Result<void> { return {}; });
    std::vector<Entry> entries{{1, EntryType::change, std::make_shared<const std::string>(members())}};
    for (std::uint64_t i = 2; i <= last; ++i) {
        entries.push_back(
            {i <= boundary ? 1U : 2U, EntryType::command,
             std::make_shared<const std::string>("entry " + std::to_string(i) + std::string(200, '.'))});
    }
    ASSERT_TRUE(log->append(1, entries).has_value());
    ASSERT_TRUE(log->sync().has_value());
    NodeState state;
    state.hard = {2, 3};
    state.node_id = 2;
    state.cluster = kCluster;
    ASSERT_TRUE(StateFile::create(folder, real_file_ops(), state).has_value());
}

ReplicaOptions member(const std::string& folder) {
    ReplicaOptions options = options_in(folder);
    options.node_id = 2;
    options.segment_bytes = 4096;
    return options;
}

Result<OpenedFolder> open_it(const ReplicaOptions& options, const std::string& meta) {
    return open_folder(options, meta, real_file_ops());
}

TEST(Install, PlanByWhatTheLogHolds) {
    EXPECT_EQ(plan_install(1, 7, 50, 7), InstallPlan::keep_log);
    EXPECT_EQ(plan_install(1, 6, 50, 7), InstallPlan::reset_log);  // another entry
    EXPECT_EQ(plan_install(1, 0, 50, 7), InstallPlan::reset_log);  // ends before
    EXPECT_EQ(plan_install(51, 0, 50, 7), InstallPlan::keep_log);  // our own checkpoint is the same one
    EXPECT_EQ(plan_install(52, 0, 50, 7), InstallPlan::refuse);    // 51 is gone
}

TEST(Install, EntriesBehindTheCheckpointAreKeptWhenTheLogHoldsItsLastOne) {
    TempFolder folder;
    make_folder_with(folder.path(), 40, 40);
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(30, 1)).has_value());
    const auto opened = open_it(member(folder.path()), meta_of(30, 1));
    ASSERT_TRUE(opened.has_value()) << opened.error().describe();
    EXPECT_EQ(opened->log->first_index(), 1U);
    EXPECT_EQ(opened->log->last_index(), 40U);
    EXPECT_EQ(opened->start.hard, (HardState{2, 3}));
}

TEST(Install, ALogWithAnotherEntryThereIsEmptied) {
    TempFolder folder;
    make_folder_with(folder.path(), 40, 20);
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(30, 5)).has_value());
    {
        const auto opened = open_it(member(folder.path()), meta_of(30, 5));
        ASSERT_TRUE(opened.has_value()) << opened.error().describe();
        EXPECT_EQ(opened->log->first_index(), 31U);
        EXPECT_EQ(opened->log->last_index(), 30U);
        EXPECT_TRUE(opened->start.entries.empty());
        EXPECT_EQ(opened->start.start_index, 31U);
        EXPECT_EQ(opened->start.hard, (HardState{5, 0}));  // in term 5 nobody got its vote
        EXPECT_TRUE(segments_in(folder.path()).empty());
    }
    EXPECT_TRUE(open_it(member(folder.path()), meta_of(30, 5)).has_value()) << "again, still empty";
    EXPECT_FALSE(open_it(member(folder.path()), meta_of(29, 5)).has_value());
    EXPECT_FALSE(open_it(member(folder.path()), "").has_value());
    // A second one before the first entry came.
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(60, 5)).has_value());
    EXPECT_TRUE(open_it(member(folder.path()), meta_of(30, 5)).has_value()) << "undone";
    EXPECT_EQ(Replica::install(member(folder.path()), meta_of(20, 5)).error().code,
              ErrorCode::invalid_argument);
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(60, 5)).has_value());
    {
        const auto opened = open_it(member(folder.path()), meta_of(60, 5));
        ASSERT_TRUE(opened.has_value()) << opened.error().describe();
        EXPECT_EQ(opened->log->first_index(), 61U);
        const Entry entry{5, EntryType::command, std::make_shared<const std::string>("61")};
        ASSERT_TRUE(opened->log->append(61, {&entry, 1}).has_value());
        ASSERT_TRUE(opened->log->sync().has_value());
    }
    EXPECT_TRUE(open_it(member(folder.path()), meta_of(60, 5)).has_value());
    // Now it has entries, and a log without them is a lost one.
    for (const std::string& segment : segments_in(folder.path())) fs::remove(segment);
    fs::remove(folder.path() + "/durable");
    EXPECT_EQ(open_it(member(folder.path()), meta_of(60, 5)).error().code, ErrorCode::corruption);
}

TEST(Install, WithoutTheCheckpointItIsUndone) {
    TempFolder folder;
    make_folder_with(folder.path(), 40, 40);
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(90, 3)).has_value());
    const auto opened = open_it(member(folder.path()), "");  // the node crashed before it had switched
    ASSERT_TRUE(opened.has_value()) << opened.error().describe();
    EXPECT_EQ(opened->log->last_index(), 40U);
    EXPECT_EQ(opened->start.hard, (HardState{3, 0}));
}

struct Crash {};

// Everything that install and the open after it do, interrupted at each step, with the node having switched
// to the new checkpoint or not.
TEST(Install, ACrashAtAnyStepIsUndoneOrFinished) {
    for (const std::string step :
         {"install-term", "install-marked", "install-resetting", "install-removed", "install-empty"}) {
        for (const bool switched : {false, true}) {
            TempFolder folder;
            make_folder_with(folder.path(), 40, 40);
            ReplicaOptions options = member(folder.path());
            options.crash_point = [&](const char* at) {
                if (at == step) throw Crash{};
            };
            bool installed = false;
            bool reset = false;
            try {
                ASSERT_TRUE(Replica::install(options, meta_of(90, 3)).has_value());
                installed = true;
                static_cast<void>(open_it(options, meta_of(90, 3)));
            } catch (const Crash&) {
            }
            reset = installed;  // the crash was inside open(): so the node had switched
            if (reset && !switched) continue;
            if (switched && !installed) {
                // It switches only after install() returned.
                ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(90, 3)).has_value()) << step;
            }
            const auto opened = open_it(member(folder.path()), switched ? meta_of(90, 3) : "");
            ASSERT_TRUE(opened.has_value()) << step << " " << switched << " " << opened.error().describe();
            EXPECT_EQ(opened->log->last_index(), switched ? 90U : 40U) << step;
            EXPECT_EQ(opened->start.entries.size(), switched ? 0U : 40U) << step;
        }
    }
}

// Once the old log is being removed, the old checkpoint must not come back: acknowledged entries are missing.
TEST(Install, HalfRemovedLogIsNotOpenedWithTheOldCheckpoint) {
    TempFolder folder;
    make_folder_with(folder.path(), 40, 40);
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(90, 3)).has_value());
    ReplicaOptions options = member(folder.path());
    options.crash_point = [](const char* at) {
        if (at == std::string("install-resetting")) throw Crash{};
    };
    EXPECT_THROW(static_cast<void>(open_it(options, meta_of(90, 3))), Crash);
    const auto segments = segments_in(folder.path());
    ASSERT_GT(segments.size(), 1U);
    fs::remove(segments.back());
    EXPECT_EQ(open_it(member(folder.path()), "").error().code, ErrorCode::corruption);
    EXPECT_EQ(Replica::install(member(folder.path()), meta_of(89, 3)).error().code,
              ErrorCode::invalid_argument);
    EXPECT_TRUE(open_it(member(folder.path()), meta_of(90, 3)).has_value());
}

TEST(Install, ANewNodeBeginsWithACheckpointOrWithNothing) {
    for (const bool with_checkpoint : {false, true}) {
        TempFolder folder;
        const std::string meta = with_checkpoint ? meta_of(30, 4) : "";
        EXPECT_EQ(Replica::install(member(folder.path()), meta).error().code, ErrorCode::invalid_argument);
        EXPECT_FALSE(Replica::identity(folder.path())->has_value());
        ReplicaOptions crashing = member(folder.path());
        crashing.crash_point = [](const char* at) {
            if (at == std::string("install-marked")) throw Crash{};
        };
        EXPECT_THROW(static_cast<void>(Replica::install(crashing, meta, kCluster)), Crash);
        EXPECT_EQ(open_it(member(folder.path()), meta).error().code, ErrorCode::unavailable)
            << "a node that was to join must not found a cluster of its own";
        ASSERT_TRUE(Replica::install(member(folder.path()), meta, kCluster).has_value());
        const auto identity = *Replica::identity(folder.path());
        ASSERT_TRUE(identity.has_value());
        EXPECT_EQ(identity->node_id, 2U);
        EXPECT_EQ(identity->cluster, kCluster);
        EXPECT_EQ(identity->term, with_checkpoint ? 4U : 0U);
        const auto opened = open_it(member(folder.path()), meta);
        ASSERT_TRUE(opened.has_value()) << opened.error().describe();
        EXPECT_EQ(opened->log->first_index(), with_checkpoint ? 31U : 1U);
        EXPECT_EQ(opened->start.hard, (HardState{with_checkpoint ? 4U : 0U, 0}));
    }
}

TEST(Install, ANewNodeWithoutAnythingMayGiveUpItsFirstCheckpoint) {
    TempFolder folder;
    ASSERT_TRUE(Replica::install(member(folder.path()), "", kCluster).has_value());
    ASSERT_TRUE(open_it(member(folder.path()), "").has_value());
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(30, 4)).has_value());
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(40, 4)).has_value());
    for (int again = 0; again < 2; ++again) {
        const auto opened = open_it(member(folder.path()), "");  // the state never came
        ASSERT_TRUE(opened.has_value()) << opened.error().describe();
        EXPECT_EQ(opened->log->first_index(), 1U);
    }
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(50, 4)).has_value());
    EXPECT_EQ(open_it(member(folder.path()), meta_of(50, 4))->log->first_index(), 51U);
}

TEST(Install, AnotherOwnersFolderIsRefused) {
    TempFolder folder;
    make_folder_with(folder.path(), 4, 4);
    ReplicaOptions other = member(folder.path());
    other.node_id = 3;
    EXPECT_EQ(Replica::install(other, meta_of(30, 5)).error().code, ErrorCode::invalid_argument);
    const Uuid elsewhere{'x'};
    EXPECT_EQ(Replica::install(member(folder.path()), meta_of(30, 5), elsewhere).error().code,
              ErrorCode::invalid_argument);
    EXPECT_EQ(Replica::install(member(folder.path()), "").error().code, ErrorCode::invalid_argument);
    EXPECT_EQ(Replica::install(member(folder.path()), "rubbish").error().code, ErrorCode::corruption);
    const auto opened = open_it(member(folder.path()), "");
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(Replica::install(member(folder.path()), meta_of(30, 5)).error().code, ErrorCode::unavailable);
}

TEST(Install, ADamagedMarkIsReported) {
    TempFolder folder;
    make_folder_with(folder.path(), 4, 4);
    ASSERT_TRUE(Replica::install(member(folder.path()), meta_of(30, 5)).has_value());
    std::string bytes = read_file(folder.path() + "/install");
    ASSERT_EQ(bytes.size(), 64U);
    bytes[13] = static_cast<char>(bytes[13] ^ 1);
    write_file(folder.path() + "/install", bytes);
    const auto opened = open_it(member(folder.path()), "");
    ASSERT_FALSE(opened.has_value());
    EXPECT_EQ(opened.error().code, ErrorCode::corruption);
    EXPECT_NE(opened.error().message.find("install"), std::string::npos);
}

}  // namespace
}  // namespace kontor::replication::test
