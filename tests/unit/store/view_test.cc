// Views of a checkpoint: one index however long they take, nobody waits for them, and the files do not grow
// without bound.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <thread>

#include "store_testing.h"

namespace kontor::store {
namespace {

constexpr unsigned kRows = 2'000;

std::string row_key(unsigned n) {
    return "h" + std::string(1, static_cast<char>('a' + n % 5)) + std::to_string(n);
}

// Every entry writes every row, so that each checkpoint frees all leaf pages of the one before.
void write_all(Store& store, std::uint64_t index) {
    store.begin();
    for (unsigned n = 0; n < kRows; ++n)
        store.writer().put(kSorted, row_key(n), std::to_string(index) + std::string(100, '.'));
    store.commit(index, 0);
}
void checkpoint(Store& store) {
    store.freeze("");
    store.wait_for_checkpoint();
    ASSERT_TRUE(store.failure()) << store.failure().error().describe();
}

Result<unsigned> count(CheckpointView& view, std::uint64_t index,
                       const std::function<void()>& between = nullptr) {
    unsigned rows = 0;
    const std::string wanted = std::to_string(index) + ".";
    KONTOR_CHECK(view.for_each(kSorted, [&](std::string_view, std::string_view value) {
        if (value.starts_with(wanted)) ++rows;
        if (between) between();
        return true;
    }));
    return rows;
}

TEST(StoreView, ShowsOneCheckpointWhileOthersAreMade) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    write_all(*store, 1);
    checkpoint(*store);
    write_all(*store, 2);  // applied, in no checkpoint
    auto view = store->view_checkpoint();
    ASSERT_TRUE(view);
    EXPECT_EQ((*view)->meta().index, 1U);
    std::uint64_t index = 2;
    unsigned seen = 0;
    // Entries and checkpoints in the middle of the visit: with the visit on the same thread, waiting would
    // never end.
    const auto rows = count(**view, 1, [&] {
        if (++seen % 500 != 0) return;
        std::thread([&] {
            write_all(*store, ++index);
            checkpoint(*store);
        }).join();
    });
    ASSERT_TRUE(rows) << rows.error().describe();
    EXPECT_EQ(*rows, kRows);
    EXPECT_EQ(index, 6U);
    EXPECT_EQ(store->checkpoint().index, 6U);
    const auto newer = store->view_checkpoint();
    EXPECT_EQ(*count(**newer, 6), kRows);
    EXPECT_EQ(store->stats().views, 2U);
    view->reset();
    EXPECT_EQ(store->stats().views, 1U);
}

// Steady writes under a view that is open and looks no more: it is ended, and what it held is used again.
TEST(StoreView, DoesNotLetTheFilesGrowWithoutBound) {
    const TempFolder folder;
    StoreOptions options = test_options(folder.path());
    options.max_view_growth_bytes = 4U << 20U;
    const auto store = open_or_die(options);
    std::uint64_t index = 0;
    for (int i = 0; i < 10; ++i) {
        write_all(*store, ++index);
        checkpoint(*store);
    }
    const std::uint64_t write_back = store->stats().partition_bytes;
    const auto view = store->view_checkpoint();
    ASSERT_TRUE(view);
    const std::uint64_t shown = index;
    std::uint64_t a_checkpoint = 0;
    for (int i = 0; i < 60; ++i) {
        const std::uint64_t before = store->stats().partition_bytes;
        write_all(*store, ++index);
        checkpoint(*store);
        a_checkpoint = std::max(a_checkpoint, store->stats().partition_bytes - before);
    }
    const std::uint64_t grown = store->stats().partition_bytes - write_back;
    EXPECT_GT(a_checkpoint, 0U) << "the view did hold pages";
    EXPECT_GT(grown, options.max_view_growth_bytes);
    EXPECT_LE(grown, options.max_view_growth_bytes + 2 * a_checkpoint);
    const auto ended = count(**view, shown);
    ASSERT_FALSE(ended);
    EXPECT_EQ(ended.error().code, ErrorCode::timeout);
    EXPECT_NE(ended.error().message.find("checkpoint " + std::to_string(shown)), std::string::npos)
        << ended.error().message;
    EXPECT_NE(ended.error().message.find("bytes"), std::string::npos);
}

TEST(StoreView, EndsWhenItIsTooOldAlsoInTheMiddle) {
    const TempFolder folder;
    StoreOptions options = test_options(folder.path());
    options.max_view_ms = 30;
    const auto store = open_or_die(options);
    write_all(*store, 1);
    checkpoint(*store);
    const auto view = store->view_checkpoint();
    ASSERT_TRUE(view);
    EXPECT_EQ(*count(**view, 1), kRows);  // at its beginning it works
    const auto rows = count(**view, 1, [] { std::this_thread::sleep_for(std::chrono::milliseconds(1)); });
    ASSERT_FALSE(rows);
    EXPECT_EQ(rows.error().code, ErrorCode::timeout);
    EXPECT_TRUE(store->failure());
    EXPECT_EQ(*count(**store->view_checkpoint(), 1), kRows);
}

TEST(StoreView, AtMostFour) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    std::vector<std::unique_ptr<CheckpointView>> views;
    for (std::size_t i = 0; i < kMaxCheckpointViews; ++i) views.push_back(*store->view_checkpoint());
    EXPECT_EQ(store->view_checkpoint().error().code, ErrorCode::overloaded);
    views.pop_back();
    EXPECT_TRUE(store->view_checkpoint());
}

