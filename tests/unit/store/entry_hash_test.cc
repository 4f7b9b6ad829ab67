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
