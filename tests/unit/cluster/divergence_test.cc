// Who is wrong where states differ, and since when.
#include "divergence.h"

#include <gtest/gtest.h>

namespace kontor::cluster {
namespace {

Verdict of(std::string mine, std::string leaders, std::vector<std::string> others, std::size_t unknown = 0,
           bool is_last = false) {
    return judge({std::move(mine), std::move(leaders), std::move(others), unknown}, is_last);
}

TEST(Judge, OfTwoNodesTheFollowerStops) {
    EXPECT_EQ(of("a", "b", {}), Verdict::we_are_wrong);
    EXPECT_EQ(of("b", "b", {"a"}), Verdict::they_are_wrong) << "as the leader sees it";
}

TEST(Judge, OfThreeNodesTheOneThatIsAloneStops) {
    EXPECT_EQ(of("a", "b", {"b"}), Verdict::we_are_wrong);
    EXPECT_EQ(of("a", "b", {"a"}), Verdict::they_are_wrong);
    EXPECT_EQ(of("b", "b", {"a", "a"}), Verdict::we_are_wrong) << "the leader itself";
    EXPECT_EQ(of("b", "b", {"a", "b"}), Verdict::they_are_wrong);
    EXPECT_EQ(of("a", "b", {"c"}), Verdict::we_are_wrong) << "three states: the leader's";
    EXPECT_EQ(of("b", "b", {"a", "c"}), Verdict::they_are_wrong);
}

TEST(Judge, WaitsForWhomItDependsOn) {
    EXPECT_EQ(of("a", "b", {}, 1), Verdict::not_known_yet);
    EXPECT_EQ(of("a", "b", {}, 1, true), Verdict::we_are_wrong);
    EXPECT_EQ(of("b", "b", {"a"}, 1), Verdict::not_known_yet);
    EXPECT_EQ(of("b", "b", {"a"}, 1, true), Verdict::they_are_wrong);
    // Of five, whatever the last one says.
    EXPECT_EQ(of("a", "b", {"a", "a"}, 1), Verdict::they_are_wrong);
    EXPECT_EQ(of("a", "b", {"b", "b"}, 1), Verdict::we_are_wrong);
    EXPECT_EQ(of("a", "b", {"a"}, 1), Verdict::not_known_yet);
    EXPECT_EQ(of("a", "b", {"a"}, 1, true), Verdict::they_are_wrong);
}

// Entries of even indexes; from `differs_from` on the chains differ, and the other side has forgotten what
// is before `known_from`.
struct Two {
    std::uint64_t newest = 2'000, oldest = 2, differs_from = 0, known_from = 0;
    int asked = 0;

    static store::EntryHash entry(std::uint64_t index, const char* whose) {
        store::EntryHash made;
        made.index = index;
        made.hash = whose + std::to_string(index);
        return made;
    }
    Difference find() {
        return first_difference(
            {entry(newest, "mine"), entry(newest, "theirs")},
            [&](std::uint64_t index) -> std::optional<store::EntryHash> {
                const std::uint64_t at = std::max(oldest, index + index % 2);
                if (at > newest) return std::nullopt;
                return entry(at, at >= differs_from ? "mine" : "same");
            },
            [&](std::uint64_t index) -> std::optional<store::EntryHash> {
                ++asked;
                if (index < known_from) return std::nullopt;
                return entry(index, index >= differs_from ? "theirs" : "same");
            });
    }
};

TEST(FirstDifference, IsFoundWhereverItIs) {
    for (std::uint64_t at = 2; at <= 2'000; at += 2) {
        Two two;
        two.differs_from = at;
        const Difference found = two.find();
        ASSERT_EQ(found.mine.index, at);
        ASSERT_EQ(found.theirs.hash, "theirs" + std::to_string(at));
        ASSERT_LE(two.asked, 12);
    }
}

TEST(FirstDifference, IsTheOldestThatBothKnow) {
    for (std::uint64_t known = 2; known <= 2'000; known += 2) {
        Two two;
        two.differs_from = 2;
        two.known_from = known;
        ASSERT_EQ(two.find().mine.index, known);
    }
    Two nobody_answers;
    nobody_answers.differs_from = 2;
    nobody_answers.known_from = 5'000;
    EXPECT_EQ(nobody_answers.find().mine.index, 2'000U);
    EXPECT_LE(nobody_answers.asked, 12);
}

TEST(FirstDifference, AsksABoundedNumberOfTimes) {
    Two far;
    far.newest = std::uint64_t{1} << 62U;
    far.differs_from = far.newest - 2;
    (void)far.find();
    EXPECT_LE(far.asked, kMaxAsked);
}

}  // namespace
}  // namespace kontor::cluster
