#include "kontor/store/store.h"

#include <gtest/gtest.h>

#include <thread>

#include "kontor/base/bytes.h"
#include "kontor/cache/row_cache.h"
#include "store_testing.h"

namespace kontor::store {
namespace {

void put(Store& store, std::uint64_t index, TableId table, std::string_view key, std::string_view value) {
    store.begin();
    store.writer().put(table, key, value);
    store.commit(index, 0);
}

std::optional<std::string> get(const Store& store, TableId table, std::string_view key) {
    std::optional<std::string> value;
    store.read([&](const Reader& reader, std::uint64_t) {
        if (const auto found = reader.get(table, key)) value = std::string(*found);
    });
    return value;
}

void checkpoint(Store& store, std::string meta = "") {
    store.freeze(std::move(meta));
    store.wait_for_checkpoint();
    ASSERT_TRUE(store.failure()) << store.failure().error().describe();
}

TEST(Store, ReadsWhatWasWrittenFromEveryLayer) {
    const TempFolder folder;
    cache::RowCache cache(1 << 20);
    StoreOptions options = test_options(folder.path());
    options.cache = &cache;
    {
        const auto store = open_or_die(options);
        EXPECT_EQ(store->applied_index(), 0U);
        EXPECT_EQ(store->state_hash(), std::string(16, '\0'));
        for (const TableId table : {kPlain, kHomed, kSorted, kAppended}) {
            const std::uint64_t base = table * 10U;
            put(*store, base + 1, table, "key", "one");
            EXPECT_EQ(get(*store, table, "key"), "one");
            EXPECT_EQ(get(*store, table, "ke"), std::nullopt);
            checkpoint(*store);
            EXPECT_EQ(get(*store, table, "key"), "one");  // LMDB
            EXPECT_EQ(get(*store, table, "key"), "one");  // cache
            EXPECT_EQ(get(*store, table, "ke"), std::nullopt);
            EXPECT_EQ(get(*store, table, "ke"), std::nullopt);
            put(*store, base + 2, table, "key", "two");
            EXPECT_EQ(get(*store, table, "key"), "two");
            checkpoint(*store);
            EXPECT_EQ(get(*store, table, "key"), "two");  // the cache was brought up to date
            put(*store, base + 3, table, "ke", "");
            EXPECT_EQ(get(*store, table, "ke"), "");
            checkpoint(*store);
            EXPECT_EQ(get(*store, table, "ke"), "");
        }
        EXPECT_GT(cache.stats().hits, 0U);
    }
    const auto store = open_or_die(options);
    EXPECT_EQ(store->applied_index(), 43U);
    for (const TableId table : {kPlain, kHomed, kSorted, kAppended})
        EXPECT_EQ(get(*store, table, "key"), "two");
}

TEST(Store, AnErasedRowStaysErasedOverCheckpointsAndReopen) {
    const TempFolder folder;
    {
        const auto store = open_or_die(test_options(folder.path()));
        put(*store, 1, kPlain, "key", "one");
        checkpoint(*store);
        store->begin();
        store->writer().erase(kPlain, "key");
        store->writer().erase(kPlain, "never was");
        EXPECT_EQ(store->writer().get(kPlain, "key"), std::nullopt);
        store->commit(2, 0);
        EXPECT_EQ(get(*store, kPlain, "key"), std::nullopt);
        checkpoint(*store);
        EXPECT_EQ(get(*store, kPlain, "key"), std::nullopt);
    }
    EXPECT_EQ(contents(*open_or_die(test_options(folder.path()))), Model{});
}

TEST(Store, CheckpointMetaSurvivesReopen) {
    const TempFolder folder;
    std::string hash;
    {
        const auto store = open_or_die(test_options(folder.path()));
        CheckpointMeta seen;
        store->on_checkpoint = [&](const CheckpointMeta& meta) { seen = meta; };
        store->begin();
        store->writer().put(kPlain, "a", "b");
        store->commit(7, 12'345);
        hash = store->state_hash();
        checkpoint(*store, std::string("term 3\0voters", 13));
        EXPECT_EQ(seen.index, 7U);
        EXPECT_EQ(store->checkpoint().index, 7U);
        EXPECT_EQ(store->stats().checkpoints, 1U);
        put(*store, 8, kPlain, "a", "not in any checkpoint");
    }
    const auto store = open_or_die(test_options(folder.path()));
    EXPECT_EQ(store->checkpoint().index, 7U);
    EXPECT_EQ(store->checkpoint().time_ms, 12'345);
    EXPECT_EQ(store->checkpoint().state_hash, hash);
    EXPECT_EQ(store->checkpoint().replication_meta, std::string("term 3\0voters", 13));
    EXPECT_EQ(store->applied_index(), 7U);
    EXPECT_EQ(store->state_hash(), hash);
    EXPECT_EQ(get(*store, kPlain, "a"), "b");
}

TEST(Store, AnEntryWithoutRowsStillMovesTheCheckpoint) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    store->begin();
    store->commit(5, 1);
    EXPECT_NE(store->state_hash(), std::string(16, '\0'));
    checkpoint(*store);
    EXPECT_EQ(store->checkpoint().index, 5U);
    store->freeze("");  // nothing new: no checkpoint
    store->wait_for_checkpoint();
    EXPECT_EQ(store->stats().checkpoints, 1U);
}

TEST(Store, StateHashDependsOnEveryChangeAndItsOrderOnly) {
    const TempFolder one, two, three;
    const auto write = [](Store& store, bool swapped, bool checkpoints) {
        for (std::uint64_t index = 1; index <= 3; ++index) {
            store.begin();
            store.writer().put(kPlain, swapped ? "b" : "a", "x");
            store.writer().put(kPlain, swapped ? "a" : "b", "x");
            store.writer().erase(kSorted, "aab");
            store.commit(index, 0);
            if (checkpoints) checkpoint(store);
        }
        return store.state_hash();
    };
    const std::string hash = write(*open_or_die(test_options(one.path())), false, false);
    EXPECT_EQ(write(*open_or_die(test_options(two.path())), false, true), hash);
    EXPECT_NE(write(*open_or_die(test_options(three.path())), true, false), hash);
    // The bytes are on disks and between nodes: they must never change.
    EXPECT_EQ(to_hex(hash), "6bba68d2aef08cf0c9f17b66400ef9e4");
}

TEST(Store, LimitsAtTheirEdge) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");  // the store has threads
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    const std::string key(kMaxKeyBytes, 'k'), value(kMaxValueBytes, 'v');
    for (const TableId table : {kPlain, kHomed, kSorted, kAppended}) put(*store, table, table, key, value);
    checkpoint(*store);
    for (const TableId table : {kPlain, kHomed, kSorted, kAppended})
        EXPECT_EQ(get(*store, table, key), value);
    EXPECT_EQ(get(*store, kPlain, ""), std::nullopt);
    EXPECT_EQ(get(*store, kPlain, key + "k"), std::nullopt);
    store->begin();
    EXPECT_DEATH(store->writer().put(kPlain, key + "k", ""), "impossible length");
    EXPECT_DEATH(store->writer().put(kPlain, "", ""), "impossible length");
    EXPECT_DEATH(store->writer().put(kPlain, "k", value + "v"), "too long");
    EXPECT_DEATH(store->writer().put(99, "k", ""), "not declared");
    EXPECT_DEATH(scan_rows(store->writer(), "a", ""), "within one partition key");
    EXPECT_DEATH(store->read([](const Reader&, std::uint64_t) {}), "inside begin");
    store->commit(10, 0);
    EXPECT_DEATH(store->writer().put(kPlain, "k", ""), "between begin");
}

TEST(Store, RefusesWrongOptions) {
    const TempFolder folder;
    const auto message = [&](auto change) {
        StoreOptions options = test_options(folder.path());
        change(options);
        const auto store = Store::open(options);
        return store ? std::string("opened") : store.error().describe();
    };
    EXPECT_NE(message([](auto& o) { o.partitions = 0; }).find("no store"), std::string::npos);
    EXPECT_NE(message([](auto& o) { o.partitions = 65; }).find("1..64"), std::string::npos);
    EXPECT_NE(message([](auto& o) { o.max_pages_per_commit = 60'001; }).find("max_pages"), std::string::npos);
    EXPECT_NE(message([](auto& o) { o.tables.push_back(o.tables[0]); }).find("twice"), std::string::npos);
    EXPECT_NE(message([](auto& o) { o.tables[0].id = 255; }).find("store's own"), std::string::npos);
    EXPECT_NE(message([](auto& o) { o.tables[0].ordered = true; }).find("partition key"), std::string::npos);
    EXPECT_EQ(message([](auto&) {}), "opened");
    EXPECT_NE(message([](auto& o) { o.partitions = 5; }).find("has 4 partitions"), std::string::npos);
}

TEST(Store, ZeroPartitionsOpensAFolderAsItWasMade) {
    const TempFolder folder;
    StoreOptions as_made = test_options(folder.path());
    as_made.partitions = 0;
    EXPECT_EQ(Store::open(as_made).error().code, ErrorCode::not_found);
    EXPECT_FALSE(std::filesystem::exists(folder.path()));  // looking makes nothing
    {
        const auto store = open_or_die(test_options(folder.path()));
        put(*store, 1, kPlain, "a", "b");
        checkpoint(*store);
    }
    EXPECT_EQ(get(*open_or_die(as_made), kPlain, "a"), "b");
    std::filesystem::remove_all(folder.path() + "/partitions");
    std::filesystem::create_directories(folder.path() + "/partitions");
    EXPECT_EQ(Store::open(as_made).error().code, ErrorCode::corruption);
}

TEST(Store, OnlyOneAtATimeMayOpenAFolder) {
    const TempFolder folder;
    const auto first = open_or_die(test_options(folder.path()));
    const auto second = Store::open(test_options(folder.path()));
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, ErrorCode::conflict);
    EXPECT_NE(second.error().message.find("in use by another process"), std::string::npos);
}

TEST(Store, ShouldCheckpointByAgeOrSizeAndNeverTwice) {
    const TempFolder folder;
    StoreOptions options = test_options(folder.path());
    options.memtable_bytes = 100'000;
    options.checkpoint_interval_ms = 1'000;
    const auto store = open_or_die(options);
    EXPECT_FALSE(store->should_checkpoint(0));
    EXPECT_FALSE(store->should_checkpoint(1'000'000));  // nothing to do
    put(*store, 1, kPlain, "a", "b");
    EXPECT_FALSE(store->should_checkpoint(1'000'000));  // the clock of this row starts
    EXPECT_FALSE(store->should_checkpoint(1'000'999));
    EXPECT_TRUE(store->should_checkpoint(1'001'000));
    checkpoint(*store);
    EXPECT_FALSE(store->should_checkpoint(1'001'000));
    EXPECT_FALSE(store->must_wait());
    put(*store, 2, kPlain, "big", std::string(100'000, 'x'));
    EXPECT_TRUE(store->should_checkpoint(1'001'000));
    EXPECT_FALSE(store->must_wait());  // freeze instead
    EXPECT_GE(store->stats().memtable_bytes, 100'000U);
    checkpoint(*store);
    EXPECT_EQ(store->stats().memtable_bytes, 0U);
}

TEST(Store, AHotRowCostsOneRow) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    store->begin();
    for (int i = 0; i < 10'000; ++i)
        store->writer().put(kPlain, "hot", std::string(128, static_cast<char>(i)));
    store->commit(1, 0);
    EXPECT_EQ(store->stats().memtable_rows, 1U);
    EXPECT_LT(store->stats().memtable_bytes, 1'000U);
}

TEST(Store, AnExceptionInAReadReachesTheCallerAndLeavesTheStoreUsable) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    EXPECT_THROW(store->read([](const Reader&, std::uint64_t) { throw StoreFailure("told"); }), StoreFailure);
    put(*store, 1, kPlain, "a", "b");
    EXPECT_EQ(get(*store, kPlain, "a"), "b");
}

TEST(Store, AnAbandonedEntryIsNeverSeen) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    put(*store, 1, kPlain, "key", "one");
    store->begin();
    store->writer().put(kPlain, "key", "half");
    store->abandon();
    // From any thread, at once: nobody waits for what does not come.
    std::thread reader([&] { EXPECT_THROW(contents(*store), StoreFailure); });
    reader.join();
    EXPECT_THROW(contents(*store), StoreFailure);
    EXPECT_EQ(store->applied_index(), 1U);
}

}  // namespace
}  // namespace kontor::store
