#include "kontor/store/redo_stream.h"

#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/store/hashing.h"
#include "kontor/store/tables.h"
#include "partition.h"
#include "redo_file.h"

namespace kontor::store {
namespace {

constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kHeaderFixedBytes = 60;
constexpr std::size_t kBlockHeadBytes = 16;
constexpr std::size_t kTrailerBytes = 24;
constexpr std::size_t kRowHeadBytes = 8;
constexpr std::size_t kMaxPayloadBytes = (256U << 10U) + kRowHeadBytes + kMaxKeyBytes + 1 + kMaxValueBytes;

}  // namespace

Unexpected RedoStream::bad(const char* what) const {
    return fail(ErrorCode::corruption, std::string("a redo file that is copied: ") + what +
                                           " in the frame at byte " +
                                           std::to_string(taken_ - buffer_.size()));
}

Result<std::size_t> RedoStream::frame_size() const {
    const std::string_view in = buffer_;
    if (state_ == State::header) {
        if (in.size() < kHeaderFixedBytes) return 0;
        const std::size_t meta = get_le<std::uint32_t>(in.substr(56));
        if (!in.starts_with("KONTREDO") || meta > kMaxReplicationMetaBytes) return bad("no header");
        return kHeaderFixedBytes + meta;
    }
    if (in.size() < kBlockHeadBytes) return 0;
    if (in.starts_with("END1")) return kTrailerBytes;
    const std::size_t payload = get_le<std::uint32_t>(in.substr(12));
    if ((!in.starts_with("BLK1") && !in.starts_with("BLKW")) || payload > kMaxPayloadBytes)
        return bad("no block or trailer");
    return kBlockHeadBytes + payload;
}

Result<void> RedoStream::feed(std::string_view bytes) {
    buffer_ += bytes;
    taken_ += bytes.size();
    while (!buffer_.empty()) {
        if (is_complete()) return bad("bytes after the trailer");
        KONTOR_TRY(const std::size_t size, frame_size());
        if (size == 0 || buffer_.size() < size + kCrcBytes) return {};
        const std::string_view whole = std::string_view(buffer_).substr(0, size);
        const std::uint32_t crc = crc32c(whole, crc_);
        if (crc != get_le<std::uint32_t>(std::string_view(buffer_).substr(size)))
            return bad("a checksum that does not match");
        KONTOR_CHECK(frame(whole));
        crc_ = crc;
        buffer_.erase(0, size + kCrcBytes);
    }
    return {};
}

Result<void> RedoStream::frame(std::string_view bytes) {
    if (state_ == State::header) return take_header(bytes);
    return bytes.starts_with("END1") ? take_trailer(bytes) : take_block(bytes);
}

Result<void> RedoStream::take_header(std::string_view bytes) {
    if (get_le<std::uint32_t>(bytes.substr(8)) != kLayoutVersion)
        return fail(ErrorCode::unsupported, "a redo file that is copied: layout version " +
                                                std::to_string(get_le<std::uint32_t>(bytes.substr(8))));
    header_.partitions = get_le<std::uint32_t>(bytes.substr(12));
    header_.checkpoint.index = get_le<std::uint64_t>(bytes.substr(16));
    header_.base_index = get_le<std::uint64_t>(bytes.substr(24));
    header_.checkpoint.time_ms = get_le<std::int64_t>(bytes.substr(32));
    header_.checkpoint.state_hash = bytes.substr(40, kStateHashBytes);
    header_.checkpoint.replication_meta = bytes.substr(kHeaderFixedBytes);
    state_ = State::blocks;
    return on_header(header_);
}

Result<void> RedoStream::take_block(std::string_view bytes) {
    const auto partition = get_le<std::uint32_t>(bytes.substr(4));
    const auto rows = get_le<std::uint32_t>(bytes.substr(8));
    if (partition >= header_.partitions) return bad("an impossible partition");
    bytes.remove_prefix(kBlockHeadBytes);
    for (std::uint32_t i = 0; i < rows; ++i) {
        if (bytes.size() < kRowHeadBytes) return bad("an impossible row");
        const auto table = static_cast<TableId>(bytes[0]);
        const char op = bytes[1];
        const std::size_t key_bytes = get_le<std::uint16_t>(bytes.substr(2));
        const std::size_t form_bytes = get_le<std::uint32_t>(bytes.substr(4));
        if ((op != 1 && op != 2) || table >= kTreeNameTable || key_bytes == 0 || key_bytes > kMaxKeyBytes ||
            bytes.size() - kRowHeadBytes < key_bytes + form_bytes)
            return bad("an impossible row");
        const RedoRow row{table, op == 2, bytes.substr(kRowHeadBytes, key_bytes),
                          bytes.substr(kRowHeadBytes + key_bytes, form_bytes)};
        RowBuffer buffer;
        if (!row.erased && !decode_row_form(row.form, buffer)) return bad("an impossible row");
        KONTOR_CHECK(on_row(partition, row));
        bytes.remove_prefix(kRowHeadBytes + key_bytes + form_bytes);
    }
    if (!bytes.empty()) return bad("more than its rows");
    ++blocks_;
    rows_ += rows;
    return {};
}

Result<void> RedoStream::take_trailer(std::string_view bytes) {
    if (get_le<std::uint32_t>(bytes.substr(4)) != blocks_ ||
        get_le<std::uint64_t>(bytes.substr(8)) != rows_ ||
        get_le<std::uint64_t>(bytes.substr(16)) != header_.checkpoint.index)
        return bad("a trailer that counts something else");
    state_ = State::complete;
    return {};
}

}  // namespace kontor::store
