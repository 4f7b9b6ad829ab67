#pragma once
// Reads one segment's records in order, in bounded memory (one chunk, or one record if that is larger).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "file_ops.h"
#include "log_format.h"

namespace kontor::replication {

struct Record {
    RecordHeader header;
    std::string_view payload;  // valid until the next call
    std::uint64_t offset = 0;
};

class SegmentScanner {
 public:
    SegmentScanner(File file, std::uint32_t salt, std::uint64_t size_bytes)
        : file_(std::move(file)), salt_(salt), size_bytes_(size_bytes) {}

    // nullopt: at offset() there is no whole record (the end, or a bad one). Errors: io.
    Result<std::optional<Record>> next();
    [[nodiscard]] std::uint64_t offset() const { return offset_; }

    // From offset() on: is there any byte that is not zero?
    Result<bool> anything_left();
    // From offset() on: a whole record header that says that `index` was durable when it was written.
    Result<std::optional<std::uint64_t>> find_proof_of(std::uint64_t index);

 private:
    Result<std::string_view> window(std::uint64_t offset, std::size_t size);

    File file_;
    std::uint32_t salt_;
    std::uint64_t size_bytes_;
    std::uint64_t offset_ = kSegmentHeaderBytes;
    std::string chunk_;
    std::uint64_t chunk_offset_ = 0;
};

}  // namespace kontor::replication
