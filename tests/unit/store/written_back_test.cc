// Written-back tables (docs/adr/0009-write-back-rows.md): their rows stay in memory and in redo files over
// several checkpoints, and nobody may notice: neither readers nor visits, views, starts, or damaged files.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>

#include "kontor/cache/row_cache.h"
#include "redo_file.h"
#include "store_testing.h"

namespace kontor::store {
namespace {

constexpr std::uint64_t kPlenty = 1ULL << 30U;

StoreOptions lazy_options(const std::string& folder) {  // merges when asked only
    StoreOptions options = test_options(folder);
    options.redo_bytes = kPlenty;
    options.write_back_bytes = kPlenty;
    return options;
}

std::string key_of(unsigned n) {
    return "row " + std::to_string(n);
}
std::string value_of(std::uint64_t index, unsigned n) {
    return std::to_string(index) + "." + std::to_string(n) + std::string(40, '.');
}

void write(Store& store, std::uint64_t index, unsigned first, unsigned end) {
    store.begin();
    for (unsigned n = first; n < end; ++n) {
        store.writer().put(kWrittenBack, key_of(n), value_of(index, n));
        store.writer().put(kPlain, key_of(n), value_of(index, n));
    }
    store.commit(index, 0);
}
void checkpoint(Store& store) {
    store.freeze("meta");
    store.wait_for_checkpoint();
    ASSERT_TRUE(store.failure()) << store.failure().error().describe();
}
// Checkpoint `index` writes rows index*10 .. index*10+19, so that each but the ends is written twice.
void write_chain(Store& store, std::uint64_t first, std::uint64_t last) {
    for (std::uint64_t index = first; index <= last; ++index) {
        write(store, index, static_cast<unsigned>(index * 10), static_cast<unsigned>(index * 10 + 20));
        checkpoint(store);
    }
}
Model model_of_chain(std::uint64_t last) {
    Model model;
    for (std::uint64_t index = 1; index <= last; ++index)
        for (auto n = static_cast<unsigned>(index * 10); n < index * 10 + 20; ++n)
            for (const TableId table : {kPlain, kWrittenBack}) model[{table, key_of(n)}] = value_of(index, n);
    return model;
}
std::vector<std::uint64_t> redo_files(const std::string& folder) {
    return *list_redo_files(folder + "/redo");
}
std::string open_error(const std::string& folder) {
    const auto store = Store::open(lazy_options(folder));
    return store ? "opened at " + std::to_string((*store)->applied_index()) : store.error().describe();
}

TEST(StoreWrittenBack, AChainOfCheckpointsIsRecovered) {
    const TempFolder folder;
    {
        const auto store = open_or_die(lazy_options(folder.path()));
        write_chain(*store, 1, 6);
        EXPECT_EQ(store->stats().merges, 0U);
        EXPECT_EQ(store->stats().write_back_rows, 70U);
        EXPECT_GT(store->stats().write_back_dirty_bytes, 70U * 40U);
    }
    EXPECT_EQ(redo_files(folder.path()), (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
    for (int start = 0; start < 2; ++start) {  // a start changes nothing
        const auto store = open_or_die(lazy_options(folder.path()));
        EXPECT_EQ(store->applied_index(), 6U);
        EXPECT_EQ(contents(*store), model_of_chain(6));
    }
    {
        const auto store = open_or_die(lazy_options(folder.path()));
        write_chain(*store, 7, 8);
        EXPECT_EQ(contents(*store), model_of_chain(8));
        ASSERT_TRUE(store->view_checkpoint());  // merges
        EXPECT_EQ(store->stats().write_back_dirty_bytes, 0U);
        EXPECT_EQ(store->stats().merges, 4U);
        EXPECT_EQ(redo_files(folder.path()), (std::vector<std::uint64_t>{8}));
        EXPECT_EQ(contents(*store), model_of_chain(8));
    }
    std::filesystem::remove_all(folder.path() + "/redo");  // not needed any more
    EXPECT_EQ(contents(*open_or_die(lazy_options(folder.path()))), model_of_chain(8));
}

TEST(StoreWrittenBack, AMissingOrDamagedRedoFileOfTheChainIsNamed) {
    const TempFolder folder;
    {
        const auto store = open_or_die(lazy_options(folder.path()));
        write_chain(*store, 1, 5);
    }
    for (std::uint64_t index = 1; index <= 5; ++index) {
        SCOPED_TRACE(index);
        const std::string path = redo_path(folder.path() + "/redo", index);
        std::filesystem::rename(path, path + ".away");
        std::string error = open_error(folder.path());
        EXPECT_NE(error.find("corruption: partition 0"), std::string::npos) << error;
        EXPECT_NE(error.find("redo file that follows index " + std::to_string(index - 1)), std::string::npos)
            << error;
        EXPECT_NE(error.find("missing"), std::string::npos) << error;
        EXPECT_NE(error.find("restore this node"), std::string::npos) << error;
        std::filesystem::rename(path + ".away", path);

        std::ifstream in(path, std::ios::binary);
        const std::string whole{std::istreambuf_iterator<char>(in), {}};
        for (std::size_t at = 0; at < whole.size(); at += whole.size() / 20) {
            std::string damaged = whole;
            damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
            std::ofstream(path, std::ios::binary | std::ios::trunc) << damaged;
            error = open_error(folder.path());
            EXPECT_EQ(error.find("opened"), std::string::npos) << "byte " << at;
            EXPECT_NE(error.find(path), std::string::npos) << error;
        }
        std::ofstream(path, std::ios::binary | std::ios::trunc) << whole.substr(0, whole.size() - 1);
        EXPECT_NE(open_error(folder.path()).find("restore this node"), std::string::npos);
        std::ofstream(path, std::ios::binary | std::ios::trunc) << whole;
    }
    EXPECT_EQ(open_error(folder.path()), "opened at 5");
}

TEST(StoreWrittenBack, AViewShowsOneCheckpointOfAllTables) {
    const TempFolder folder;
    const auto store = open_or_die(lazy_options(folder.path()));
    for (std::uint64_t index = 1; index <= 3; ++index) {
        write(*store, index, 0, 200);
        checkpoint(*store);
    }
    write(*store, 4, 0, 200);  // applied, in no checkpoint
    const auto view = store->view_checkpoint();
    ASSERT_TRUE(view) << view.error().describe();
    EXPECT_EQ((*view)->meta().index, 3U);
    write(*store, 5, 0, 250);
    checkpoint(*store);
    ASSERT_TRUE(store->view_checkpoint());  // merges what is newer than the first view
    for (const TableId table : {kPlain, kWrittenBack}) {
        unsigned rows = 0;
        ASSERT_TRUE((*view)->for_each(table, [&](std::string_view, std::string_view value) {
            EXPECT_TRUE(value.starts_with("3."));
            ++rows;
            return true;
        }));
        EXPECT_EQ(rows, 200U);
    }
}

// A row in each layer, and in several: the newest value, once; erased ones nowhere.
TEST(StoreWrittenBack, AVisitSeesEachRowOnceWithItsNewestValue) {
    const TempFolder folder;
    StoreOptions options = lazy_options(folder.path());
    Model model;
    const auto store = open_or_die(options);
    std::uint64_t index = 0;
    // Every combination of layers: bit 0 partition, 1 write_back, 2 active; and what the newest does with it.
    const auto change = [&](unsigned layer) {
        store->begin();
        ++index;
        for (unsigned n = 0; n < 64; ++n) {
            if ((n >> layer & 1U) == 0) continue;
            if ((n >> (3 + layer) & 1U) != 0) {
                store->writer().erase(kWrittenBack, key_of(n));
                model.erase({kWrittenBack, key_of(n)});
            } else {
                store->writer().put(kWrittenBack, key_of(n), value_of(index, n));
                model[{kWrittenBack, key_of(n)}] = value_of(index, n);
            }
        }
        store->commit(index, 0);
    };
    change(0);
    checkpoint(*store);
    ASSERT_TRUE(store->view_checkpoint());
    EXPECT_EQ(store->stats().write_back_dirty_bytes, 0U);
    change(1);
    checkpoint(*store);
    change(2);
    EXPECT_EQ(contents(*store), model);
    store->begin();
    for (unsigned n = 0; n < 64; ++n) {
        const auto wanted = model.find({kWrittenBack, key_of(n)});
        const auto found = store->writer().get(kWrittenBack, key_of(n));
        ASSERT_EQ(found.has_value(), wanted != model.end()) << n;
        if (found) {
            EXPECT_EQ(*found, wanted->second);
        }
    }
    store->commit(++index, 0);
}

TEST(StoreWrittenBack, DirtyRowsAreMergedAtTheirLimitAndStayUntilThen) {
    const TempFolder folder;
    std::uint64_t dirty = 0;
    {
        const auto store = open_or_die(lazy_options(folder.path()));
        write(*store, 1, 0, 300);
        checkpoint(*store);
        dirty = store->stats().write_back_dirty_bytes;
        ASSERT_GT(dirty, 300U * 40U);
    }
    const std::uint64_t exact = (dirty + 2) / 3 * 4;  // three quarters of it are enough
    for (const bool fits : {true, false}) {
        const TempFolder other;
        StoreOptions options = lazy_options(other.path());
        options.write_back_bytes = fits ? exact : exact - 4;
        const auto store = open_or_die(options);
        write(*store, 1, 0, 300);
        checkpoint(*store);
        if (fits) {
            EXPECT_EQ(store->stats().merges, 0U);
            EXPECT_EQ(store->stats().write_back_dirty_bytes, dirty);
        } else {
            EXPECT_EQ(store->stats().merges, 1U);
            EXPECT_LT(store->stats().write_back_dirty_bytes, dirty);
        }
        EXPECT_EQ(store->stats().write_back_rows, 300U);
    }
}

TEST(StoreWrittenBack, MemoryStaysWithinItsLimitWhateverIsWritten) {
    const TempFolder folder;
    StoreOptions options = lazy_options(folder.path());
    options.write_back_bytes = 40'000;
    const auto store = open_or_die(options);
    Model model;
    Workload dice(test_seed());
    for (std::uint64_t index = 1; index <= 60; ++index) {
        store->begin();
        for (int i = 0; i < 100; ++i) {
            const auto n = static_cast<unsigned>(dice.below(5'000));
            store->writer().put(kWrittenBack, key_of(n), value_of(index, n));
            model[{kWrittenBack, key_of(n)}] = value_of(index, n);
        }
        store->commit(index, 0);
        checkpoint(*store);
        const StoreStats stats = store->stats();
        ASSERT_LE(stats.write_back_dirty_bytes, 30'000U);
        // What was merged by this checkpoint goes with the next one.
        ASSERT_LE(stats.write_back_bytes, 40'000U + 100U * 200U + 4U * 4'096U);
    }
    EXPECT_EQ(contents(*store), model);
    EXPECT_GT(model.size(), 2'000U);
    EXPECT_LT(store->stats().write_back_rows, 1'000U);
}

TEST(StoreWrittenBack, RedoFilesStayWithinTheirLimit) {
    const TempFolder folder;
    StoreOptions options = lazy_options(folder.path());
    options.memtable_bytes = 1;  // full at every checkpoint: the limit itself
    options.redo_bytes = 100'000;
    const auto store = open_or_die(options);
    std::uint64_t most = 0, a_file = 0;
    for (std::uint64_t index = 1; index <= 80; ++index) {
        write(*store, index, 0, 50);
        checkpoint(*store);
        most = std::max(most, store->stats().redo_bytes);
        a_file = std::filesystem::file_size(redo_path(folder.path() + "/redo", index));
    }
    EXPECT_GT(most, 100'000U);
    EXPECT_LE(most, 100'000U + 5U * a_file);  // one partition a checkpoint, of four
    EXPECT_GT(store->stats().merges, 4U);
    EXPECT_LT(store->stats().merges, 80U);
}

// Each piece follows a checkpoint that changes rows of pieces done and of pieces to come.
TEST(StoreWrittenBack, ALargeMergeGoesInPiecesAndLosesNothing) {
    const TempFolder folder;
    StoreOptions options = lazy_options(folder.path());
    options.memtable_bytes = 1;  // full at every checkpoint: the limit itself
    options.partitions = 1;
    options.redo_bytes = 150'000;
    options.merge_bytes = 8'000;
    Model model;
    Workload dice(test_seed());
    auto store = open_or_die(options);
    std::uint64_t most_redo = 0, partial = 0;
    for (std::uint64_t index = 1; index <= 120; ++index) {
        store->begin();
        for (int i = 0; i < 60; ++i) {
            const auto n = static_cast<unsigned>(dice.below(600));
            const TableId table = dice.below(8) == 0 ? kPlain : kWrittenBack;
            if (dice.below(10) == 0) {
                store->writer().erase(table, key_of(n));
                model.erase({table, key_of(n)});
            } else {
                store->writer().put(table, key_of(n), value_of(index, n));
                model[{table, key_of(n)}] = value_of(index, n);
            }
        }
        store->commit(index, 0);
        const StoreStats before = store->stats();
        checkpoint(*store);
        const StoreStats after = store->stats();
        most_redo = std::max(most_redo, after.redo_bytes);
        if (after.write_back_dirty_bytes < before.write_back_dirty_bytes && after.merges == before.merges)
            ++partial;
        if (dice.below(6) == 0) {
            store.reset();
            store = open_or_die(options);
        }
        ASSERT_EQ(contents(*store), model) << index;
    }
    EXPECT_GT(partial, 5U);
    EXPECT_LE(most_redo, 2U * 150'000U);
}

TEST(StoreWrittenBack, EachReadSeesWhatTheCacheMayNotKnow) {
    const TempFolder folder;
    cache::RowCache cache(1U << 20U);
    StoreOptions options = lazy_options(folder.path());
    options.write_back_bytes = 1;  // all dirty rows are merged at once, and gone with the next checkpoint
    options.cache = &cache;
    const auto store = open_or_die(options);
    std::uint64_t index = 0;
    for (int round = 0; round < 5; ++round) {
        const std::uint64_t written = ++index;
        write(*store, written, 0, 30);
        checkpoint(*store);
        EXPECT_EQ(contents(*store).at({kWrittenBack, key_of(7)}), value_of(written, 7));
        for (int i = 0; i < 2; ++i) {
            write(*store, ++index, 100, 101);
            checkpoint(*store);
        }
        EXPECT_LT(store->stats().write_back_rows, 5U);  // so this comes from partitions, into the cache
        EXPECT_EQ(contents(*store).at({kWrittenBack, key_of(7)}), value_of(written, 7));
        EXPECT_GT(cache.stats().rows, 29U);
    }
}

TEST(StoreWrittenBack, ABinaryThatDeclaresItOtherwiseDoesNotOpenIt) {
    const TempFolder folder;
    {
        const auto store = open_or_die(lazy_options(folder.path()));
        write_chain(*store, 1, 2);
    }
    StoreOptions options = lazy_options(folder.path());
    for (TableSpec& spec : options.tables) spec.written_back = false;
    const auto store = Store::open(options);
    ASSERT_FALSE(store);
    EXPECT_EQ(store.error().code, ErrorCode::unsupported);
    EXPECT_NE(store.error().message.find("start the version that wrote it"), std::string::npos)
        << store.error().message;
    EXPECT_EQ(contents(*open_or_die(lazy_options(folder.path()))), model_of_chain(2));
}

TEST(StoreWrittenBack, ATableIsEitherWrittenBackOrOrderedOrAppended) {
    const TempFolder folder;
    StoreOptions options = test_options(folder.path());
    options.tables[2].written_back = true;
    EXPECT_NE(Store::open(options).error().message.find("neither ordered nor appended"), std::string::npos);
}

}  // namespace
}  // namespace kontor::store
