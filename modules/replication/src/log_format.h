#pragma once
// The bytes of a log segment: docs/formats/log.md. Everything little-endian.
//
// A record says how far the log was durable when it was written (`durable_before`). That is what tells a torn
// write from corruption: records written by one group may reach the disk in any order before their fdatasync
// returns, but a record below `durable_before` of a later one was acknowledged by the disk and must be whole.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "entry.h"

namespace kontor::replication {

inline constexpr std::uint32_t kRecordMagic = 0x4345524BU;  // "KREC"
inline constexpr std::string_view kSegmentMagic = "KONTORLG";
inline constexpr std::uint32_t kLogFormatVersion = 2;
inline constexpr std::size_t kSegmentHeaderBytes = 48;
inline constexpr std::size_t kRecordHeaderBytes = 48;
inline constexpr std::size_t kRecordAlignment = 8;

using Uuid = std::array<char, 16>;  // ClusterId of the public header

struct SegmentHeader {
    std::uint32_t salt = 0;  // seeds every CRC of the segment: bytes of another file never pass for records
    std::uint64_t first_index = 0;
    Uuid cluster{};
};

struct RecordHeader {
    std::uint32_t payload_bytes = 0;
    std::uint64_t index = 0;
    std::uint64_t term = 0;
    std::uint64_t durable_before = 0;  // highest index that was synced when this record was written
    EntryType type = EntryType::command;
    std::uint32_t payload_crc = 0;
};

[[nodiscard]] constexpr std::size_t record_bytes(std::size_t payload_bytes) {
    return kRecordHeaderBytes + (payload_bytes + kRecordAlignment - 1) / kRecordAlignment * kRecordAlignment;
}

[[nodiscard]] std::string encode_segment_header(const SegmentHeader& header);
[[nodiscard]] std::optional<SegmentHeader> decode_segment_header(std::string_view bytes);
// The version of a whole header that is not of this version.
[[nodiscard]] std::optional<std::uint32_t> other_log_version(std::string_view bytes);

// Appends header, payload and padding.
void encode_record(std::string& out, std::uint32_t salt, RecordHeader header, std::string_view payload);
// nullopt unless magic, CRC and every field are right.
[[nodiscard]] std::optional<RecordHeader> decode_record_header(std::uint32_t salt, std::string_view bytes);
// `body`: payload and padding.
[[nodiscard]] bool record_body_valid(std::uint32_t salt, const RecordHeader& header, std::string_view body);

}  // namespace kontor::replication
