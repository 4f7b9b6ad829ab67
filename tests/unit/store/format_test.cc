// The disk formats, byte by byte: the worked examples of docs/formats/redo.md and docs/formats/partition.md.

#include <gtest/gtest.h>

#include <random>

#include "files.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/store/hashing.h"
#include "kontor/store/tables.h"
#include "partition.h"
#include "redo_file.h"
#include "store_testing.h"

namespace kontor::store {
namespace {

CheckpointMeta example_checkpoint() {
    return {42, "m", std::string(16, '\xAB'), 1'700'000'000'000};
}

TEST(StoreFormat, RedoFile) {
    const TempFolder folder;
    ASSERT_TRUE(make_folder(folder.path()));
    const std::vector<PartitionRows> rows = {{{{1, false, "a", "xy"}}, {}}, {{}, {{2, true, "bc", ""}}}};
    ASSERT_TRUE(write_redo_file(folder.path(), RedoHeader{2, 41, example_checkpoint()}, rows, nullptr));
    const std::string path = redo_path(folder.path(), 42);
    EXPECT_TRUE(path.ends_with("/00000000000000000042.redo"));
    EXPECT_EQ(to_hex(*read_file(path)),
              "4b4f4e545245444f"
              "0500000002000000"
              "2a000000000000002900000000000000"
              "0068e5cf8b010000"
              "abababababababababababababababab"
              "010000006d991e1347"
              "424c4b3100000000010000000c000000"
              "010101000300000061007879a507766d"
              "424c4b5701000000010000000a000000"
              "02020200000000006263faa9143e"
              "454e44310200000002000000000000002a0000000000000051ee39a8");

    const auto redo = read_redo_file(path);
    ASSERT_TRUE(redo) << redo.error().describe();
    EXPECT_EQ(redo->header.base_index, 41U);
    EXPECT_EQ(redo->header.checkpoint.index, 42U);
    EXPECT_EQ(redo->header.checkpoint.time_ms, 1'700'000'000'000);
    EXPECT_EQ(redo->header.checkpoint.state_hash, std::string(16, '\xAB'));
    EXPECT_EQ(redo->header.checkpoint.replication_meta, "m");
    ASSERT_EQ(redo->rows.size(), 2U);
    ASSERT_EQ(redo->rows[0].ordinary.size(), 1U);
    EXPECT_EQ(redo->rows[0].ordinary[0].value, "xy");
    EXPECT_TRUE(redo->rows[0].written_back.empty());
    EXPECT_TRUE(redo->rows[1].ordinary.empty());
    ASSERT_EQ(redo->rows[1].written_back.size(), 1U);
    EXPECT_TRUE(redo->rows[1].written_back[0].erased);
    const auto without = read_redo_file(path, false);
    ASSERT_TRUE(without);
    EXPECT_TRUE(without->rows[0].ordinary.empty());
    EXPECT_EQ(without->rows[1].written_back.size(), 1U);
}

// Many blocks, and a row larger than a block.
TEST(StoreFormat, RedoFileOfManyBlocks) {
    const TempFolder folder;
    ASSERT_TRUE(make_folder(folder.path()));
    std::vector<std::string> keys;
    const std::string value(1'000, 'v'), huge(kMaxValueBytes, 'h');
    for (int i = 0; i < 2'000; ++i) keys.push_back(std::to_string(1'000'000 + i));
    std::vector<PartitionRows> rows(3);
    for (const auto& key : keys)
        rows[1].ordinary.push_back({1, false, key, key.back() == '7' && key[5] == '7' ? huge : value});
    ASSERT_TRUE(write_redo_file(folder.path(), RedoHeader{3, 41, example_checkpoint()}, rows, nullptr));
    const auto redo = read_redo_file(redo_path(folder.path(), 42));
    ASSERT_TRUE(redo) << redo.error().describe();
    EXPECT_TRUE(redo->rows[0].ordinary.empty());
    ASSERT_EQ(redo->rows[1].ordinary.size(), rows[1].ordinary.size());
    for (std::size_t i = 0; i < keys.size(); ++i) {
        ASSERT_EQ(redo->rows[1].ordinary[i].key, rows[1].ordinary[i].key);
        ASSERT_EQ(redo->rows[1].ordinary[i].value, rows[1].ordinary[i].value);
    }
}

std::string stored_as(std::string_view key, std::string_view row) {
    const RowForm form(row);
    std::string bytes(form.size(), '\0');
    form.write(bytes.data());
    std::string stored;
    put_le<std::uint32_t>(stored, crc32c(bytes, crc32c(key)));
    return stored + bytes;
}

TEST(StoreFormat, PartitionRow) {
    // crc32c(key with its table byte, then the row's form), little-endian, then the form.
    const std::string key =
        "\x01"
        "a";
    RowBuffer buffer;
    EXPECT_EQ(to_hex(stored_as(key, "xy")), "b360c2f7007879");
    EXPECT_EQ(checked_row(key, stored_as(key, "xy"), buffer), "xy");
    EXPECT_EQ(checked_row("\x02"
                          "a",
                          stored_as(key, "xy"), buffer),
              std::nullopt);
    EXPECT_EQ(checked_row(key, "abc", buffer), std::nullopt);
    const std::string sparse = std::string(8, '\0') + '\5' + std::string(7, '\0');
    EXPECT_EQ(to_hex(stored_as(key, sparse)), "bbcb1f5302020500000000000000");
    EXPECT_EQ(checked_row(key, stored_as(key, sparse), buffer), sparse);
}

TEST(StoreFormat, RowsComeBackFromTheirForm) {
    std::mt19937_64 random(11);
    RowBuffer buffer;
    for (int round = 0; round < 20'000; ++round) {
        // Lengths around the word and the limit; some words zero, all, or none.
        std::string row(round % 7 == 0 ? kMaxSparseBytes + random() % 9 : random() % 200, '\0');
        const std::uint64_t zero_of_8 = random() % 9;
        for (std::size_t i = 0; i < row.size(); i += 8) {
            if (random() % 8 < zero_of_8) continue;
            for (std::size_t j = i; j < std::min(i + 8, row.size()); ++j)
                row[j] = static_cast<char>(random());
        }
        const RowForm form(row);
        ASSERT_LE(form.size(), row.size() + 1);
        std::string bytes(form.size(), '\0');
        form.write(bytes.data());
        const auto back = decode_row_form(bytes, buffer);
        ASSERT_TRUE(back);
        ASSERT_EQ(*back, row);
        // Whatever else the bytes are, nothing is read beyond them.
        if (!bytes.empty()) bytes[random() % bytes.size()] = static_cast<char>(random());
        bytes.resize(random() % (bytes.size() + 1));
        (void)decode_row_form(bytes, buffer);
    }
    EXPECT_EQ(decode_row_form("", buffer), std::nullopt);
    EXPECT_EQ(decode_row_form("\x41", buffer), std::nullopt);      // 65 words
    EXPECT_EQ(decode_row_form("\x01\x01", buffer), std::nullopt);  // a word that is not there
}

TEST(StoreFormat, PartitionOfAPartitionKey) {
    EXPECT_EQ(hash64("a"), 0xE6C632B61E964E1FULL);
    EXPECT_EQ(hash64("home"), 0x5418D0ABDCED061AULL);
    const Tables tables({{1, "plain", 0, false}, {2, "homed", 4, true}}, 8);
    EXPECT_EQ(tables.place(1, "a").partition, hash64("a") % 8);
    EXPECT_EQ(tables.place(2, "home and the rest").partition, hash64("home") % 8);
    EXPECT_EQ(tables.place(2, "hom").partition, hash64("hom") % 8);  // a short key: all of it
    EXPECT_EQ(tables.place(1, "home").partition, tables.place(2, "home and the rest").partition);
}

TEST(StoreFormat, MetaRowSurvives) {
    const TempFolder folder;
    ASSERT_TRUE(make_folder(folder.path()));
    const auto partition = Partition::open(folder.path(), 3, 1U << 20U, {});
    ASSERT_TRUE(partition);
    ASSERT_FALSE((*partition)->read_meta());
    ASSERT_TRUE((*partition)->write({}, PartitionMeta{8, 3, 42, example_checkpoint(), 17}));
    const auto meta = (*partition)->read_meta();
    ASSERT_TRUE(meta) << meta.error().describe();
    EXPECT_EQ(meta->partitions, 8U);
    EXPECT_EQ(meta->number, 3U);
    EXPECT_EQ(meta->pending_index, 42U);
    EXPECT_EQ(meta->merged_index, 17U);
    EXPECT_EQ(meta->checkpoint.index, 42U);
    EXPECT_EQ(meta->checkpoint.time_ms, 1'700'000'000'000);
    EXPECT_EQ(meta->checkpoint.state_hash, std::string(16, '\xAB'));
    EXPECT_EQ(meta->checkpoint.replication_meta, "m");
    CheckpointMeta longest = example_checkpoint();
    longest.replication_meta.assign(kMaxReplicationMetaBytes, 'x');
    ASSERT_TRUE((*partition)->write({}, PartitionMeta{8, 3, 0, longest, 42}));
    EXPECT_EQ((*partition)->read_meta()->checkpoint.replication_meta, longest.replication_meta);
}

}  // namespace
}  // namespace kontor::store
