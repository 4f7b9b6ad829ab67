// Scans merge active memtable, frozen memtable and LMDB; a row's place must never show.

#include <gtest/gtest.h>

#include <condition_variable>
#include <mutex>

#include "store_testing.h"

namespace kontor::store {
namespace {

// Holds a checkpoint between redo file and first partition commit, so that the frozen memtable stays.
class Gate {
 public:
    void wait() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return open_; });
    }
    void open() {
        const std::scoped_lock lock(mutex_);
        open_ = true;
        changed_.notify_all();
    }

 private:
    std::mutex mutex_;
    std::condition_variable changed_;
    bool open_ = false;
};

TEST(Scan, MergesThreeLayersInBothDirections) {
    const TempFolder folder;
    Gate gate;
    StoreOptions options = test_options(folder.path());
    bool hold = false;
    options.crash_point = [&](const char* step) {
        if (hold && std::string_view(step) == "redo-synced") gate.wait();
    };
    const auto store = open_or_die(options);
    const auto write = [&](std::uint64_t index, const Model& rows, const std::vector<std::string>& erased) {
        store->begin();
        for (const auto& [name, value] : rows) store->writer().put(name.first, name.second, value);
        for (const auto& key : erased) store->writer().erase(kSorted, key);
        store->commit(index, 0);
    };
    const auto row = [](const char* key, const char* value) {
        return std::pair{std::pair{kSorted, std::string(key)}, std::string(value)};
    };
    write(1,
          {row("hm1", "disk"), row("hm3", "disk"), row("hm5", "disk"), row("hm7", "disk"), row("hm", "disk"),
           row("hl9", "other home"), row("hn0", "other home")},
          {});
    store->freeze("");
    store->wait_for_checkpoint();
    hold = true;
    write(2, {row("hm2", "frozen"), row("hm3", "frozen"), row("hm6", "frozen"), row("hm8", "frozen")},
          {"hm5"});
    store->freeze("");
    write(3, {row("hm4", "active"), row("hm6", "active"), row("hm5", "active"), row("hm9", "active")},
          {"hm7", "hm8"});

    const Rows all = {{"hm", "disk"},    {"hm1", "disk"},   {"hm2", "frozen"}, {"hm3", "frozen"},
                      {"hm4", "active"}, {"hm5", "active"}, {"hm6", "active"}, {"hm9", "active"}};
    const Rows reversed(all.rbegin(), all.rend());
    const auto check = [&] {
        store->read([&](const Reader& reader, std::uint64_t index) {
            EXPECT_EQ(index, 3U);
            EXPECT_EQ(scan_rows(reader, "hm", ""), all);
            EXPECT_EQ(scan_rows(reader, "hm", "", Direction::descending), reversed);
            EXPECT_EQ(scan_rows(reader, "hm", "hn"),
                      all);  // `high` past the partition key ends at the partition key
            EXPECT_EQ(scan_rows(reader, "hm", "zz", Direction::descending), reversed);
            EXPECT_EQ(scan_rows(reader, "hm2", "hm5"), Rows(all.begin() + 2, all.begin() + 5));
            EXPECT_EQ(scan_rows(reader, "hm2", "hm5", Direction::descending),
                      Rows(reversed.begin() + 3, reversed.begin() + 6));
            EXPECT_EQ(scan_rows(reader, "hm2", "hm2"), Rows{});
            EXPECT_EQ(scan_rows(reader, "hm7", "hm9"), Rows{});
            EXPECT_EQ(scan_rows(reader, "hm9", "hm2"), Rows{});
            EXPECT_EQ(scan_rows(reader, "hm", "", Direction::descending, 1),
                      Rows(reversed.begin(), reversed.begin() + 1));
            EXPECT_EQ(scan_rows(reader, "xx", ""), Rows{});
        });
    };
    check();
    gate.open();
    store->wait_for_checkpoint();
    check();
    store->freeze("");
    store->wait_for_checkpoint();
    check();
}

