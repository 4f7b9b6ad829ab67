// Readers beside the apply thread and the checkpointer: whole entries only, never an older value, no starved
// writer.

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <thread>

#include "entry_lock.h"
#include "kontor/cache/row_cache.h"
#include "store_testing.h"

namespace kontor::store {
namespace {

#ifdef KONTOR_SANITIZED
constexpr std::uint64_t kEntries = 400;
#else
constexpr std::uint64_t kEntries = 2'000;
#endif

// Every entry writes its index into the same rows; some entries erase a row, which is then absent. A reader
// must find all rows of one entry, whichever layer holds them; a stale cache or a torn checkpoint shows as a
// mixture.
void run_readers(std::uint64_t write_back_bytes, std::uint64_t redo_bytes) {
    constexpr unsigned kReaders = 3, kKeys = 40;
    const TempFolder folder;
    cache::RowCache cache(20'000);  // evicts all the time
    StoreOptions options = test_options(folder.path());
    options.cache = &cache;
    options.max_pages_per_commit = 5;
    options.write_back_bytes = write_back_bytes;
    options.redo_bytes = redo_bytes;
    const auto store = open_or_die(options);
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> mixtures{0}, reads{0};
    const auto key_of = [](unsigned n) {
        return std::string(1, static_cast<char>('a' + n % 7)) + "h" + std::to_string(n);
    };
    const auto is_written = [](std::uint64_t index, unsigned n) { return (index / 50 + n) % 3 != 0; };

    std::vector<std::thread> readers;
    for (unsigned id = 0; id < kReaders; ++id) {
        readers.emplace_back([&] {
            std::uint64_t newest = 0;
            while (!stop.load()) {
                store->read([&](const Reader& reader, std::uint64_t index) {
                    if (index < newest) ++mixtures;
                    newest = index;
                    for (unsigned n = 0; n < kKeys && index > 0; ++n) {
                        for (const TableId table : {kPlain, kHomed, kSorted, kAppended, kWrittenBack}) {
                            const auto found = reader.get(table, key_of(n));
                            const bool wanted = is_written(index / 50 * 50, n);
                            // Rows change every 50 entries only, so that most are read from LMDB or the
                            // cache.
                            if (found.has_value() != wanted ||
                                (found && *found != std::to_string(index / 50)))
                                ++mixtures;
                        }
                    }
                    ++reads;
                });
                std::this_thread::yield();
            }
        });
    }
    for (std::uint64_t index = 1; index <= kEntries; ++index) {
        store->begin();
        if (index == 1 || index % 50 == 0) {
            for (unsigned n = 0; n < kKeys; ++n) {
                for (const TableId table : {kPlain, kHomed, kSorted, kAppended, kWrittenBack}) {
                    static_cast<void>(store->writer().get(table, key_of(n)));
                    if (is_written(index / 50 * 50, n))
                        store->writer().put(table, key_of(n), std::to_string(index / 50));
                    else
                        store->writer().erase(table, key_of(n));
                }
            }
        }
        store->commit(index, 0);
        if (index % 10 == 0) store->freeze("");
    }
    stop = true;
    for (auto& reader : readers) reader.join();
    store->wait_for_checkpoint();
    EXPECT_EQ(mixtures.load(), 0U);
    EXPECT_GT(reads.load(), 0U);
    EXPECT_GT(store->stats().checkpoints, 5U);
    ASSERT_TRUE(store->failure()) << store->failure().error().describe();
}

TEST(StoreConcurrency, ReadersSeeWholeEntriesOverCheckpoints) {
    run_readers(1U << 20U, 100'000);
}
// Written-back rows are merged by each checkpoint, and gone with the next one.
TEST(StoreConcurrency, ReadersSeeWholeEntriesOverMergesAndEvictions) {
    run_readers(1'000, 1);
}

// Without the writer's preference, readers that always overlap keep a writer out for good.
TEST(StoreConcurrency, OverlappingReadersDoNotStarveTheWriter) {
    EntryLock lock;
    std::atomic<bool> stop{false};
    std::atomic<unsigned> inside{0}, rounds{0};
    std::vector<std::thread> readers;
    for (int id = 0; id < 4; ++id) {
        readers.emplace_back([&] {
            while (!stop.load()) {
                lock.lock_shared();
                ++inside;
                // Leave only when another reader is inside, or there is nobody to wait for any more.
                const auto until = std::chrono::steady_clock::now() + std::chrono::milliseconds(2);
                while (inside.load() < 2 && !stop.load() && std::chrono::steady_clock::now() < until)
                    std::this_thread::yield();
                --inside;
                lock.unlock_shared();
                ++rounds;
            }
        });
    }
    while (rounds.load() < 10) std::this_thread::yield();
    const auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < 200; ++i) {
        lock.lock();
        EXPECT_EQ(inside.load(), 0U);
        lock.unlock();
    }
    const auto took = std::chrono::steady_clock::now() - started;
    const unsigned meanwhile = rounds.load();
    stop = true;
    for (auto& reader : readers) reader.join();
    EXPECT_LT(took, std::chrono::milliseconds(kontor_test::patient_ms(20'000)))
        << "readers keep the writer out";
    EXPECT_GT(meanwhile, 10U);  // and the writer does not starve the readers
}

TEST(StoreConcurrency, ReadsMayBeNestedWhileAWriterWaits) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    std::atomic<bool> waiting{false};
    std::thread writer;
    store->read([&](const Reader&, std::uint64_t outer) {
        writer = std::thread([&] {
            waiting = true;
            store->begin();
            store->writer().put(kPlain, "a", "b");
            store->commit(1, 0);
        });
        while (!waiting.load()) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
        store->read([&](const Reader& reader, std::uint64_t inner) {
            EXPECT_EQ(inner, outer);
            EXPECT_EQ(reader.get(kPlain, "a"), std::nullopt);
        });
    });
    writer.join();
    EXPECT_EQ(store->applied_index(), 1U);
}

}  // namespace
}  // namespace kontor::store
