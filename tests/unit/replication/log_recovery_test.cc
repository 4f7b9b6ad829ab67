// Opening the log: what is a torn tail, what is corruption, what survives any failure.

#include <filesystem>

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "log_test_support.h"

namespace kontor::replication::test {
namespace {

using namespace logs;

// The note of how far the log was durable is not synced: a power cut may lose it.
void lose_durable_mark(const std::string& folder) {
    std::filesystem::remove(folder + "/durable");
}

TEST(Log, TornTailAtEveryByteOfTheLastRecordIsCut) {
    TempFolder folder;
    const auto ends = write_log(folder.path(), 5);
    const auto path = segments_in(folder.path()).at(0);
    const std::string whole = read_file(path);
    for (std::uint64_t cut = ends[3]; cut < ends[4]; ++cut) {
        for (const bool shorter : {false, true}) {
            std::string torn = whole.substr(0, cut);
            if (!shorter) torn.resize(whole.size(), '\0');
            // Cut inside the padding: the record is whole. Zeros there are what was written.
            const bool complete = !shorter && torn == whole;
            write_file(path, torn);
            lose_durable_mark(folder.path());
            auto opened = open_log(log_options(folder.path()));
            ASSERT_TRUE(opened.log) << cut << " " << opened.error->describe();
            ASSERT_EQ(opened.log->last_index(), complete ? 5U : 4U) << cut;
            if (complete) continue;
            append_synced(*opened.log, entry(2, "again"));
            opened = open_log(log_options(folder.path()));
            ASSERT_TRUE(opened.log) << opened.error->describe();
            ASSERT_EQ(opened.seen.size(), 5U);
            ASSERT_EQ(opened.seen.back(), (Seen{5, 2, "again"}));
        }
    }
}

TEST(Log, EveryFlippedBitBeforeTheTailIsCorruptionNamed) {
    TempFolder folder;
    const auto ends = write_log(folder.path(), 5);
    const auto path = segments_in(folder.path()).at(0);
    const std::string whole = read_file(path);
    for (std::uint64_t at = 0; at < ends[3]; ++at) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
        write_file(path, bad);
        const auto opened = open_log(log_options(folder.path()));
        ASSERT_FALSE(opened.log) << "flip at " << at << " was not noticed";
        ASSERT_EQ(opened.error->code, ErrorCode::corruption);
        const auto& message = opened.error->message;
        ASSERT_NE(message.find(path), std::string::npos) << message;
        std::uint64_t record = 0;
        if (at >= kSegmentHeaderBytes) {
            record = kSegmentHeaderBytes;
            for (int i = 0; i < 4 && ends[static_cast<std::size_t>(i)] <= at; ++i)
                record = ends[static_cast<std::size_t>(i)];
        }
        ASSERT_NE((message + " ").find(" offset " + std::to_string(record) + " "), std::string::npos)
            << "flip at " << at << ": " << message;
        ASSERT_EQ(read_file(path), bad) << "a corrupt file was changed";
    }
    // In the last record it can be told from a torn write by the note that it was durable.
    const std::string note = read_file(folder.path() + "/durable");
    for (std::uint64_t at = ends[3]; at < ends[4]; ++at) {
        std::string bad = whole;
        bad[at] = static_cast<char>(bad[at] ^ (1 << (at % 8)));
        write_file(path, bad);
        const auto named = open_log(log_options(folder.path()));
        ASSERT_FALSE(named.log) << "flip at " << at << " was not noticed";
        ASSERT_EQ(named.error->code, ErrorCode::corruption);
        ASSERT_NE(named.error->message.find(path), std::string::npos) << named.error->message;
        ASSERT_EQ(read_file(path), bad) << "a corrupt file was changed";
        // Without the note it is cut. A note that is damaged says nothing.
        std::string other_note = note;
        other_note[at % note.size()] = static_cast<char>(other_note[at % note.size()] ^ 4);
        write_file(folder.path() + "/durable", at % 2 == 0 ? "" : other_note);
        const auto opened = open_log(log_options(folder.path()));
        write_file(folder.path() + "/durable", note);
        ASSERT_TRUE(opened.log) << opened.error->describe();
        ASSERT_EQ(opened.log->last_index(), 4U) << at;
    }
}

TEST(Log, DurableMarkLayout) {
    TempFolder folder;
    const auto options = log_options(folder.path());
    write_log(folder.path(), 5);
    std::string expected = "KONTORDM";
    put_le<std::uint64_t>(expected, 5);
    expected.append(options.cluster.data(), options.cluster.size());
    put_le(expected, crc32c(expected));
    EXPECT_EQ(read_file(folder.path() + "/durable"), expected);
}

// What the note says is lowered, durably, before entries are removed.
TEST(Log, ASuffixThatWasRemovedIsNotMissed) {
    TempFolder folder;
    write_log(folder.path(), 5);
    {
        auto opened = open_log(log_options(folder.path()));
        const Entry other = entry(2, "other");
        ASSERT_TRUE(opened.log->append(3, {&other, 1}));  // not synced: the process ends here
    }
    const auto opened = open_log(log_options(folder.path()));
    ASSERT_TRUE(opened.log) << opened.error->describe();
    EXPECT_EQ(opened.log->last_index(), 3U);
}

TEST(Log, ASegmentThatIsGoneIsMissed) {
    TempFolder folder;
    write_log(folder.path(), 5);
    std::filesystem::remove(segments_in(folder.path()).at(0));
    const auto opened = open_log(log_options(folder.path()));
    ASSERT_FALSE(opened.log);
    EXPECT_NE(opened.error->message.find("entry 5 was durable"), std::string::npos) << opened.error->message;
}

// One write of several records may reach the disk in any order before its sync returns.
TEST(Log, HoleInAGroupThatWasNeverSyncedIsATornTail) {
    TempFolder folder;
    const auto ends = write_log(folder.path(), 3);
    std::uint64_t fourth_end = 0;
    {
        auto opened = open_log(log_options(folder.path()));
        const std::vector<Entry> group{entry(1, "four"), entry(1, "five"), entry(1, "six")};
        ASSERT_TRUE(opened.log->append(4, group).has_value());
        fourth_end = ends[2] + record_bytes(4);
    }
    const auto path = segments_in(folder.path()).at(0);
    std::string bytes = read_file(path);
    std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(fourth_end),
              bytes.begin() + static_cast<std::ptrdiff_t>(fourth_end + record_bytes(4)), '\0');
    write_file(path, bytes);
    auto opened = open_log(log_options(folder.path()));
    ASSERT_TRUE(opened.log) << opened.error->describe();
    EXPECT_EQ(opened.log->last_index(), 4U);
    // "six" is still there in the bytes that were cut: it must not come back behind a new "five".
    append_synced(*opened.log, entry(2, "cinq"));
    opened = open_log(log_options(folder.path()));
    ASSERT_TRUE(opened.log) << opened.error->describe();
    ASSERT_EQ(opened.seen.size(), 5U);
    EXPECT_EQ(opened.seen.back(), (Seen{5, 2, "cinq"}));
}