TEST(Scan, ReachesTheEndOfAHomeOfHighBytes) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    const std::string home = "\xFF\xFF";
    const Rows rows = {{home, "a"}, {home + "\x01", "b"}, {home + "\xFF\xFF", "c"}};
    store->begin();
    for (const auto& [key, value] : rows) store->writer().put(kSorted, key, value);
    store->commit(1, 0);
    for (int layer = 0; layer < 2; ++layer) {
        store->read([&](const Reader& reader, std::uint64_t) {
            EXPECT_EQ(scan_rows(reader, home, ""), rows);
            EXPECT_EQ(scan_rows(reader, home, "", Direction::descending), Rows(rows.rbegin(), rows.rend()));
        });
        store->freeze("");
        store->wait_for_checkpoint();
    }
}

// What a visitor writes must have the same effect whether rows are in memory or on disk: nodes differ in
// that.
TEST(Scan, AVisitorThatWritesSeesTheSameOnEveryNode) {
    for (const Direction direction : {Direction::ascending, Direction::descending}) {
        std::vector<Rows> seen;
        for (int variant = 0; variant < 3; ++variant) {
            const TempFolder folder;
            const auto store = open_or_die(test_options(folder.path()));
            for (std::uint64_t index = 1; index <= 2; ++index) {
                store->begin();
                for (char c = 'b'; c < 'j'; ++c)
                    if ((c % 2 == 0) == (index == 1))
                        store->writer().put(kSorted, std::string("ho") + c, "old");
                store->commit(index, 0);
                if (variant >= static_cast<int>(index)) {
                    store->freeze("");
                    store->wait_for_checkpoint();
                }
            }
            Rows rows;
            store->begin();
            store->writer().scan(
                kSorted, "ho", "", direction, [&](std::string_view key, std::string_view value) {
                    rows.emplace_back(key, value);
                    const bool up = direction == Direction::ascending;
                    const auto near = [&](int by) {
                        std::string other(key);
                        other[2] = static_cast<char>(other[2] + (up ? by : -by));
                        return other;
                    };
                    if (rows.size() == 2) {
                        const std::string here(key);
                        store->writer().erase(kSorted, here);
                        store->writer().erase(kSorted, near(1));             // ahead: not visited
                        store->writer().put(kSorted, near(2), "rewritten");  // ahead: visited as written
                        store->writer().put(kSorted, near(2) + "+", "new");
                        store->writer().put(kSorted, near(-1), "behind");  // not visited again
                    }
                    return true;
                });
            store->commit(3, 0);
            seen.push_back(rows);
        }
        EXPECT_EQ(seen[0].size(), 8U);
        EXPECT_EQ(seen[0], seen[1]);
        EXPECT_EQ(seen[0], seen[2]);
    }
}

TEST(Scan, AVisitorMayReadAndScanWithTheSameReader) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    store->begin();
    for (char c = 'a'; c < 'e'; ++c) {
        store->writer().put(kSorted, std::string("ho") + c, std::string("object ") + c);
        store->writer().put(kPlain, std::string("object ") + c, std::string(1, c));
    }
    store->commit(1, 0);
    store->freeze("");
    store->wait_for_checkpoint();
    std::string joined;
    store->read([&](const Reader& reader, std::uint64_t) {
        reader.scan(kSorted, "ho", "", Direction::ascending,
                    [&](std::string_view key, std::string_view value) {
                        joined += *reader.get(kPlain, value);
                        EXPECT_EQ(scan_rows(reader, key, "").front().second, value);
                        return true;
                    });
    });
    EXPECT_EQ(joined, "abcd");
}

TEST(Scan, OfAHashedTableIsABug) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // the store has threads
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    store->begin();
    EXPECT_DEATH(store->writer().scan(kHomed, "ho", "", Direction::ascending,
                                      [](std::string_view, std::string_view) { return true; }),
                 "not ordered");
    store->commit(1, 0);
}

}  // namespace
}  // namespace kontor::store
