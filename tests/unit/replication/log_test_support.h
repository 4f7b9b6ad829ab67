#pragma once
// Writing and opening logs in tests.

#include "kontor/base/bytes.h"
#include "log.h"
#include "test_support.h"

namespace kontor::replication::test::logs {

inline constexpr Uuid kCluster{'c', 'l', 'u', 's', 't', 'e', 'r'};

inline LogOptions log_options(const std::string& folder, std::uint64_t segment_bytes = 64U << 10U,
                              FileOps* files = nullptr) {
    LogOptions options;
    options.folder = folder;
    options.segment_bytes = segment_bytes;
    options.cluster = kCluster;
    options.files = files;
    return options;
}

inline Entry entry(std::uint64_t term, std::string payload, EntryType type = EntryType::command) {
    return {term, type, std::make_shared<const std::string>(std::move(payload))};
}

struct Seen {
    std::uint64_t index, term;
    std::string payload;
    friend bool operator==(const Seen&, const Seen&) = default;
};

struct Opened {
    std::unique_ptr<Log> log;
    std::vector<Seen> seen;
    std::optional<Error> error;
};

inline Opened open_log(const LogOptions& options, std::uint64_t first_index = 1) {
    Opened out;
    auto log = Log::open(options, first_index, [&](const Record& record) -> Result<void> {
        out.seen.push_back({record.header.index, record.header.term, std::string(record.payload)});
        return {};
    });
    if (log) {
        out.log = *std::move(log);
    } else {
        out.error = log.error();
    }
    return out;
}

inline void append_synced(Log& log, const Entry& one) {
    ASSERT_TRUE(log.append(log.last_index() + 1, {&one, 1}).has_value());
    ASSERT_TRUE(log.sync().has_value());
}

inline std::string payload_of(std::uint64_t index) {
    return "payload " + std::to_string(index) + std::string(index % 7, '.');
}

// `n` entries of term 1, each its own group, in one segment. Returns the end offset of each record.
inline std::vector<std::uint64_t> write_log(const std::string& folder, int n) {
    auto opened = open_log(log_options(folder));
    std::vector<std::uint64_t> ends;
    for (int i = 1; i <= n; ++i) {
        append_synced(*opened.log, entry(1, payload_of(static_cast<std::uint64_t>(i))));
        ends.push_back(opened.log->bytes());
    }
    return ends;
}

inline std::vector<Seen> write_segments(const std::string& folder, int n) {
    auto opened = open_log(log_options(folder, 4096));
    std::vector<Seen> expected;
    for (int i = 1; i <= n; ++i) {
        const auto index = static_cast<std::uint64_t>(i);
        append_synced(*opened.log, entry(1, std::string(900, static_cast<char>('a' + i % 26))));
        expected.push_back({index, 1, std::string(900, static_cast<char>('a' + i % 26))});
    }
    return expected;
}

}  // namespace kontor::replication::test::logs
