#include "kontor/base/background_worker.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <thread>

namespace kontor {
namespace {

int priority_of_this_thread() {
    return ::getpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()));
}

TEST(BackgroundWorker, WorksAtTheLowestPriorityOfItsOwnThreadOnly) {
    const int mine = priority_of_this_thread();
    BackgroundWorker worker("low");
    int its = 0;
    worker.run([&] { its = priority_of_this_thread(); });
    EXPECT_EQ(its, 19);
    EXPECT_EQ(priority_of_this_thread(), mine);
}

TEST(BackgroundWorker, RunIsDoneWhenItReturnsAgainAndAgain) {
    BackgroundWorker worker("turns");
    int done = 0;  // no lock: run() orders them
    for (int i = 1; i <= 1'000; ++i) {
        worker.run([&] { ++done; });
        ASSERT_EQ(done, i);
    }
}

TEST(BackgroundWorker, ItsEndWaitsForWhatRuns) {
    std::atomic<bool> done{false};
    {
        BackgroundWorker worker("end");
        worker.start([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(50));
            done.store(true);
        });
    }
    EXPECT_TRUE(done.load());
}

}  // namespace
}  // namespace kontor
