// Opening the log: which bytes are records, which are a torn tail, which are corruption.

#include <fcntl.h>

#include "kontor/base/log.h"
#include "log.h"

namespace kontor::replication {

namespace {

Unexpected corrupt(const std::string& path, std::uint64_t offset, const std::string& what) {
    return fail(ErrorCode::corruption, path + ": " + what + " at offset " + std::to_string(offset));
}

}  // namespace

Result<std::unique_ptr<Log>> Log::open(LogOptions options, std::uint64_t first_index, const Visitor& visit) {
    if (options.files == nullptr) options.files = &real_file_ops();
    if (options.segment_bytes < 4096) return fail(ErrorCode::invalid_argument, "segment_bytes is below 4096");
    std::unique_ptr<Log> log(new Log(std::move(options)));
    KONTOR_CHECK(log->recover(first_index, visit));
    return log;
}

Result<void> Log::recover(std::uint64_t first_index, const Visitor& visit) {
    KONTOR_CHECK(load_segments());
    KONTOR_CHECK(mark_.open(options_.folder, options_.cluster, *options_.files));
    first_index_.store(segments_.empty() ? first_index : segments_.begin()->first);
    std::uint64_t expected = first_index_.load();
    std::uint64_t term = 0;
    std::uint64_t bytes = 0;
    for (auto it = segments_.begin(); it != segments_.end(); ++it) {
        if (it->first != expected) {
            return corrupt(it->second.path, 0,
                           "entries " + std::to_string(expected) + " to " + std::to_string(it->first - 1) +
                               " are missing before this segment; its header");
        }
        const bool last = std::next(it) == segments_.end();
        KONTOR_CHECK(recover_segment(it->first, it->second, last, visit, expected, term));
        bytes += it->second.end;
    }
    last_index_.store(expected - 1);
    durable_index_.store(expected - 1);
    bytes_.store(bytes);
    if (expected <= mark_.index()) {
        return fail(ErrorCode::corruption, options_.folder + ": the log has no segment with entry " +
                                               std::to_string(expected) + ", and entry " +
                                               std::to_string(mark_.index()) + " was durable");
    }
    if (segments_.empty()) return {};
    KONTOR_CHECK(open_tail());
    // What we found may still be only in the page cache of a process that was killed: the engine will take it
    // for durable, so make it so.
    KONTOR_CHECK(options_.files->sync_data(tail_));
    return mark_.raise(last_index());
}

Result<void> Log::load_segments() {
    KONTOR_TRY(const auto names, list_folder(options_.folder));
    for (const std::string& name : names) {
        if (!name.starts_with("log-")) continue;
        const std::string path = options_.folder + "/" + name;
        if (name.ends_with(".seg.tmp")) {  // never got its name: holds nothing
            KONTOR_CHECK(options_.files->remove(path));
            continue;
        }
        if (!name.ends_with(".seg")) continue;
        Segment segment;
        segment.path = path;
        KONTOR_TRY(const File file, options_.files->open(path, O_RDONLY));
        KONTOR_TRY(const std::string bytes, read_at(file, 0, kSegmentHeaderBytes));
        const auto header = decode_segment_header(bytes);
        if (const auto other = other_log_version(bytes))
            return fail(ErrorCode::unsupported, path + ": log format " + std::to_string(*other) +
                                                    "; this binary knows format " +
                                                    std::to_string(kLogFormatVersion));
        if (!header) return corrupt(path, 0, "bad segment header");
        if (header->cluster != options_.cluster)
            return corrupt(path, 16, "segment of another cluster; header");
        segment.salt = header->salt;
        KONTOR_TRY(segment.allocated, size_of(file));
        if (!segments_.emplace(header->first_index, std::move(segment)).second) {
            return corrupt(path, 16, "a second segment that starts at the same entry; header");
        }
    }
    return {};
}

Result<void> Log::recover_segment(std::uint64_t first, Segment& segment, bool last, const Visitor& visit,
                                  std::uint64_t& expected, std::uint64_t& term) {
    KONTOR_ASSERT(first == expected, "segments are contiguous");
    KONTOR_TRY(SegmentScanner scanner, scan(segment));
    for (;;) {
        KONTOR_TRY(const auto record, scanner.next());
        if (!record) break;
        if (record->header.index != expected) {
            return corrupt(
                segment.path, record->offset,
                "entry " + std::to_string(record->header.index) + " instead of " + std::to_string(expected));
        }
        if (record->header.term < term) return corrupt(segment.path, record->offset, "the term goes back");
        term = record->header.term;
        KONTOR_CHECK(visit(*record));
        ++expected;
    }
    return settle_end(scanner, segment, last, expected);
}

// The scan stopped where no whole record is. In an earlier segment the next one's first index decides
// (checked by the caller, but only here the offset is known). In the last one: a later record that was
// written when this one was already durable proves corruption; anything else is the torn tail of the last
// group.
Result<void> Log::settle_end(SegmentScanner& scanner, Segment& segment, bool last, std::uint64_t expected) {
    const std::uint64_t end = scanner.offset();
    if (!last) {
        const auto next = segments_.upper_bound(expected - 1);
        const bool complete = segments_.contains(expected);
        if (!complete) {
            return corrupt(segment.path, end,
                           next == segments_.end() ? "too many entries"
                                                   : "bad record for entry " + std::to_string(expected));
        }
        segment.end = end;
        return {};
    }
    KONTOR_TRY(const auto proof, scanner.find_proof_of(expected));
    if (proof) {
        return corrupt(segment.path, end,
                       "bad record for entry " + std::to_string(expected) + " (a later record at offset " +
                           std::to_string(*proof) + " shows that it was durable)");
    }
    if (expected <= options_.must_hold) {
        return corrupt(segment.path, end,
                       "no whole record for entry " + std::to_string(expected) +
                           " (the checkpoint stands for entry " + std::to_string(options_.must_hold) + ")");
    }
    if (expected <= mark_.index()) {
        return corrupt(segment.path, end,
                       "no whole record for entry " + std::to_string(expected) + " (entry " +
                           std::to_string(mark_.index()) + " was durable)");
    }
    KONTOR_TRY(const bool torn, scanner.anything_left());
    // Shorter than any that is made: a wipe was cut off, or there was no room.
    if (torn || segment.allocated < options_.segment_bytes / kSmallSegmentShare) {
        if (torn) {
            log::warning("replication", "event=torn_tail_cut file=" + segment.path + " offset=" +
                                            std::to_string(end) + " next_entry=" + std::to_string(expected));
        }
        segment.allocated = std::max(segment.allocated, options_.segment_bytes);
        KONTOR_TRY(const File file, options_.files->open(segment.path, O_RDWR));
        KONTOR_CHECK(wipe_from(segment, file, end));
    }
    segment.end = end;
    return {};
}

}  // namespace kontor::replication
