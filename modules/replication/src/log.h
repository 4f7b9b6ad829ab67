#pragma once
// The log on disk: preallocated segments `log-<first index, 20 digits>.seg` (docs/formats/log.md).
//
// Threading: append, sync, drop_prefix and reset on one thread (the disk thread) at a time; the counters and
//   LogReader anywhere, for indexes that are durable and not below the kept prefix.
// Ownership: owns the segment files of its folder. The folder's lock is the replica's.
// Errors: after any failed write or sync the log is failed: every later call returns that first error.
//   corruption names file and offset. A torn tail is cut on open and logged.
// Limits: an entry is at most kMaxEntryBytes; one open segment; recovery reads in bounded memory.

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "durable_mark.h"
#include "entry.h"
#include "file_ops.h"
#include "kontor/base/result.h"
#include "log_format.h"
#include "log_scanner.h"

namespace kontor::replication {

inline constexpr std::uint64_t kSmallSegmentShare = 16;  // of the usual size: when there is little room

struct LogOptions {
    std::string folder;
    std::uint64_t segment_bytes = 64ULL << 20U;
    Uuid cluster{};
    std::uint64_t must_hold =
        0;  // a checkpoint stands for this entry: a tail that lacks it is not torn but corrupt
    FileOps* files = nullptr;
    std::function<bool(std::uint64_t bytes, unsigned failed)> wait_for_space;  // see ReplicaOptions
    std::function<void(const char*)> crash_point;
};

class PromiseKeeper;

class Log {
 public:
    // Called for every whole record on open, in order.
    using Visitor = std::function<Result<void>(const Record&)>;
    // An empty folder gives an empty log that starts at `first_index`.
    static Result<std::unique_ptr<Log>> open(LogOptions options, std::uint64_t first_index,
                                             const Visitor& visit);

    // Writes (without sync) entries first_index, first_index + 1, ...; what was there from first_index on is
    // removed first. first_index is within [first_index(), last_index() + 1].
    Result<void> append(std::uint64_t first_index, std::span<const Entry> entries);
    Result<void> sync();                                          // makes everything appended durable
    void keep(PromiseKeeper* promises) { promises_ = promises; }  // not owned; from now on it hears of both
    // Removes whole segments that hold only entries below `keep_from`; the last segment stays.
    Result<void> drop_prefix(std::uint64_t keep_from);
    // Removes everything; the next entry is `first_index`.
    Result<void> reset(std::uint64_t first_index);

    [[nodiscard]] std::uint64_t first_index() const { return first_index_.load(); }
    [[nodiscard]] std::uint64_t last_index() const { return last_index_.load(); }  // first_index() - 1: empty
    [[nodiscard]] std::uint64_t durable_index() const { return durable_index_.load(); }
    [[nodiscard]] std::uint64_t bytes() const { return bytes_.load(); }  // without preallocated space
    [[nodiscard]] std::uint64_t appended_bytes() const { return appended_bytes_.load(); }  // since the start
    [[nodiscard]] std::uint64_t syncs() const { return syncs_.load(); }

 private:
    friend class LogReader;
    struct Segment {
        std::string path;
        std::uint32_t salt = 0;
        std::uint64_t end = kSegmentHeaderBytes;  // where the next record goes
        std::uint64_t allocated = 0;
    };
    struct Located {
        std::uint64_t first_index;
        Segment segment;
    };

    explicit Log(LogOptions options) : options_(std::move(options)) {}

    Result<void> recover(std::uint64_t first_index, const Visitor& visit);
    Result<void> load_segments();
    Result<void> recover_segment(std::uint64_t first, Segment& segment, bool last, const Visitor& visit,
                                 std::uint64_t& expected, std::uint64_t& term);
    Result<void> settle_end(SegmentScanner& scanner, Segment& segment, bool last, std::uint64_t expected);

    Result<void> remember(Result<void> result);  // fail-stop: keeps the first error
    Result<void> append_all(std::uint64_t first_index, std::span<const Entry> entries);
    Result<void> flush(std::string& buffer);
    Result<void> start_segment(std::uint64_t first_index, std::size_t record_size);
    Result<File> make_segment(Segment& segment, std::uint64_t first_index, std::size_t record_size);
    Result<void> truncate_suffix(std::uint64_t from);
    Result<void> wipe_from(Segment& segment, const File& file, std::uint64_t end);
    Result<void> remove_all();
    Result<void> open_tail();
    Result<SegmentScanner> scan(const Segment& segment) const;
    // The segment that holds `index`. Any thread.
    [[nodiscard]] Result<Located> locate(std::uint64_t index) const;
    void crash_point(const char* step) const {
        if (options_.crash_point) options_.crash_point(step);
    }

    const LogOptions options_;
    std::optional<Error> failed_;
    File tail_;  // the last segment, open for writing
    DurableMark mark_;
    PromiseKeeper* promises_ = nullptr;

    mutable std::mutex mutex_;  // guards the map and Segment::end for readers on other threads
    std::map<std::uint64_t, Segment> segments_;  // by first index

    std::atomic<std::uint64_t> first_index_{1}, last_index_{0}, durable_index_{0}, bytes_{0}, syncs_{0},
        appended_bytes_{0};
};

// Streams entries from disk: every record is checked again.
class LogReader {
 public:
    LogReader(const Log& log, std::uint64_t from) : log_(log), next_(from) {}
    // The entry after the last one; it must be durable. The payload is valid until the next call.
    Result<Record> next();

 private:
    Result<void> seek();

    const Log& log_;
    std::uint64_t next_;
    std::optional<SegmentScanner> scanner_;
    std::string path_;
};

}  // namespace kontor::replication
