// Hashes of entries: the same on every node, and they say where two nodes differ.

#include <gtest/gtest.h>

#include "entry_hasher.h"
#include "kontor/base/bytes.h"
#include "store_testing.h"

namespace kontor::store {
namespace {

using Change = std::function<void(Writer&)>;

EntryHash hash_of(const std::vector<Change>& entries) {
    const TempFolder folder;
    const auto store = open_or_die(test_options(folder.path()));
    std::uint64_t index = 0;
    for (const Change& change : entries) {
        store->begin();
        change(store->writer());
        store->commit(++index, 0);
    }
    EXPECT_EQ(store->entry_hash(index)->hash, store->state_hash());
    return *store->entry_hash(index);
}

const auto kTables = test_options("").tables;

TEST(EntryHash, IsTheSameEverywhereAndNamesWhereItIsNot) {
    const auto entry = [](std::string_view value) {
        return [value](Writer& rows) {
            rows.put(kPlain, "a", "xy");
            rows.put(kSorted, "home1", value);
            rows.put(kAppended, "a", "z");
        };
    };
    const EntryHash first = hash_of({entry("one")});
    EXPECT_EQ(first, hash_of({entry("one")}));
    EXPECT_EQ(first.buckets.size(), 3U);
    EXPECT_EQ(first.previous, std::string(16, '\0'));
    const EntryHash other = hash_of({entry("two")});
    EXPECT_NE(first.hash, other.hash);
    const std::string difference = name_difference(first, other, kTables);
    EXPECT_TRUE(difference.starts_with("entry 1: table sorted (3), partition 0")) << difference;
    EXPECT_EQ(difference.find(';'), std::string::npos) << difference;
    EXPECT_EQ(name_difference(first, first, kTables), "");
}

TEST(EntryHash, DependsOnOrderOperationAndEmptyValues) {
    const auto all = {
        hash_of({[](Writer& rows) { rows.put(kPlain, "a", "1"), rows.put(kPlain, "a", "2"); }}),
        hash_of({[](Writer& rows) { rows.put(kPlain, "a", "2"), rows.put(kPlain, "a", "1"); }}),
        hash_of({[](Writer& rows) { rows.put(kPlain, "a", "1"); }}),
        hash_of({[](Writer& rows) { rows.put(kPlain, "a", ""); }}),
        hash_of({[](Writer& rows) { rows.erase(kPlain, "a"); }}),
        hash_of({[](Writer& rows) { rows.erase(kPlain, "b"); }}),
        hash_of({[](Writer& rows) { rows.erase(kHomed, "a"); }}),
        hash_of({[](Writer& rows) { rows.erase(kSorted, "a"); }}),
        hash_of({[](Writer& rows) { rows.erase(kPlain, "a"), rows.erase(kPlain, "a"); }}),
        hash_of({[](Writer&) {}}),
        hash_of({[](Writer&) {}, [](Writer&) {}}),
    };
    std::map<std::string, int> seen;
    for (const EntryHash& entry : all) EXPECT_EQ(++seen[entry.hash], 1);
}

TEST(EntryHash, SaysWhatOnlyOneSideDidAndWhatIsOfBefore) {
    const EntryHash mine = hash_of({[](Writer& rows) { rows.put(kPlain, "a", "1"); }});
    const EntryHash theirs = hash_of({[](Writer& rows) { rows.put(kHomed, "a", "1"); }});
    EXPECT_EQ(name_difference(mine, theirs, kTables),
              "entry 1: table plain (1), partition 03 (changed here only); table homed (2), partition 03 "
              "(changed there only)");
    const Change same = [](Writer& rows) { rows.put(kPlain, "b", "1"); };
    EXPECT_EQ(name_difference(hash_of({[](Writer&) {}, same}),
                              hash_of({[](Writer& rows) { rows.erase(kPlain, "c"); }, same}), kTables),
              "entry 2: it did the same on both nodes, an entry before it did not");
}

TEST(EntryHash, AsBytes) {
    const EntryHash entry =
        hash_of({[](Writer& rows) { rows.put(kPlain, "a", "xy"), rows.erase(kHomed, "bc"); }});
    const std::string bytes = encode_entry_hash(entry);
    // docs/formats/state.md shows these.
    EXPECT_EQ(to_hex(bytes),
              "4b454e480200000000000000000000000000000000000000"
              "01037497c33a23f821da"
              "02032edd9406a55d3c58"
              "01000000000000003ec067dbc01b0f23e7b2ad7beccc2710");
    const auto decoded = decode_entry_hash(bytes);
    ASSERT_TRUE(decoded) << decoded.error().describe();
    EXPECT_EQ(*decoded, entry);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
        EXPECT_FALSE(decode_entry_hash(flipped)) << bit;
    }
    for (std::size_t size = 0; size < bytes.size(); ++size)
        EXPECT_FALSE(decode_entry_hash(bytes.substr(0, size))) << size;
}

std::unique_ptr<Store> store_of(const TempFolder& folder, const std::vector<Change>& entries) {
    auto store = open_or_die(test_options(folder.path()));
    std::uint64_t index = 0;
    for (const Change& change : entries) {
        store->begin();
        change(store->writer());
        store->commit(++index, 0);
    }
    return store;
}

std::uint8_t partition_of(const Store& store, TableId table) {
    const EntryHash entry = *store.entry_hash(1);
    for (const BucketHash& bucket : entry.buckets)
        if (bucket.table == table) return bucket.partition;
    return 255;
}

TEST(EntryRows, NameTheKeysThatDiffer) {
    // Row "home07" has another value there, "home20" was only changed here, "home31" only there.
    const auto entry = [](std::string_view seventh, std::string_view own) {
        return [=](Writer& rows) {
            rows.put(kPlain, "elsewhere", seventh);
            for (int i = 0; i < 10; ++i)
                rows.put(kSorted, "home0" + std::to_string(i), i == 7 ? seventh : "same");
            if (!own.empty()) rows.erase(kSorted, own);
        };
    };
    const TempFolder a, b, c;
    const auto here = store_of(a, {entry("1", "home20")}), same = store_of(c, {entry("1", "home20")});
    const auto there = store_of(b, {entry("2", "home31")});
    const std::uint8_t sorted = partition_of(*here, kSorted);
    const std::string mine = here->entry_rows(1, kSorted, sorted);
    ASSERT_NE(mine, "");
    EXPECT_EQ(*differing_keys(mine, there->entry_rows(1, kSorted, sorted)),
              (KeyRange{"home07", "home31", 3}));
    EXPECT_FALSE(*differing_keys(mine, same->entry_rows(1, kSorted, sorted)));
    EXPECT_EQ(here->entry_rows(2, kSorted, sorted), "") << "no such entry";
    EXPECT_EQ(here->entry_rows(1, kAppended, 0), "KENR") << "not touched";
    const auto keys = [&](TableId table, std::uint8_t partition) {
        return *differing_keys(here->entry_rows(1, table, partition), there->entry_rows(1, table, partition));
    };
    const std::string named = name_difference(*here->entry_hash(1), *there->entry_hash(1), kTables, keys);
    EXPECT_TRUE(named.find("table plain (1), partition") != std::string::npos) << named;
    EXPECT_NE(named.find(", key " + to_hex("elsewhere")), std::string::npos) << named;
    EXPECT_NE(named.find("table sorted (3), partition 0" + std::to_string(sorted) + ", keys " +
                         to_hex("home07") + " to " + to_hex("home31") + " (3 rows)"),
              std::string::npos)
        << named;
    for (std::size_t size = 0; size < mine.size(); ++size)
        (void)differing_keys(mine, mine.substr(0, size));  // an error or a range, never a crash
    EXPECT_FALSE(differing_keys(mine, mine.substr(0, mine.size() - 1)));
    EXPECT_FALSE(differing_keys("", mine)) << "what is not kept is no empty list";
}

TEST(EntryRows, OfTheSameRowWhatHappenedLastDiffers) {
    const auto entry = [](std::string_view first, std::string_view second) {
        return [=](Writer& rows) { rows.put(kPlain, "a", first), rows.put(kPlain, "a", second); };
    };
    const TempFolder a, b;
    const auto here = store_of(a, {entry("1", "2")}), there = store_of(b, {entry("2", "1")});
    const std::uint8_t partition = partition_of(*here, kPlain);
    EXPECT_EQ(
        *differing_keys(here->entry_rows(1, kPlain, partition), there->entry_rows(1, kPlain, partition)),
        (KeyRange{"a", "a", 1}));
}

// Pieces of all sizes, through growth and many rounds of the buffer: what is found is what was written.
TEST(EntryRows, AreKeptInACircle) {
    EntryRows kept;
    const auto rows_of = [](std::uint64_t index) {
        std::string rows;
        for (std::size_t i = 0; i <= index * 7919 % 50'000; ++i) {
            rows += {1, 2, 4};
            rows += "k" + std::to_string(100 + i % 900);
            rows += "hash";
        }
        return rows;
    };
    const auto as_found = [&](std::uint64_t index) {
        std::string out = "KENR";
        const std::string rows = rows_of(index);
        for (std::size_t at = 0; at < rows.size(); at += 11) out += rows.substr(at + 2, 9);
        return out;
    };
    EXPECT_EQ(kept.find(1, 1, 2), "");
    for (std::uint64_t index = 1; index <= 400; ++index) {
        kept.add(index, rows_of(index));
        ASSERT_EQ(kept.find(index, 1, 2), as_found(index)) << index;
        if (index > 20) {
            ASSERT_EQ(kept.find(index - 20, 1, 2), as_found(index - 20)) << index;
        }
    }
    EXPECT_EQ(kept.find(400, 1, 3), "KENR");
    EXPECT_EQ(kept.find(1, 1, 2), "");
    // Many small ones: their number is bounded, too.
    for (std::uint64_t index = 1'001; index <= 1'001 + kMaxEntryHashes; ++index) kept.add(index, "");
    EXPECT_EQ(kept.find(1'001, 1, 2), "");
    EXPECT_EQ(kept.find(1'002, 1, 2), "KENR");
    // The largest: four of them fit.
    const std::string large(kMaxEntryRowBytes, '\1');
    for (std::uint64_t index = 9'001; index <= 9'005; ++index) kept.add(index, large);
    EXPECT_EQ(kept.find(9'001, 9, 9), "");
    EXPECT_NE(kept.find(9'002, 9, 9), "");
}

TEST(EntryRows, OfAnEntryAreBounded) {
    const TempFolder folder;
    const auto store =
        store_of(folder, {[](Writer& rows) {
                     const std::string value(1, 'v');
                     for (std::uint64_t i = 0; i < kMaxEntryRowBytes / 100; ++i)
                         rows.put(kSorted, "home" + std::string(200, 'x') + std::to_string(i), value);
                 }});
    const std::size_t bytes = store->entry_rows(1, kSorted, partition_of(*store, kSorted)).size();
    EXPECT_LE(bytes, kMaxEntryRowBytes);
    EXPECT_GE(bytes, kMaxEntryRowBytes * 9 / 10);
}

TEST(EntryHash, TheRingIsBounded) {
    EntryHashes hashes;
    for (std::uint64_t index = 1; index <= 3 * kMaxEntryHashes; ++index) {
        EntryHash entry;
        entry.index = index * 2;  // the log has entries that are no commands
        hashes.add(std::move(entry));
    }
    const std::uint64_t last = 2 * 3 * kMaxEntryHashes, first = last - 2 * (kMaxEntryHashes - 1);
    EXPECT_TRUE(hashes.find(last));
    EXPECT_TRUE(hashes.find(first));
    EXPECT_FALSE(hashes.find(first - 2));
    EXPECT_FALSE(hashes.find(last - 1));
    EXPECT_FALSE(hashes.find(last + 2));
    EXPECT_EQ(hashes.find_from(0)->index, first);
    EXPECT_EQ(hashes.find_from(last - 1)->index, last);
    EXPECT_FALSE(hashes.find_from(last + 1));
    // By bytes: each of these takes a quarter of the limit and a little more.
    for (std::uint64_t i = 1; i <= 5; ++i) {
        EntryHash entry;
        entry.index = last + i;
        entry.buckets.resize(kMaxEntryHashBytes / 4 / sizeof(BucketHash));
        hashes.add(std::move(entry));
    }
    EXPECT_TRUE(hashes.find(last + 5));
    EXPECT_TRUE(hashes.find(last + 3));
    EXPECT_FALSE(hashes.find(last + 2));
}

}  // namespace
}  // namespace kontor::store