TEST(Log, SegmentsFollowEachOtherAndAMissingOneIsCorruption) {
    TempFolder folder;
    const auto expected = write_segments(folder.path(), 20);
    const auto paths = segments_in(folder.path());
    ASSERT_GE(paths.size(), 5U);
    EXPECT_TRUE(paths[1].ends_with("log-00000000000000000005.seg")) << paths[1];
    auto opened = open_log(log_options(folder.path(), 4096));
    ASSERT_TRUE(opened.log);
    EXPECT_EQ(opened.seen, expected);
    opened = {};

    std::filesystem::rename(paths[2], folder.path() + "/aside");
    const auto gap = open_log(log_options(folder.path(), 4096));
    ASSERT_FALSE(gap.log);
    EXPECT_EQ(gap.error->code, ErrorCode::corruption);
    std::filesystem::rename(folder.path() + "/aside", paths[2]);

    // The last record of a segment that has a successor: no later record in the file, and still corruption.
    std::string bytes = read_file(paths[2]);
    const auto last_record = kSegmentHeaderBytes + 3 * record_bytes(900);
    bytes[last_record + 60] = '!';
    write_file(paths[2], bytes);
    const auto bad = open_log(log_options(folder.path(), 4096));
    ASSERT_FALSE(bad.log);
    EXPECT_EQ(bad.error->code, ErrorCode::corruption);
    EXPECT_NE(bad.error->message.find(paths[2]), std::string::npos);
    EXPECT_NE(bad.error->message.find("offset " + std::to_string(last_record)), std::string::npos)
        << bad.error->message;
}

TEST(Log, LeftoverTemporaryIsRemovedForeignSegmentRefused) {
    TempFolder folder;
    write_log(folder.path(), 2);
    write_file(folder.path() + "/log-00000000000000000003.seg.tmp", "half a segment");
    EXPECT_TRUE(open_log(log_options(folder.path())).log);
    EXPECT_FALSE(std::filesystem::exists(folder.path() + "/log-00000000000000000003.seg.tmp"));
    auto other = log_options(folder.path());
    other.cluster[0] = 'X';
    const auto opened = open_log(other);
    ASSERT_FALSE(opened.log);
    EXPECT_EQ(opened.error->code, ErrorCode::corruption);
}

// The process ends at any file operation: what was synced is there, and the log opens.
TEST(Log, AFailureAtAnyOperationLeavesALogThatOpens) {
    int n = 0;
    for (;; ++n) {
        TempFolder folder;
        FailingFileOps files;
        files.fail_any_after = n;
        std::vector<Seen> synced;
        bool truncating = false;
        std::uint64_t dropped_to = 1;
        auto opened = open_log(log_options(folder.path(), 4096, &files));
        const auto script = [&]() -> Result<void> {
            Log& log = *opened.log;
            for (std::uint64_t i = 1; i <= 14; ++i) {
                const Entry one = entry(1, std::string(900, 'x'));
                KONTOR_CHECK(log.append(i, {&one, 1}));
                KONTOR_CHECK(log.sync());
                synced.push_back({i, 1, std::string(900, 'x')});
            }
            truncating = true;
            const std::vector<Entry> replacement{entry(2, "r7"), entry(2, "r8")};
            KONTOR_CHECK(log.append(7, replacement));
            KONTOR_CHECK(log.sync());
            truncating = false;
            synced.resize(6);
            synced.push_back({7, 2, "r7"});
            synced.push_back({8, 2, "r8"});
            dropped_to = 5;
            return log.drop_prefix(5);
        };
        if (opened.log) {
            const auto done = script();
            ASSERT_EQ(done.has_value(), !files.failed);
        }
        opened.log.reset();
        const auto again = open_log(log_options(folder.path(), 4096));
        ASSERT_TRUE(again.log) << "operation " << n << ": " << again.error->describe();
        ASSERT_LE(again.log->first_index(), dropped_to);
        const std::uint64_t keep = truncating ? 6 : synced.size();
        ASSERT_GE(again.log->last_index(), keep) << "operation " << n;
        for (const Seen& seen : again.seen) {
            if (seen.index > keep) break;
            ASSERT_EQ(seen, synced[seen.index - 1]) << "operation " << n;
        }
        if (!files.failed) break;
    }
    EXPECT_GT(n, 60);  // the script really is that many operations
}

}  // namespace
}  // namespace kontor::replication::test
