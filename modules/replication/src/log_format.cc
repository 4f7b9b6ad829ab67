#include "log_format.h"

#include "kontor/base/assert.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/replication/replica.h"

namespace kontor::replication {

std::string encode_segment_header(const SegmentHeader& header) {
    std::string out;
    out.reserve(kSegmentHeaderBytes);
    out.append(kSegmentMagic);
    put_le(out, kLogFormatVersion);
    put_le(out, header.salt);
    put_le(out, header.first_index);
    out.append(header.cluster.data(), header.cluster.size());
    put_le(out, std::uint32_t{0});
    put_le(out, crc32c(out));
    KONTOR_ASSERT(out.size() == kSegmentHeaderBytes, "segment header layout");
    return out;
}

namespace {
bool is_segment_header(std::string_view bytes) {
    return bytes.size() >= kSegmentHeaderBytes && bytes.substr(0, 8) == kSegmentMagic &&
           get_le<std::uint32_t>(bytes.substr(44)) == crc32c(bytes.substr(0, 44));
}
}  // namespace

std::optional<std::uint32_t> other_log_version(std::string_view bytes) {
    if (!is_segment_header(bytes)) return std::nullopt;
    const auto version = get_le<std::uint32_t>(bytes.substr(8));
    return version == kLogFormatVersion ? std::nullopt : std::optional(version);
}

std::optional<SegmentHeader> decode_segment_header(std::string_view bytes) {
    if (!is_segment_header(bytes) || other_log_version(bytes)) return std::nullopt;
    SegmentHeader header;
    header.salt = get_le<std::uint32_t>(bytes.substr(12));
    header.first_index = get_le<std::uint64_t>(bytes.substr(16));
    bytes.copy(header.cluster.data(), header.cluster.size(), 24);
    if (header.first_index == 0) return std::nullopt;
    return header;
}

void encode_record(std::string& out, std::uint32_t salt, RecordHeader header, std::string_view payload) {
    KONTOR_ASSERT(payload.size() <= kMaxEntryBytes, "entry above kMaxEntryBytes");
    const std::size_t start = out.size();
    put_le(out, kRecordMagic);
    put_le(out, static_cast<std::uint32_t>(payload.size()));
    put_le(out, header.index);
    put_le(out, header.term);
    put_le(out, header.durable_before);
    put_le(out, static_cast<std::uint32_t>(header.type));
    put_le(out, crc32c(payload, salt));
    put_le(out, std::uint32_t{0});
    put_le(out, crc32c(std::string_view(out).substr(start), salt));
    out.append(payload);
    out.resize(start + record_bytes(payload.size()), '\0');
}

std::optional<RecordHeader> decode_record_header(std::uint32_t salt, std::string_view bytes) {
    if (bytes.size() < kRecordHeaderBytes) return std::nullopt;
    bytes = bytes.substr(0, kRecordHeaderBytes);
    if (get_le<std::uint32_t>(bytes) != kRecordMagic) return std::nullopt;
    if (get_le<std::uint32_t>(bytes.substr(44)) != crc32c(bytes.substr(0, 44), salt)) return std::nullopt;
    RecordHeader header;
    header.payload_bytes = get_le<std::uint32_t>(bytes.substr(4));
    header.index = get_le<std::uint64_t>(bytes.substr(8));
    header.term = get_le<std::uint64_t>(bytes.substr(16));
    header.durable_before = get_le<std::uint64_t>(bytes.substr(24));
    const auto type = get_le<std::uint32_t>(bytes.substr(32));
    header.payload_crc = get_le<std::uint32_t>(bytes.substr(36));
    if (header.payload_bytes > kMaxEntryBytes || header.index == 0 || header.term == 0) return std::nullopt;
    if (header.durable_before >= header.index) return std::nullopt;
    if (type < static_cast<std::uint32_t>(EntryType::command) ||
        type > static_cast<std::uint32_t>(EntryType::change)) {
        return std::nullopt;
    }
    header.type = static_cast<EntryType>(type);
    return header;
}

bool record_body_valid(std::uint32_t salt, const RecordHeader& header, std::string_view body) {
    if (body.size() != record_bytes(header.payload_bytes) - kRecordHeaderBytes) return false;
    if (body.find_first_not_of('\0', header.payload_bytes) != std::string_view::npos) return false;
    return crc32c(body.substr(0, header.payload_bytes), salt) == header.payload_crc;
}

}  // namespace kontor::replication
