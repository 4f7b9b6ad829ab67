// The log on disk: layout, segments, truncation, reading back, fail-stop.

#include "log_test_support.h"

namespace kontor::replication::test {
namespace {

using namespace logs;

TEST(Log, ReopensWithWhatWasWritten) {
    TempFolder folder;
    write_log(folder.path(), 20);
    const auto opened = open_log(log_options(folder.path()));
    ASSERT_TRUE(opened.log) << opened.error->describe();
    ASSERT_EQ(opened.seen.size(), 20U);
    for (std::uint64_t i = 1; i <= 20; ++i) EXPECT_EQ(opened.seen[i - 1], (Seen{i, 1, payload_of(i)}));
    EXPECT_EQ(opened.log->first_index(), 1U);
    EXPECT_EQ(opened.log->last_index(), 20U);
    EXPECT_EQ(opened.log->durable_index(), 20U);
}

// The example of docs/formats/log.md, byte for byte.
TEST(Log, RecordLayout) {
    RecordHeader header;
    header.index = 7;
    header.term = 3;
    header.durable_before = 6;
    header.type = EntryType::command;
    std::string bytes;
    encode_record(bytes, 0x11223344U, header, "hello");
    EXPECT_EQ(to_hex(bytes),
              "4b52454305000000"
              "0700000000000000"
              "0300000000000000"
              "0600000000000000"
              "0100000032834a93"
              "00000000f81f4b30"
              "68656c6c6f000000");
    const auto decoded = decode_record_header(0x11223344U, bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_TRUE(record_body_valid(0x11223344U, *decoded, std::string_view(bytes).substr(48)));
    EXPECT_FALSE(decode_record_header(0x11223345U, bytes).has_value());
}

TEST(Log, SegmentHeaderLayout) {
    SegmentHeader header{0x11223344U, 5, {}};
    for (std::size_t i = 0; i < header.cluster.size(); ++i) header.cluster[i] = static_cast<char>(i);
    const std::string bytes = encode_segment_header(header);
    EXPECT_EQ(to_hex(bytes),
              "4b4f4e544f524c47"
              "0200000044332211"
              "0500000000000000"
              "0001020304050607"
              "08090a0b0c0d0e0f"
              "00000000fdf4fe02");
    const auto decoded = decode_segment_header(bytes);
    ASSERT_TRUE(decoded.has_value());
    EXPECT_EQ(decoded->first_index, 5U);
    EXPECT_EQ(decoded->cluster, header.cluster);
}

TEST(Log, SuffixIsReplacedInsideAndAcrossSegments) {
    for (std::uint64_t from = 1; from <= 20; ++from) {
        TempFolder folder;
        auto expected = write_segments(folder.path(), 20);
        {
            auto opened = open_log(log_options(folder.path(), 4096));
            const std::vector<Entry> entries{entry(2, "new a"), entry(2, "new b")};
            ASSERT_TRUE(opened.log->append(from, entries).has_value());
            ASSERT_TRUE(opened.log->sync().has_value());
            EXPECT_EQ(opened.log->last_index(), from + 1);
            append_synced(*opened.log, entry(2, "new c"));
        }
        expected.resize(from - 1);
        expected.push_back({from, 2, "new a"});
        expected.push_back({from + 1, 2, "new b"});
        expected.push_back({from + 2, 2, "new c"});
        const auto opened = open_log(log_options(folder.path(), 4096));
        ASSERT_TRUE(opened.log) << opened.error->describe();
        ASSERT_EQ(opened.seen, expected) << from;
    }
}

TEST(Log, PrefixIsDroppedInWholeSegmentsAndResetStartsAnew) {
    TempFolder folder;
    const auto expected = write_segments(folder.path(), 20);
    auto opened = open_log(log_options(folder.path(), 4096));
    ASSERT_TRUE(opened.log->drop_prefix(4).has_value());
    EXPECT_EQ(opened.log->first_index(), 1U);  // entry 4 is in the first segment
    ASSERT_TRUE(opened.log->drop_prefix(5).has_value());
    EXPECT_EQ(opened.log->first_index(), 5U);
    const auto bytes = opened.log->bytes();
    ASSERT_TRUE(opened.log->drop_prefix(1000).has_value());  // the last segment stays
    EXPECT_GE(opened.log->first_index(), 17U);
    EXPECT_LE(opened.log->first_index(), 20U);
    EXPECT_LT(opened.log->bytes(), bytes);
    const auto first = opened.log->first_index();
    opened = open_log(log_options(folder.path(), 4096));
    ASSERT_TRUE(opened.log) << opened.error->describe();
    EXPECT_EQ(opened.seen,
              std::vector<Seen>(expected.begin() + static_cast<std::ptrdiff_t>(first - 1), expected.end()));

    ASSERT_TRUE(opened.log->reset(100).has_value());
    append_synced(*opened.log, entry(5, "after a snapshot"));
    opened = open_log(log_options(folder.path(), 4096));
    ASSERT_TRUE(opened.log);
    EXPECT_EQ(opened.seen, (std::vector<Seen>{{100, 5, "after a snapshot"}}));
}

TEST(Log, EntryLargerThanASegmentGetsItsOwn) {
    TempFolder folder;
    {
        auto opened = open_log(log_options(folder.path(), 4096));
        append_synced(*opened.log, entry(1, "small"));
        append_synced(*opened.log, entry(1, std::string(kMaxEntryBytes, 'L')));
        append_synced(*opened.log, entry(1, "small again"));
    }
    const auto opened = open_log(log_options(folder.path(), 4096));
    ASSERT_TRUE(opened.log) << opened.error->describe();
    ASSERT_EQ(opened.seen.size(), 3U);
    EXPECT_EQ(opened.seen[1].payload, std::string(kMaxEntryBytes, 'L'));
}

TEST(Log, ReaderFollowsTheLogWhileItGrows) {
    TempFolder folder;
    const auto expected = write_segments(folder.path(), 20);
    auto opened = open_log(log_options(folder.path(), 4096));
    LogReader reader(*opened.log, 7);
    for (std::uint64_t i = 7; i <= 20; ++i) {
        const auto record = reader.next();
        ASSERT_TRUE(record.has_value()) << record.error().describe();
        EXPECT_EQ((Seen{record->header.index, record->header.term, std::string(record->payload)}),
                  expected[i - 1]);
    }
    for (std::uint64_t i = 21; i <= 40; ++i) {  // written after the reader's chunk was read
        append_synced(*opened.log, entry(1, payload_of(i)));
        const auto record = reader.next();
        ASSERT_TRUE(record.has_value()) << record.error().describe();
        EXPECT_EQ(record->payload, payload_of(i));
    }
    ASSERT_TRUE(opened.log->drop_prefix(30).has_value());
    LogReader gone(*opened.log, 2);
    EXPECT_EQ(gone.next().error().code, ErrorCode::not_found);
}

TEST(Log, FailedSyncIsFinal) {
    TempFolder folder;
    FailingFileOps files;
    auto opened = open_log(log_options(folder.path(), 64U << 10U, &files));
    append_synced(*opened.log, entry(1, "kept"));
    files.fail_sync_after = 0;
    const Entry lost = entry(1, "lost");
    ASSERT_TRUE(opened.log->append(2, {&lost, 1}).has_value());
    const auto failed = opened.log->sync();
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().code, ErrorCode::io);
    EXPECT_EQ(opened.log->durable_index(), 1U);
    EXPECT_FALSE(opened.log->sync().has_value());  // not tried again
    EXPECT_FALSE(opened.log->append(3, {&lost, 1}).has_value());
    EXPECT_FALSE(opened.log->drop_prefix(2).has_value());
    EXPECT_FALSE(opened.log->reset(9).has_value());
    EXPECT_EQ(files.syncs_after_failure, 0);
    EXPECT_EQ(files.writes_after_failure, 0);
}

}  // namespace
}  // namespace kontor::replication::test
