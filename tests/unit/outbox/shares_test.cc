// Fairness by a clock that the test moves.
#include "shares.h"

#include <gtest/gtest.h>

#include <vector>

#include "backlog.h"
#include "pace.h"
#include "window.h"

namespace kontor::outbox {
namespace {

constexpr Shares::Limits kLimits{256, 8, 32};
constexpr std::uint64_t kTimeoutMs = 20'000;

std::vector<Shares::Place> fill(Shares& shares, std::uint64_t merchant, std::uint64_t endpoints,
                                std::uint64_t now) {
    std::vector<Shares::Place> places;
    for (std::uint64_t endpoint = 1; endpoint <= endpoints; ++endpoint)
        while (shares.may_begin(merchant, merchant * 1000 + endpoint, now))
            places.push_back(shares.begin(merchant, merchant * 1000 + endpoint));
    return places;
}

TEST(Shares, OneMerchantNeverHasAllPlaces) {
    Shares shares(kLimits);
    EXPECT_EQ(fill(shares, 1, 32, 0).size(), 128U) << "as many as are left free";
    EXPECT_EQ(fill(shares, 2, 32, 0).size(), 64U);
    EXPECT_EQ(fill(shares, 3, 32, 0).size(), 32U);
    EXPECT_TRUE(shares.may_begin(4, 4001, 0)) << "who comes new finds a place";
    EXPECT_TRUE(shares.has_room());
}

TEST(Shares, AnEndpointHasEightPlacesAndMoreWhileItAnswersAtOnce) {
    Shares shares(kLimits);
    auto places = fill(shares, 1, 1, 0);
    EXPECT_EQ(places.size(), 8U);
    shares.end(places.back(), true, Shares::kQuickMs, 0);
    places.pop_back();
    for (const auto& place : fill(shares, 1, 1, 0)) places.push_back(place);
    EXPECT_EQ(places.size(), 32U);
    shares.end(places.back(), true, Shares::kQuickMs + 1, 0);
    places.pop_back();
    EXPECT_FALSE(shares.may_begin(1, 1001, 0)) << "31 are under way, 8 are allowed again";
}

TEST(Shares, WhoDoesNotAnswerIsOnALeashThatGetsShorter) {
    Shares shares(kLimits);
    std::uint64_t now = 0;
    const auto time_out_all = [&](const std::vector<Shares::Place>& places) {
        now += kTimeoutMs;
        for (const auto& place : places) shares.end(place, false, kTimeoutMs, now);
    };
    time_out_all(fill(shares, 1, 32, now));
    std::uint64_t pause = Shares::kFirstPauseMs;
    for (int i = 0; i < 10; ++i) {
        EXPECT_TRUE(fill(shares, 1, 16, now + pause - 1).empty()) << "before its pause is over, round " << i;
        now += pause;
        const auto places = fill(shares, 1, 16, now);
        EXPECT_EQ(places.size(), 16U) << "one each";
        EXPECT_EQ(shares.timeout_ms(1001, kTimeoutMs), i % 2 == 0 ? Shares::kShortTimeoutMs : kTimeoutMs);
        time_out_all(places);
        pause = std::min(2 * pause, Shares::kMaxPauseMs);
    }
    time_out_all(fill(shares, 1, 32, now));  // the other half, too
    now += Shares::kMaxPauseMs;
    EXPECT_EQ(fill(shares, 1, 32, now).size(), 32U)
        << "half of a fourth of the places, whatever the merchant has";
    EXPECT_EQ(fill(shares, 2, 1, now).size(), 8U) << "the neighbour has what he always has";
}

TEST(Shares, AnyAnswerTakesTheLeashOff) {
    Shares shares(kLimits);
    for (const auto& place : fill(shares, 1, 1, 0)) shares.end(place, false, kTimeoutMs, kTimeoutMs);
    EXPECT_TRUE(shares.is_leashed(1001));
    const std::uint64_t now = kTimeoutMs + Shares::kFirstPauseMs;
    const auto places = fill(shares, 1, 1, now);
    ASSERT_EQ(places.size(), 1U);
    shares.end(places[0], true, 15'000, now + 15'000);
    EXPECT_FALSE(shares.is_leashed(1001));
    EXPECT_EQ(fill(shares, 1, 1, now + 15'000).size(), 8U);
}

TEST(Shares, AFailureThatIsQuickIsNoReasonForTheLeash) {
    Shares shares(kLimits);
    for (int i = 0; i < 100; ++i)
        for (const auto& place : fill(shares, 1, 1, 0))
            shares.end(place, false, Shares::kSlowFailureMs - 1, 0);
    EXPECT_FALSE(shares.is_leashed(1001));
    EXPECT_EQ(shares.used(), 0U);
}

// A hundred thousand for one merchant, one for the other: the other's is the second that begins.
TEST(Backlog, EndpointsTakeTurns) {
    Backlog backlog;
    std::size_t taken = 0;
    for (std::uint64_t no = 1; no <= 100'000; ++no) taken += backlog.add({1, no}, {1, true}, 11) ? 1 : 0;
    EXPECT_EQ(taken, Backlog::kQueued) << "the others are read from the store later";
    EXPECT_TRUE(backlog.add({2, 200'000}, {2, true}, 22));
    const auto any = [](const Backlog::Endpoint&) { return true; };
    backlog.begin_round();
    EXPECT_EQ(backlog.next(any)->endpoint_no, 11U);
    EXPECT_EQ(backlog.next(any)->endpoint_no, 22U);
    EXPECT_EQ(backlog.next(any)->due.no, 2U);
    EXPECT_FALSE(backlog.knows(2));
    EXPECT_TRUE(backlog.knows(3));
    EXPECT_EQ(backlog.short_one(any), nullptr) << "its queue is long";
    const auto not_11 = [](const Backlog::Endpoint& endpoint) { return endpoint.no != 11; };
    EXPECT_FALSE(backlog.next(not_11));
    for (std::size_t i = 2; i < Backlog::kQueued; ++i) ASSERT_TRUE(backlog.next(any));
    EXPECT_FALSE(backlog.next(any));
    ASSERT_NE(backlog.short_one(any), nullptr);
    EXPECT_EQ(backlog.short_one(any)->no, 11U);
}

TEST(Backlog, ARoundLooksAtABoundedNumberOfEndpointsAndTheNextOneGoesOn) {
    Backlog backlog;
    const std::uint64_t endpoints = Backlog::kLooks + 10;
    for (std::uint64_t no = 1; no <= endpoints; ++no) ASSERT_TRUE(backlog.add({1, no}, {no, true}, no));
    const auto last = [&](const Backlog::Endpoint& endpoint) { return endpoint.no == endpoints; };
    backlog.begin_round();
    EXPECT_FALSE(backlog.next(last));
    backlog.begin_round();
    ASSERT_TRUE(backlog.next(last));
    for (std::uint64_t no = endpoints + 1; no <= Backlog::kMaxQueues + 1; ++no) {
        // The queue of `endpoints` is empty by now, and stays until its turn.
        EXPECT_EQ(backlog.add({1, no}, {no, true}, no), no <= Backlog::kMaxQueues);
    }
}

TEST(Pace, GivesWayToAQueueAndComesBack) {
    Pace pace;
    std::uint64_t now = 0;
    const auto run = [&](std::uint64_t took_ms, int looks) {
        for (int i = 0; i < looks; ++i) {
            now += Pace::kLookMs;
            pace.was_full();
            pace.took(took_ms, now);
        }
    };
    run(2, 100);
    EXPECT_EQ(pace.window(), Pace::kMaxWindow);
    run(Pace::kFloorMs, 10);
    EXPECT_EQ(pace.window(), Pace::kMaxWindow);
    run(20, 20);
    EXPECT_EQ(pace.window(), Pace::kMinWindow);
    run(2, 100);
    EXPECT_EQ(pace.window(), Pace::kMaxWindow);
    pace.refused(now + Pace::kLookMs);
    EXPECT_LT(pace.window(), Pace::kMaxWindow);
}

// A log that is slow by itself (a disk, a cluster over a distance) is no queue.
TEST(Pace, ComparesWithTheBestOfThisLog) {
    Pace pace;
    std::uint64_t now = 0;
    for (int i = 0; i < 100; ++i) {
        now += Pace::kLookMs;
        pace.was_full();
        pace.took(40, now);
    }
    EXPECT_EQ(pace.window(), Pace::kMaxWindow);
    for (int i = 0; i < 30; ++i) pace.took(200, now += Pace::kLookMs);
    EXPECT_EQ(pace.window(), Pace::kMinWindow);
}

std::size_t fill(Window& window, std::uint64_t merchant) {
    std::size_t began = 0;
    for (; window.may_begin(merchant); ++began) window.count(merchant);
    return began;
}

TEST(Window, AMerchantHasNoMoreOfItThanIsStillFree) {
    Window window;
    EXPECT_EQ(fill(window, 1), Pace::kFirstWindow / 2);
    EXPECT_EQ(fill(window, 2), Pace::kFirstWindow / 4);
    EXPECT_EQ(fill(window, 3), Pace::kFirstWindow / 8);
    EXPECT_TRUE(window.may_begin(4)) << "who comes new finds room";
    window.took(1, Pace::kLookMs);
    EXPECT_GT(window.size(), Pace::kFirstWindow) << "more would have begun: it grows";
}

TEST(Window, TheLeastOneHasRoomForEverybodyInTurn) {
    Window window;
    for (std::uint64_t now = 0; window.size() > Pace::kMinWindow; now += Pace::kLookMs) window.refused(now);
    EXPECT_EQ(fill(window, 1), Pace::kMinWindow / 2);
    EXPECT_EQ(fill(window, 2), Pace::kMinWindow / 4);
    EXPECT_EQ(fill(window, 3), 1U);
}

// Results of calls that had grown old count whatever the size is.
TEST(Window, MayBeMoreThanFull) {
    Window window;
    for (std::size_t i = 0; i < 2 * Pace::kFirstWindow; ++i) window.count(1);
    EXPECT_FALSE(window.has_room());
    EXPECT_FALSE(window.may_begin(2));
    while (!window.may_begin(2)) window.uncount(1);
    EXPECT_EQ(window.used(), Pace::kFirstWindow - 1);
}

TEST(Pace, GrowsOnlyWhereMoreWouldBegin) {
    Pace pace;
    for (std::uint64_t now = 0; now < 10'000; now += Pace::kLookMs) pace.took(1, now);
    EXPECT_EQ(pace.window(), Pace::kFirstWindow);
}

}  // namespace
}  // namespace kontor::outbox
