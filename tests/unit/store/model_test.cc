// Random changes, checkpoints and reopens against a std::map that cannot be wrong.

#include <gtest/gtest.h>

#include "kontor/cache/row_cache.h"
#include "store_testing.h"

namespace kontor::store {
namespace {

#ifdef KONTOR_SANITIZED
constexpr unsigned kSteps = 400;
#else
constexpr unsigned kSteps = 1'500;
#endif

Rows expected_scan(const Model& model, const std::string& low, const std::string& high, Direction direction) {
    Rows rows;
    const std::string home = low.substr(0, kPartitionKeyBytes);
    for (auto it = model.lower_bound({kSorted, low}); it != model.end() && it->first.first == kSorted; ++it) {
        const std::string& key = it->first.second;
        if (key.substr(0, kPartitionKeyBytes) != home || (!high.empty() && key >= high)) break;
        rows.emplace_back(key, it->second);
    }
    if (direction == Direction::descending) return Rows(rows.rbegin(), rows.rend());
    return rows;
}

void check_some(Workload& workload, const Reader& reader, const Model& model) {
    for (int i = 0; i < 20; ++i) {
        const auto table = static_cast<TableId>(1 + workload.below(5));
        const std::string key = workload.random_key();
        const auto found = reader.get(table, key);
        const auto wanted = model.find({table, key});
        ASSERT_EQ(found.has_value(), wanted != model.end()) << "table " << int{table};
        if (found) {
            ASSERT_EQ(*found, wanted->second);
        }
    }
    for (const Direction direction : {Direction::ascending, Direction::descending}) {
        const std::string low = workload.random_key();
        const std::string high = workload.below(3) == 0 ? "" : workload.random_key();
        if (!high.empty() && high <= low) {
            ASSERT_EQ(scan_rows(reader, low, high, direction), Rows{});
        } else {
            ASSERT_EQ(scan_rows(reader, low, high, direction), expected_scan(model, low, high, direction));
        }
    }
}

void run_model(bool with_cache, std::uint64_t max_pages, std::uint64_t write_back_bytes = 1U << 20U,
               std::uint64_t redo_bytes = 512U << 10U, std::uint64_t merge_bytes = 64U << 20U) {
    const std::uint64_t seed = test_seed();
    const TempFolder folder;
    cache::RowCache cache(200'000);  // small enough to evict
    StoreOptions options = test_options(folder.path());
    if (with_cache) options.cache = &cache;
    options.max_pages_per_commit = max_pages;
    options.write_back_bytes = write_back_bytes;
    options.redo_bytes = redo_bytes;
    options.merge_bytes = merge_bytes;
    Workload workload(seed);
    Model model, at_checkpoint;
    std::string hash, hash_at_checkpoint;
    std::uint64_t index = 0, checkpoint_index = 0;
    auto store = open_or_die(options);
    for (unsigned step = 0; step < kSteps && !testing::Test::HasFatalFailure(); ++step) {
        workload.apply(*store, ++index, model, static_cast<unsigned>(workload.below(30)));
        if (workload.below(8) == 0) {  // beside what follows
            store->freeze("meta " + std::to_string(index));
            at_checkpoint = model;
            hash_at_checkpoint = store->state_hash();
            checkpoint_index = index;
        }
        if (workload.below(4) == 0) {
            store->begin();
            check_some(workload, store->writer(), model);
            store->commit(++index, 0);
        }
        store->read([&](const Reader& reader, std::uint64_t) { check_some(workload, reader, model); });
        if (workload.below(100) == 0) {
            ASSERT_EQ(contents(*store), model);
        }
        if (workload.below(60) == 0) {  // what no checkpoint holds is the log's to replay
            store.reset();
            store = open_or_die(options);
            ASSERT_EQ(store->applied_index(), checkpoint_index);
            if (checkpoint_index != 0) {
                ASSERT_EQ(store->state_hash(), hash_at_checkpoint);
                ASSERT_EQ(store->checkpoint().replication_meta, "meta " + std::to_string(checkpoint_index));
            }
            ASSERT_EQ(contents(*store), at_checkpoint);
            model = at_checkpoint;
            index = checkpoint_index;
        }
        ASSERT_TRUE(store->failure()) << store->failure().error().describe();
    }
}

TEST(StoreModel, WithoutCache) {
    run_model(false, 40'000);
}
TEST(StoreModel, WithCache) {
    run_model(true, 40'000);
}
TEST(StoreModel, WithManyTransactionsPerPartition) {
    run_model(true, 3);
}
TEST(StoreModel, WithoutMerges) {
    run_model(true, 40'000, 64U << 20U, 1U << 30U);
}
TEST(StoreModel, WithMergesInPieces) {
    run_model(true, 40'000, 1U << 20U, 100'000, 2'000);
}
TEST(StoreModel, WithMergesInPiecesAndEvictions) {
    run_model(true, 3, 60'000, 1, 2'000);
}
TEST(StoreModel, WithMergesAtEveryCheckpointAndEvictions) {
    run_model(true, 3, 20'000, 1);
}

}  // namespace
}  // namespace kontor::store