// A visit of one table looks up rows of others, at the same index.
TEST(StoreView, IsReadByKeyToo) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    write_all(*store, 1);
    checkpoint(*store);
    auto view = store->view_checkpoint();
    ASSERT_TRUE(view);
    write_all(*store, 2);
    checkpoint(*store);
    const Reader& reader = (*view)->reader();
    const auto scanned = [&](std::string_view low, std::string_view high, Direction direction) {
        std::vector<std::string> keys;
        reader.scan(kSorted, low, high, direction, [&](std::string_view key, std::string_view value) {
            EXPECT_TRUE(value.starts_with("1."));
            keys.emplace_back(key);
            return true;
        });
        return keys;
    };
    std::vector<std::string> home;  // of "ha", sorted
    for (unsigned n = 0; n < kRows; n += 5) home.push_back(row_key(n));
    std::sort(home.begin(), home.end());
    EXPECT_EQ(scanned("ha", {}, Direction::ascending), home);
    EXPECT_EQ(scanned(home[3], home[9], Direction::ascending),
              std::vector<std::string>(home.begin() + 3, home.begin() + 9));
    std::vector<std::string> back(home.rbegin(), home.rend());
    EXPECT_EQ(scanned("ha", {}, Direction::descending), back);
    EXPECT_EQ(scanned(home[3], home[9], Direction::descending),
              std::vector<std::string>(back.end() - 9, back.end() - 3));
    EXPECT_FALSE(reader.get(kSorted, "ha-none"));
    EXPECT_FALSE(reader.get(kSorted, ""));
    unsigned found = 0;
    ASSERT_TRUE((*view)->for_each(kSorted, [&](std::string_view key, std::string_view) {
        const auto row = reader.get(kSorted, key);
        found += row && row->starts_with("1.") ? 1U : 0U;
        return true;
    }));
    EXPECT_EQ(found, kRows);
}

TEST(StoreView, ThatHasEndedIsNotRead) {
    const TempFolder folder;
    StoreOptions options = test_options(folder.path());
    options.max_view_ms = 20;
    const auto store = open_or_die(std::move(options));
    write_all(*store, 1);
    checkpoint(*store);
    auto view = store->view_checkpoint();
    ASSERT_TRUE(view);
    const Reader& reader = (*view)->reader();
    const auto ended = [&] {
        try {
            reader.scan(kSorted, "ha", {}, Direction::ascending, [](auto, auto) { return true; });
        } catch (const StoreFailure& failure) {
            return std::string(failure.what()).find("was ended after") != std::string::npos;
        }
        return false;
    };
    while (!ended()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    EXPECT_THROW((void)reader.get(kSorted, row_key(0)), StoreFailure);
    EXPECT_FALSE((*view)->for_each(kSorted, [](auto, auto) { return true; }));
    EXPECT_TRUE(store->failure()) << "a view that ended is nobody's failure";
}

}  // namespace
}  // namespace kontor::store
