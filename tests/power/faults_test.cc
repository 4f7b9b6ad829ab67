// Disks that are full or broken, and bits that flip: detected, named, and never served as truth. The node
// does not start, or ends, with a message that says which file, or waits where the disk is only full; what
// was acknowledged before is there when the disk is well.
//
// KONTOR_SEED=n runs that seed alone; KONTOR_FAULT_SEEDS and KONTOR_FLIPS are how many (docs in
// power_test.cc).

#include <gtest/gtest.h>

#include <cerrno>

#include "children.h"
#include "world.h"

namespace kontor::power {
namespace {

// A run, a fault in the next one, and one that is well again.
std::string run_with_fault(std::uint64_t seed, World::Fault fault) {
    World world(place_of(seed), seed);
    auto& random = world.random();
    if (random() % 2 == 0) world.live(1 + random() % 400, 60);
    if (world.problems().empty()) {
        fault.nth = 1 + random() % (random() % 3 == 0 ? 20 : 300);
        world.live_with(fault, 60);
    }
    if (world.problems().empty()) {
        world.check_replay();
        world.live(0, 20);
    }
    return world.problems().empty() ? "" : world.problems().front();
}

void expect_survived(const World::Fault& fault, std::uint64_t first_seed) {
    const auto failed = run_children(
        seeds(first_seed, from_environment("KONTOR_FAULT_SEEDS", 40)),
        [&](std::uint64_t seed) { return run_with_fault(seed, fault); }, false);
    for (const std::uint64_t seed : failed) ADD_FAILURE() << "KONTOR_SEED=" << seed;
}

// Longer than it takes to notice, tens of tries.
constexpr std::uint64_t kFullMs = 400;

// Also a full disk that seems to have room, as a quota does: who waited for it goes on, or the node ended and
// named the file (what is written in its place, where no file system lacks room).
TEST(DiskFaults, FullDiskAtAnyWrite) {
    expect_survived({Kind::write, 1, ENOSPC, kFullMs}, 10'000);
}
TEST(DiskFaults, QuotaWhenAFileGrows) {
    expect_survived({Kind::resize, 1, EDQUOT, kFullMs}, 16'000);
}
TEST(DiskFaults, FullDiskWhenAFileGrows) {
    expect_survived({Kind::resize, 1, ENOSPC, kFullMs}, 11'000);
}
TEST(DiskFaults, FullDiskWhenAFileIsMade) {
    expect_survived({Kind::name, 1, ENOSPC, kFullMs}, 12'000);
}
TEST(DiskFaults, WriteError) {
    expect_survived({Kind::write, 1, EIO}, 13'000);
}
// Once only: who tries again and hears of success has lost data.
TEST(DiskFaults, SyncErrorOnce) {
    expect_survived({Kind::sync, 1, EIO}, 14'000);
}
TEST(DiskFaults, ReadErrorOnce) {
    expect_survived({Kind::read, 1, EIO}, 15'000);
}

}  // namespace
}  // namespace kontor::power
