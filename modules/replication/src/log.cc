#include "log.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <random>

#include "kontor/base/disk_space.h"
#include "kontor/base/log.h"
#include "promise_keeper.h"

namespace kontor::replication {

namespace {

constexpr std::uint64_t kRoomForSegments = 4;   // with less room than for so many, one is made small
constexpr std::size_t kFlushBytes = 1U << 20U;  // largest write buffer, but for one larger entry

std::string segment_name(std::uint64_t first_index) {
    char name[40];
    std::snprintf(name, sizeof name, "log-%020llu.seg", static_cast<unsigned long long>(first_index));
    return name;
}

}  // namespace

Result<void> Log::remember(Result<void> result) {
    if (!result && !failed_) failed_ = result.error();
    return result;
}

Result<void> Log::append(std::uint64_t first_index, std::span<const Entry> entries) {
    if (failed_) return fail(*failed_);
    return remember(append_all(first_index, entries));
}

Result<void> Log::append_all(std::uint64_t first_index, std::span<const Entry> entries) {
    KONTOR_ASSERT(first_index >= this->first_index() && first_index <= last_index() + 1,
                  "append leaves a gap");
    if (first_index <= last_index()) KONTOR_CHECK(truncate_suffix(first_index));
    std::string buffer;
    for (const Entry& entry : entries) {
        KONTOR_ASSERT(entry.payload != nullptr, "an entry to append has its payload");
        const std::size_t size = record_bytes(entry.payload->size());
        const std::uint64_t index = last_index() + 1;
        if (segments_.empty() ||
            segments_.rbegin()->second.end + buffer.size() + size > segments_.rbegin()->second.allocated) {
            KONTOR_CHECK(flush(buffer));
            KONTOR_CHECK(start_segment(index, size));
        }
        RecordHeader header;
        header.index = index;
        header.term = entry.term;
        header.durable_before = durable_index();
        header.type = entry.type;
        encode_record(buffer, segments_.rbegin()->second.salt, header, *entry.payload);
        last_index_.store(index);
        if (buffer.size() >= kFlushBytes) KONTOR_CHECK(flush(buffer));
    }
    return flush(buffer);
}

Result<void> Log::flush(std::string& buffer) {
    if (buffer.empty()) return {};
    Segment& segment = segments_.rbegin()->second;
    // Nothing of it counts before the sync, so writing it again at the same place is harmless. Where room was
    // taken before this is met only on file systems that write elsewhere each time.
    for (unsigned failed = 0;; ++failed) {
        auto written = options_.files->write_at(tail_, segment.end, buffer);
        if (written) break;
        const bool may_wait = written.error().code == ErrorCode::no_space && options_.wait_for_space;
        if (!may_wait || !options_.wait_for_space(buffer.size(), failed + 1)) return written;
    }
    bytes_ += buffer.size();
    appended_bytes_ += buffer.size();
    {
        const std::lock_guard lock(mutex_);
        segment.end += buffer.size();
    }
    buffer.clear();
    return {};
}

Result<void> Log::sync() {
    if (failed_) return fail(*failed_);
    if (durable_index() == last_index()) return {};
    crash_point("log-written");
    KONTOR_CHECK(remember(options_.files->sync_data(tail_)));
    ++syncs_;
    durable_index_.store(last_index());
    KONTOR_CHECK(remember(mark_.raise(last_index())));
    if (promises_ != nullptr) promises_->raised(last_index());
    crash_point("log-synced");
    return {};
}

// A segment appears under its name only when its header is durable, and only when everything before it is: so
// a bad header, or a gap before a segment, is always corruption and never a torn write.
Result<void> Log::start_segment(std::uint64_t first_index, std::size_t record_size) {
    if (tail_.is_open() && durable_index() + 1 < first_index) {
        KONTOR_CHECK(options_.files->sync_data(tail_));
        ++syncs_;
    }
    durable_index_.store(first_index - 1);
    Segment segment;
    segment.path = options_.folder + "/" + segment_name(first_index);
    segment.salt = std::random_device{}();
    FileOps& files = *options_.files;
    const std::string temporary = segment.path + ".tmp";
    KONTOR_TRY(File file, make_segment(segment, first_index, record_size));
    KONTOR_CHECK(files.sync_data(file));
    crash_point("segment-written");
    KONTOR_CHECK(files.rename(temporary, segment.path));
    KONTOR_CHECK(files.sync_folder(options_.folder));
    crash_point("segment-named");
    tail_ = File(std::move(file));
    bytes_ += kSegmentHeaderBytes;
    const std::lock_guard lock(mutex_);
    segments_.emplace(first_index, std::move(segment));
    return {};
}

// Nothing of the log is touched yet, so a disk that is full can be waited for. When there is little room, a
// small segment leaves some for the checkpoint that will free the ones before.
Result<File> Log::make_segment(Segment& segment, std::uint64_t first_index, std::size_t record_size) {
    FileOps& files = *options_.files;
    const std::string temporary = segment.path + ".tmp";
    const std::uint64_t least = kSegmentHeaderBytes + record_size;
    const auto write = [&](std::uint64_t bytes) -> Result<File> {
        segment.allocated = std::max(bytes, least);
        KONTOR_TRY(File file, files.open(temporary, O_RDWR | O_CREAT | O_TRUNC));
        KONTOR_CHECK(files.allocate(file, segment.allocated));
        KONTOR_CHECK(
            files.write_at(file, 0, encode_segment_header({segment.salt, first_index, options_.cluster})));
        return file;
    };
    for (unsigned failed = 0;; ++failed) {
        const auto space = disk_space(options_.folder);
        const bool is_short = space && space->free_bytes < kRoomForSegments * options_.segment_bytes;
        auto made = write(is_short || failed > 0 ? options_.segment_bytes / kSmallSegmentShare
                                                 : options_.segment_bytes);
        if (made || made.error().code != ErrorCode::no_space || !options_.wait_for_space) return made;
        (void)files.remove(temporary);
        if (!options_.wait_for_space(least, failed + 1)) return made;
    }
}

// Later segments go first, the last of them first, so that a crash in between leaves a log without a gap.
Result<void> Log::truncate_suffix(std::uint64_t from) {
    FileOps& files = *options_.files;
    if (promises_ != nullptr) KONTOR_CHECK(promises_->lowering(from - 1));
    KONTOR_CHECK(mark_.lower(from - 1));
    tail_.close();
    while (segments_.size() > 1 && segments_.rbegin()->first > from) {
        const Segment& segment = segments_.rbegin()->second;
        KONTOR_CHECK(files.remove(segment.path));
        KONTOR_CHECK(files.sync_folder(options_.folder));
        bytes_ -= segment.end;
        const std::lock_guard lock(mutex_);
        segments_.erase(std::prev(segments_.end()));
    }
    Segment& segment = segments_.rbegin()->second;
    KONTOR_TRY(SegmentScanner scanner, scan(segment));
    for (std::uint64_t index = segments_.rbegin()->first; index < from; ++index) {
        KONTOR_TRY(const auto record, scanner.next());
        if (!record) {
            return fail(ErrorCode::corruption,
                        segment.path + ": bad record at offset " + std::to_string(scanner.offset()));
        }
    }
    KONTOR_CHECK(open_tail());
    bytes_ -= segment.end - scanner.offset();
    KONTOR_CHECK(wipe_from(segment, tail_, scanner.offset()));
    last_index_.store(from - 1);
    durable_index_.store(from - 1);
    crash_point("log-truncated");
    return {};
}

// What is cut must read as zeros: bytes that are left behind could pass for records of the next write.
Result<void> Log::wipe_from(Segment& segment, const File& file, std::uint64_t end) {
    KONTOR_CHECK(options_.files->truncate(file, end));
    if (auto taken = options_.files->allocate(file, segment.allocated); !taken) {
        // Somebody else took the room: then this segment ends here.
        if (taken.error().code != ErrorCode::no_space) return taken;
        KONTOR_CHECK(options_.files->truncate(file, end));
        const std::lock_guard lock(mutex_);
        segment.allocated = end;
    }
    KONTOR_CHECK(options_.files->sync_data(file));
    const std::lock_guard lock(mutex_);
    segment.end = end;
    return {};
}

// One after the other: were a later name gone and an earlier one still there, the log would have a gap.
Result<void> Log::drop_prefix(std::uint64_t keep_from) {
    if (failed_) return fail(*failed_);
    while (segments_.size() > 1 && std::next(segments_.begin())->first <= keep_from) {
        const Segment segment = segments_.begin()->second;
        {
            // Out of the map first: a reader that comes now is told "not in the log", not "no such file".
            const std::lock_guard lock(mutex_);
            segments_.erase(segments_.begin());
        }
        first_index_.store(segments_.begin()->first);
        KONTOR_CHECK(remember(options_.files->remove(segment.path)));
        KONTOR_CHECK(remember(options_.files->sync_folder(options_.folder)));
        bytes_ -= segment.end;
        crash_point("segment-dropped");
    }
    return {};
}

Result<void> Log::reset(std::uint64_t first_index) {
    if (failed_) return fail(*failed_);
    if (promises_ != nullptr) KONTOR_CHECK(remember(promises_->lowering(0)));
    KONTOR_CHECK(remember(mark_.lower(0)));
    KONTOR_CHECK(remember(remove_all()));
    bytes_.store(0);
    first_index_.store(first_index);
    last_index_.store(first_index - 1);
    durable_index_.store(first_index - 1);
    return {};
}

Result<void> Log::remove_all() {
    tail_.close();
    while (!segments_.empty()) {
        KONTOR_CHECK(options_.files->remove(segments_.rbegin()->second.path));
        KONTOR_CHECK(options_.files->sync_folder(options_.folder));
        const std::lock_guard lock(mutex_);
        segments_.erase(std::prev(segments_.end()));
    }
    return {};
}

Result<void> Log::open_tail() {
    KONTOR_TRY(tail_, options_.files->open(segments_.rbegin()->second.path, O_RDWR));
    return {};
}

Result<SegmentScanner> Log::scan(const Segment& segment) const {
    KONTOR_TRY(File file, real_file_ops().open(segment.path, O_RDONLY));
    KONTOR_TRY(const std::uint64_t size, size_of(file));
    return SegmentScanner(std::move(file), segment.salt, size);
}

Result<Log::Located> Log::locate(std::uint64_t index) const {
    const std::lock_guard lock(mutex_);
    const auto after = segments_.upper_bound(index);
    if (after == segments_.begin()) {
        return fail(ErrorCode::not_found, "entry " + std::to_string(index) + " is no longer in the log");
    }
    const auto found = std::prev(after);
    return Located{found->first, found->second};
}

Result<void> LogReader::seek() {
    KONTOR_TRY(const auto found, log_.locate(next_));
    path_ = found.segment.path;
    KONTOR_TRY(scanner_, log_.scan(found.segment));
    for (std::uint64_t index = found.first_index; index < next_; ++index) {
        KONTOR_TRY(const auto record, scanner_->next());
        if (!record) {
            return fail(ErrorCode::corruption,
                        path_ + ": bad record at offset " + std::to_string(scanner_->offset()));
        }
    }
    return {};
}

Result<Record> LogReader::next() {
    // Not a whole record where we stand: the end of the segment, or written after our chunk was read. Look
    // afresh once.
    for (int attempt = 0; attempt < 2; ++attempt) {
        if (!scanner_ || attempt > 0) KONTOR_CHECK(seek());
        KONTOR_TRY(const auto record, scanner_->next());
        if (record) {
            if (record->header.index != next_) {
                return fail(ErrorCode::corruption, path_ + ": record at offset " +
                                                       std::to_string(record->offset) + " has index " +
                                                       std::to_string(record->header.index) + " instead of " +
                                                       std::to_string(next_));
            }
            ++next_;
            return *record;
        }
    }
    return fail(ErrorCode::corruption, path_ + ": bad record at offset " +
                                           std::to_string(scanner_->offset()) + " (entry " +
                                           std::to_string(next_) + ")");
}

}  // namespace kontor::replication
