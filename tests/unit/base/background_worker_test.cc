#include "kontor/base/background_worker.h"

#include <gtest/gtest.h>
#include <sched.h>
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

void run(BackgroundWorker& worker, const std::function<void()>& work) {
    worker.start(work);
    worker.wait();
}

TEST(BackgroundWorker, WorksAtALowPriorityOfItsOwnThreadOnly) {
    const int mine = priority_of_this_thread(), my_policy = ::sched_getscheduler(0);
    BackgroundWorker worker("low");
    int its = 0, its_policy = 0;
    run(worker, [&] {
        its = priority_of_this_thread();
        its_policy = ::sched_getscheduler(0);
    });
    EXPECT_TRUE(its_policy == SCHED_IDLE || its == 10) << its_policy << " " << its;
    EXPECT_EQ(priority_of_this_thread(), mine);
    EXPECT_EQ(::sched_getscheduler(0), my_policy);
}

// A thread that may not raise its priority again never lowers it.
TEST(BackgroundWorker, WhatSomebodyWaitsForComesBackFromTheLowestPriority) {
    BackgroundWorker worker("hurry");
    worker.hurry();  // nothing to do
    for (int round = 0; round < 3; ++round) {
        std::atomic<bool> began{false};
        worker.start([&] {
            began = true;
            while (::sched_getscheduler(0) == SCHED_IDLE) std::this_thread::yield();
        });
        while (!began) std::this_thread::yield();
        worker.hurry();
        worker.hurry();
        worker.wait();
    }
    int policy = 0;
    run(worker, [&] { policy = ::sched_getscheduler(0); });
    EXPECT_TRUE(policy == SCHED_IDLE || ::geteuid() != 0);
}

TEST(BackgroundWorker, RunIsDoneWhenItReturnsAgainAndAgain) {
    BackgroundWorker worker("turns");
    int done = 0;  // no lock: run() orders them
    for (int i = 1; i <= 1'000; ++i) {
        run(worker, [&] { ++done; });
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
