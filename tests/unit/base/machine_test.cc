// What control groups allow, with folders as both versions and containers make them.
#include "kontor/base/machine.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace kontor {
namespace {

constexpr std::uint64_t kMiB = 1U << 20U;

class Groups : public ::testing::Test {
 protected:
    void SetUp() override {
        std::string name = ::testing::TempDir() + "/kontor-groups-XXXXXX";
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        root_ = name;
    }
    void TearDown() override { std::filesystem::remove_all(root_); }
    void put(const std::string& path, const std::string& text) const {
        const std::filesystem::path file(root_ + "/fs/" + path);
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text << "\n";
    }
    [[nodiscard]] MachineShare share(const std::string& own) const {
        std::ofstream(root_ + "/own") << own;
        return machine_share({root_ + "/own", root_ + "/fs"});
    }
    std::string root_;
};

TEST_F(Groups, WithoutAnyTheMachineCounts) {
    const MachineShare all = share("");
    EXPECT_GT(all.memory_bytes, kMiB);
    EXPECT_FALSE(all.is_memory_limited);
    EXPECT_GE(all.processors, 1);
    EXPECT_EQ(machine_share({root_ + "/none", root_ + "/none"}).memory_bytes, all.memory_bytes);
}

TEST_F(Groups, VersionTwoTakesTheLeastOfAllAround) {
    put("memory.max", "max");
    put("outer/memory.max", std::to_string(300 * kMiB));
    put("outer/inner/memory.max", "max");
    put("outer/inner/cpu.max", "50000 100000");
    put("outer/cpu.max", "max 100000");
    MachineShare found = share("0::/outer/inner\n");
    EXPECT_EQ(found.memory_bytes, 300 * kMiB);
    EXPECT_TRUE(found.is_memory_limited);
    EXPECT_DOUBLE_EQ(found.processors, 0.5);
    put("outer/inner/memory.high", std::to_string(200 * kMiB));
    EXPECT_EQ(share("0::/outer/inner\n").memory_bytes, 200 * kMiB);
}

TEST_F(Groups, VersionOneHasAFolderForEachController) {
    put("memory/pod/memory.limit_in_bytes", std::to_string(512 * kMiB));
    put("memory/memory.limit_in_bytes", "9223372036854771712");
    put("cpu,cpuacct/pod/cpu.cfs_quota_us", "25000");
    put("cpu,cpuacct/pod/cpu.cfs_period_us", "100000");
    put("cpu,cpuacct/cpu.cfs_quota_us", "-1");
    const MachineShare found = share("7:memory:/pod\n5:cpu,cpuacct:/pod\n1:name=systemd:/x\n");
    EXPECT_EQ(found.memory_bytes, 512 * kMiB);
    EXPECT_DOUBLE_EQ(found.processors, 0.25);
}

// The path is that of the host; what is mounted is the container's own group.
TEST_F(Groups, InAContainerTheRootIsTheGroup) {
    put("memory.max", std::to_string(256 * kMiB));
    EXPECT_EQ(share("0::/../../docker/0123\n").memory_bytes, 256 * kMiB);
    EXPECT_EQ(share("0::/\n").memory_bytes, 256 * kMiB);
}

TEST_F(Groups, NonsenseLimitsNothing) {
    const std::uint64_t all = share("").memory_bytes;
    put("memory.max", "");
    put("a/memory.max", "-");
    put("b/memory.max", "0");
    for (const char* own : {"0::/a\n", "0::/b\n", "0:/a\n", "\n", "::::\n"})
        EXPECT_EQ(share(own).memory_bytes, all) << own;
}

}  // namespace
}  // namespace kontor
