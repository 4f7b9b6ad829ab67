#include "log_scanner.h"

#include <algorithm>
#include <cstring>

namespace kontor::replication {

namespace {
constexpr std::size_t kChunkBytes = 1U << 20U;

// Preallocated space is most of what a start looks at: as fast as memory, in every build.
bool all_zero(std::string_view bytes) {
    return bytes.empty() ||
           (bytes.front() == '\0' && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}
}  // namespace

// The bytes [offset, offset + size), fewer at the end of the file.
Result<std::string_view> SegmentScanner::window(std::uint64_t offset, std::size_t size) {
    size = static_cast<std::size_t>(
        std::min<std::uint64_t>(size, offset < size_bytes_ ? size_bytes_ - offset : 0));
    if (offset < chunk_offset_ || offset + size > chunk_offset_ + chunk_.size()) {
        KONTOR_TRY(chunk_, read_at(file_, offset, std::max(size, kChunkBytes)));
        chunk_offset_ = offset;
    }
    return std::string_view(chunk_).substr(static_cast<std::size_t>(offset - chunk_offset_), size);
}

Result<std::optional<Record>> SegmentScanner::next() {
    KONTOR_TRY(const std::string_view head, window(offset_, kRecordHeaderBytes));
    const auto header = decode_record_header(salt_, head);
    if (!header) return std::optional<Record>{};
    const std::size_t total = record_bytes(header->payload_bytes);
    KONTOR_TRY(const std::string_view whole, window(offset_, total));
    if (whole.size() < total || !record_body_valid(salt_, *header, whole.substr(kRecordHeaderBytes))) {
        return std::optional<Record>{};
    }
    Record record{*header, whole.substr(kRecordHeaderBytes, header->payload_bytes), offset_};
    offset_ += total;
    return std::optional<Record>(record);
}

Result<bool> SegmentScanner::anything_left() {
    for (std::uint64_t at = offset_; at < size_bytes_;) {
        KONTOR_TRY(const std::string_view bytes, window(at, kChunkBytes));
        if (bytes.empty()) break;
        if (!all_zero(bytes)) return true;
        at += bytes.size();
    }
    return false;
}

Result<std::optional<std::uint64_t>> SegmentScanner::find_proof_of(std::uint64_t index) {
    static_assert(kChunkBytes % kRecordAlignment == 0);
    std::uint64_t looked_at = offset_;  // up to here, for zeros
    for (std::uint64_t at = offset_; at + kRecordHeaderBytes <= size_bytes_; at += kRecordAlignment) {
        if (at >= looked_at) {
            KONTOR_TRY(const std::string_view bytes, window(at, kChunkBytes));
            looked_at = at + bytes.size();
            if (all_zero(bytes)) {  // no header begins in here: its first bytes are the magic
                at = looked_at - kRecordAlignment;
                continue;
            }
        }
        KONTOR_TRY(const std::string_view head, window(at, kRecordHeaderBytes));
        const auto header = decode_record_header(salt_, head);
        if (header && header->index > index && header->durable_before >= index) return std::optional(at);
    }
    return std::optional<std::uint64_t>{};
}

}  // namespace kontor::replication
