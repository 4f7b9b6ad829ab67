// Below the reserve commands are refused, with a text that says where; a full disk is
// tests/integration/full_disk_test.py.
#include "space_guard.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "kontor/base/disk_space.h"

namespace kontor::node {
namespace {

constexpr std::uint64_t kMiB = 1ULL << 20;

class Space : public ::testing::Test {
 protected:
    void SetUp() override {
        std::string name = ::testing::TempDir() + "/kontor-space-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        folder_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(folder_); }
    std::string folder_;
};

TEST(DefaultReserve, ASegmentAndTwoCheckpointsOrAnEighthOfTheDisk) {
    EXPECT_EQ(default_reserve(64 * kMiB, 96 * kMiB, 1ULL << 40), 448 * kMiB);
    EXPECT_EQ(default_reserve(64 * kMiB, 96 * kMiB, 8 * 448 * kMiB), 448 * kMiB);
    EXPECT_EQ(default_reserve(64 * kMiB, 96 * kMiB, 800 * kMiB), 100 * kMiB);
    EXPECT_EQ(default_reserve(64 * kMiB, 96 * kMiB, 16 * kMiB), kLeastReserveBytes);
    EXPECT_EQ(default_reserve(64 * kMiB, 1ULL << 40, 1ULL << 50), kMostReserveBytes);
}

TEST_F(Space, RefusesBelowTheReserveAndSaysWhere) {
    const auto space = disk_space(folder_);
    ASSERT_TRUE(space);
    SpaceGuard guard({folder_, folder_ + "/none"}, 2 * space->total_bytes, 0, 0);
    EXPECT_FALSE(guard.refuses()) << "nobody has looked yet";
    guard.look(0);
    EXPECT_TRUE(guard.refuses());
    EXPECT_NE(guard.text().find("no space left on the disk of " + folder_), std::string::npos)
        << guard.text();
    EXPECT_NE(guard.text().find("reads go on"), std::string::npos) << guard.text();
    // The reserve is the same, whether it has just been reached or writes wait for more.
    const std::string kept =
        ", " + std::to_string(guard.reserve_bytes() / kMiB) + " are kept in reserve; writes";
    for (std::uint64_t now_ms = 1; now_ms < 3; ++now_ms) {
        EXPECT_NE(guard.text().find(kept), std::string::npos) << guard.text();
        EXPECT_NE(guard.text().find("until " + std::to_string(guard.again_bytes() / kMiB) + " MiB are free"),
                  std::string::npos)
            << guard.text();
        guard.look(now_ms);
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ + "/reserve"));
    EXPECT_TRUE(guard.has_room(1));
    EXPECT_FALSE(guard.has_room(2 * space->total_bytes));
}

TEST_F(Space, KeepsAFileThatTakesRoomReally) {
    SpaceGuard guard({folder_}, 8 * kMiB, 0, 0);
    guard.look(0);
    ASSERT_FALSE(guard.refuses()) << guard.text();
    EXPECT_EQ(guard.text(), "");
    EXPECT_EQ(std::filesystem::file_size(folder_ + "/reserve"), 2 * kMiB);
    // A quota says no where the disk has room: believed, and the file is given up, until nobody has met it
    // for a while and the file can be made again.
    std::uint64_t now_ms = 0;
    for (int met = 0; met < 5; ++met) {
        guard.note_full(now_ms);
        for (const std::uint64_t end = now_ms + kBelievedMs; now_ms < end; now_ms += 100) {
            guard.look(now_ms);
            ASSERT_TRUE(guard.refuses()) << now_ms;
            ASSERT_NE(guard.text().find("quota"), std::string::npos) << guard.text();
            ASSERT_FALSE(std::filesystem::exists(folder_ + "/reserve"))
                << "it would take room from who waits";
        }
    }
    std::filesystem::create_directory(folder_ + "/reserve");
    for (int i = 0; i < 5; ++i) guard.look(now_ms + 100);
    EXPECT_TRUE(guard.refuses()) << "the file cannot be made";
    std::filesystem::remove(folder_ + "/reserve");
    guard.look(now_ms + 100);
    EXPECT_FALSE(guard.refuses()) << "here it can";
    EXPECT_TRUE(std::filesystem::exists(folder_ + "/reserve"));
}

}  // namespace
}  // namespace kontor::node
