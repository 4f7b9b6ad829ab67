// Redo files that are torn, damaged or of another store, and disks without room: named, and nothing lost.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "damage.h"
#include "redo_file.h"

namespace kontor::store {
namespace {

TEST(StoreDamage, ARedoFileThatIsNeededAndDamagedStopsTheStart) {
    const TempFolder folder;
    fill_and_die(folder.path(), "partition-1-committed");
    const std::string path = redo_path(folder.path() + "/redo", 2);
    const std::string whole = slurp(path);
    ASSERT_FALSE(whole.empty());
    for (std::size_t at = 0; at < whole.size(); at += 7) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
        spit(path, damaged);
        const std::string error = open_error(folder.path());
        ASSERT_EQ(error.find("opened"), std::string::npos) << "byte " << at;
        ASSERT_NE(error.find(path), std::string::npos) << error;
    }
    spit(path, whole.substr(0, whole.size() - 1));
    EXPECT_NE(open_error(folder.path()).find("restore this node"), std::string::npos);
    ::unlink(path.c_str());
    EXPECT_NE(open_error(folder.path()).find("partitions are at different indexes: 00 at 2, 02 at 1"),
              std::string::npos)
        << open_error(folder.path());
    spit(path, whole);
    EXPECT_EQ(open_error(folder.path()), "opened at 2");
}

TEST(StoreDamage, ARedoFileWhoseFirstTransactionIsInIsNeededToo) {
    const TempFolder folder;
    fill_and_die(folder.path(), "partition-0-txn", 3);
    const std::string path = redo_path(folder.path() + "/redo", 2);
    const std::string whole = slurp(path);
    spit(path, whole.substr(0, whole.size() / 2));
    EXPECT_NE(open_error(folder.path()).find("restore this node"), std::string::npos)
        << open_error(folder.path());
    ::unlink(path.c_str());
    EXPECT_NE(open_error(folder.path()).find("holds a part of checkpoint 2"), std::string::npos);
    spit(path, whole);
    EXPECT_EQ(open_error(folder.path()), "opened at 2");
}

TEST(StoreDamage, ATornRedoFileIsDropped) {
    const TempFolder folder;
    fill_and_die(folder.path(), "redo-synced");
    const std::string path = redo_path(folder.path() + "/redo", 2);
    const std::string whole = slurp(path);
    for (const std::size_t length :
         {std::size_t{0}, std::size_t{1}, std::size_t{70}, whole.size() / 2, whole.size() - 1}) {
        spit(path, whole.substr(0, length));
        EXPECT_EQ(open_error(folder.path()), "opened at 1") << length;
        EXPECT_FALSE(std::filesystem::exists(path)) << length;
    }
    std::string holes = whole;  // a hole instead of written pages, as after a power cut
    std::fill(holes.begin() + 100, holes.end() - 40, '\0');
    spit(path, holes);
    EXPECT_EQ(open_error(folder.path()), "opened at 1");
    spit(path, whole);
    EXPECT_EQ(open_error(folder.path()), "opened at 2");
}

TEST(StoreDamage, ARedoFileOfAnotherPlaceIsRefused) {
    const TempFolder folder, ahead;
    fill(folder.path(), 1);
    fill(ahead.path(), 3);
    std::filesystem::copy(redo_path(ahead.path() + "/redo", 3), redo_path(folder.path() + "/redo", 3));
    EXPECT_NE(open_error(folder.path()).find("leads from 2 to 3"), std::string::npos)
        << open_error(folder.path());
}

TEST(StoreDamage, APartitionOfAnotherStoreIsRefused) {
    const TempFolder folder, other;
    fill(folder.path(), 1);
    {
        const auto store = open_or_die(test_options(other.path()));
        store->begin();
        store->commit(1, 0);
        store->freeze("");
        store->wait_for_checkpoint();
    }
    const auto take = std::filesystem::copy_options::overwrite_existing;
    const std::string mine = slurp(partition_file(folder.path(), 3));
    std::filesystem::copy(partition_file(other.path(), 3), partition_file(folder.path(), 3), take);
    EXPECT_NE(open_error(folder.path()).find("different histories"), std::string::npos)
        << open_error(folder.path());
    std::filesystem::copy(partition_file(folder.path(), 1), partition_file(folder.path(), 3), take);
    EXPECT_NE(open_error(folder.path()).find("partition 03 says that it is number 1"), std::string::npos);
    spit(partition_file(folder.path(), 3),
         "not an LMDB file, but long enough to be looked at" + std::string(8192, 'x'));
    EXPECT_NE(open_error(folder.path()).find("partitions/03/data.mdb is damaged"), std::string::npos)
        << open_error(folder.path());
    spit(partition_file(folder.path(), 3), mine);
    EXPECT_EQ(open_error(folder.path()), "opened at 1");
    std::filesystem::remove_all(folder.path() + "/partitions");
    EXPECT_NE(open_error(folder.path()).find("there are redo files"), std::string::npos);
}

TEST(StoreDamage, AFullMapStopsCheckpointsAndLosesNothing) {
    const TempFolder folder;
    Model model;
    {
        StoreOptions options = test_options(folder.path());
        options.map_bytes = 256U << 10U;
        options.memtable_bytes = 1U << 20U;
        const auto store = open_or_die(options);
        Workload workload(1);
        std::uint64_t index = 0;
        while (store->failure()) {
            ASSERT_LT(++index, 10'000U);
            workload.apply(*store, index, model, 300);
            if (index % 3 == 0) {
                store->freeze("");
                store->wait_for_checkpoint();
            }
        }
        EXPECT_EQ(store->failure().error().code, ErrorCode::too_large) << store->failure().error().describe();
        EXPECT_NE(store->failure().error().message.find("map is full"), std::string::npos);
        EXPECT_FALSE(store->should_checkpoint(1'000'000'000));
        EXPECT_EQ(contents(*store), model);  // it keeps serving from memory
        store->freeze("");                   // and does not try again
        EXPECT_EQ(contents(*store), model);
        Model unused;
        while (!store->must_wait()) workload.apply(*store, ++index, unused, 300);
    }
    StoreOptions options = test_options(folder.path());
    options.map_bytes = 256U << 10U;
    EXPECT_EQ(Store::open(options).error().code, ErrorCode::too_large);
    // With room, the redo file finishes what was begun.
    const auto store = open_or_die(test_options(folder.path()));
    EXPECT_EQ(contents(*store), model);
}

// A file size limit fails the write() of the redo file like a full disk does.
TEST(StoreDamage, AFailedWriteStopsCheckpointsAndLosesNothing) {
    const TempFolder folder;
    fill(folder.path(), 1);
    const pid_t child = ::fork();
    if (child == 0) {
        ::signal(SIGXFSZ, SIG_IGN);
        const auto store = open_or_die(test_options(folder.path()));
        const rlimit limit{512U << 10U, 512U << 10U};
        if (::setrlimit(RLIMIT_FSIZE, &limit) != 0) ::_exit(10);
        store->begin();
        for (int i = 0; i < 4'000; ++i)
            store->writer().put(kPlain, "row" + std::to_string(i), std::string(200, 'x'));
        store->commit(2, 0);
        store->freeze("");
        store->wait_for_checkpoint();
        const auto failure = store->failure();
        if (failure) ::_exit(11);
        if (failure.error().code != ErrorCode::no_space) ::_exit(12);
        if (failure.error().message.find("redo") == std::string::npos) ::_exit(13);
        if (store->checkpoint().index != 1) ::_exit(14);
        if (contents(*store).size() != 4'051) ::_exit(15);
        if (std::filesystem::exists(redo_path(folder.path() + "/redo", 2))) ::_exit(16);
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    ASSERT_TRUE(WIFEXITED(status));
    EXPECT_EQ(WEXITSTATUS(status), 0);
    EXPECT_EQ(open_error(folder.path()), "opened at 1");
}

TEST(StoreDamage, OldRedoFilesGoAndTheNewestStays) {
    const TempFolder folder;
    fill(folder.path(), 3);
    const auto indexes = list_redo_files(folder.path() + "/redo");
    ASSERT_TRUE(indexes);
    EXPECT_EQ(*indexes, std::vector<std::uint64_t>{3});
    const auto redo = read_redo_file(redo_path(folder.path() + "/redo", 3));
    ASSERT_TRUE(redo);
    EXPECT_EQ(redo->header.base_index, 2U);
    std::size_t rows = 0;
    for (const PartitionRows& of : redo->rows) rows += of.ordinary.size();
    EXPECT_EQ(rows, 51U);
}

}  // namespace
}  // namespace kontor::store
