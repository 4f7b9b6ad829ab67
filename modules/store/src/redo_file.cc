#include "redo_file.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <filesystem>

#include "files.h"
#include "kontor/base/bytes.h"
#include "kontor/base/crc32c.h"
#include "kontor/base/shortage.h"
#include "kontor/store/hashing.h"
#include "partition.h"

namespace kontor::store {
namespace {

constexpr std::string_view kMagic = "KONTREDO";
constexpr std::string_view kBlockMagic = "BLK1";
constexpr std::string_view kWrittenBackMagic = "BLKW";
constexpr std::string_view kTrailerMagic = "END1";
constexpr std::size_t kHeaderFixedBytes = 60;
constexpr std::size_t kBlockHeadBytes = 16;
constexpr std::size_t kTrailerBytes = 28;
constexpr std::size_t kRowHeadBytes = 8;
constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kBlockTargetBytes = 256U << 10U;  // a block ends with the row that reaches this
constexpr std::size_t kMaxPayloadBytes = kBlockTargetBytes + kRowHeadBytes + kMaxKeyBytes + kMaxValueBytes;
constexpr std::size_t kDecodedBlockBytes = 256U << 10U;
constexpr std::uint64_t kWriteBackBytes = 1U << 20U;  // at most twice that is on its way to the disk
constexpr std::size_t kNameDigits = 20;
constexpr std::string_view kSuffix = ".redo";

std::string encode_header(const RedoHeader& header) {
    std::string out(kMagic);
    put_le<std::uint32_t>(out, kLayoutVersion);
    put_le<std::uint32_t>(out, header.partitions);
    put_le<std::uint64_t>(out, header.checkpoint.index);
    put_le<std::uint64_t>(out, header.base_index);
    put_le<std::int64_t>(out, header.checkpoint.time_ms);
    out += header.checkpoint.state_hash;
    put_le<std::uint32_t>(out, static_cast<std::uint32_t>(header.checkpoint.replication_meta.size()));
    KONTOR_ASSERT(out.size() == kHeaderFixedBytes, "redo header layout");
    return out + header.checkpoint.replication_meta;
}

void append_row(std::string& out, const RowImage& row) {
    out.push_back(static_cast<char>(row.table));
    out.push_back(row.erased ? 2 : 1);
    put_le(out, static_cast<std::uint16_t>(row.key.size()));
    const RowForm form(row.value);
    put_le(out, static_cast<std::uint32_t>(row.erased ? 0 : form.size()));
    out += row.key;
    if (row.erased) return;
    const std::size_t at = out.size();
    out.resize(at + form.size());
    form.write(out.data() + at);
}

// Reads the frames back; every failure names the file and where in it.
class RedoParser {
 public:
    RedoParser(RedoContents& contents, const std::string& path, bool with_ordinary)
        : contents_(contents), in_(*contents.bytes), path_(path), with_ordinary_(with_ordinary) {}

    Result<void> parse() {
        KONTOR_CHECK(header());
        std::uint32_t blocks = 0;
        while (left() >= 4 &&
               (in_.substr(at_, 4) == kBlockMagic || in_.substr(at_, 4) == kWrittenBackMagic)) {
            KONTOR_CHECK(block());
            ++blocks;
        }
        return trailer(blocks);
    }

 private:
    [[nodiscard]] std::size_t left() const { return in_.size() - at_; }
    [[nodiscard]] Unexpected bad(const char* what) const {
        return fail(ErrorCode::corruption,
                    "redo file " + path_ + ": " + what + " at byte " + std::to_string(at_));
    }
    // The frame of `size` bytes at at_, if it matches its checksum.
    Result<std::string_view> frame(std::size_t size, const char* what) {
        if (left() < size + kCrcBytes) return bad("it ends too early");
        const std::string_view bytes = in_.substr(at_, size);
        crc_ = crc32c(bytes, crc_);
        if (crc_ != get_le<std::uint32_t>(in_.substr(at_ + size))) return bad(what);
        at_ += size + kCrcBytes;
        return bytes;
    }

    Result<void> header() {
        if (left() < kHeaderFixedBytes) return bad("it ends too early");
        if (in_.substr(0, kMagic.size()) != kMagic) return bad("no redo header");
        const std::size_t meta_bytes = get_le<std::uint32_t>(in_.substr(56));
        if (meta_bytes > kMaxReplicationMetaBytes) return bad("header with an impossible length");
        KONTOR_TRY(const std::string_view bytes,
                   frame(kHeaderFixedBytes + meta_bytes, "header that does not match its checksum"));
        if (const auto version = get_le<std::uint32_t>(bytes.substr(8)); version != kLayoutVersion)
            return fail(ErrorCode::unsupported,
                        "redo file " + path_ + ": layout version " + std::to_string(version));
        RedoHeader& header = contents_.header;
        header.partitions = get_le<std::uint32_t>(bytes.substr(12));
        header.checkpoint.index = get_le<std::uint64_t>(bytes.substr(16));
        header.base_index = get_le<std::uint64_t>(bytes.substr(24));
        header.checkpoint.time_ms = get_le<std::int64_t>(bytes.substr(32));
        header.checkpoint.state_hash = bytes.substr(40, kStateHashBytes);
        header.checkpoint.replication_meta = bytes.substr(kHeaderFixedBytes);
        if (header.partitions == 0 || header.partitions > kMaxPartitions)
            return bad("impossible partition count");
        contents_.rows.resize(header.partitions);
        return {};
    }

    Result<void> block() {
        if (left() < kBlockHeadBytes) return bad("it ends too early");
        const std::string_view head = in_.substr(at_, kBlockHeadBytes);
        const bool written_back = head.starts_with(kWrittenBackMagic);
        const auto partition = get_le<std::uint32_t>(head.substr(4));
        const auto rows = get_le<std::uint32_t>(head.substr(8));
        const auto payload = get_le<std::uint32_t>(head.substr(12));
        if (partition >= contents_.header.partitions || payload > kMaxPayloadBytes)
            return bad("impossible block");
        KONTOR_TRY(std::string_view bytes,
                   frame(kBlockHeadBytes + payload, "block that does not match its checksum"));
        rows_ += rows;
        if (!written_back && !with_ordinary_) return {};
        bytes.remove_prefix(kBlockHeadBytes);
        PartitionRows& of = contents_.rows[partition];
        for (std::uint32_t i = 0; i < rows; ++i)
            KONTOR_CHECK(row(bytes, written_back ? of.written_back : of.ordinary));
        if (!bytes.empty()) return bad("block longer than its rows, before");
        return {};
    }

    Result<void> row(std::string_view& bytes, std::vector<RowImage>& out) {
        if (bytes.size() < kRowHeadBytes) return bad("impossible row, before");
        const std::size_t key_bytes = get_le<std::uint16_t>(bytes.substr(2));
        const std::size_t value_bytes = get_le<std::uint32_t>(bytes.substr(4));
        const char op = bytes[1];
        if ((op != 1 && op != 2) || key_bytes == 0 || key_bytes > kMaxKeyBytes ||
            bytes.size() - kRowHeadBytes < key_bytes + value_bytes)
            return bad("impossible row, before");
        RowImage image{static_cast<TableId>(bytes[0]), op == 2, bytes.substr(kRowHeadBytes, key_bytes), {}};
        if (!image.erased) {
            RowBuffer buffer;
            const auto value = decode_row_form(bytes.substr(kRowHeadBytes + key_bytes, value_bytes), buffer);
            if (!value) return bad("impossible row, before");
            image.value = value->data() == buffer.data() ? keep(*value) : *value;
        }
        out.push_back(image);
        bytes.remove_prefix(kRowHeadBytes + key_bytes + value_bytes);
        return {};
    }

    std::string_view keep(std::string_view value) {
        if (decoded_left_ < value.size()) {
            contents_.decoded.push_back(std::make_unique_for_overwrite<char[]>(kDecodedBlockBytes));
            decoded_at_ = contents_.decoded.back().get();
            decoded_left_ = kDecodedBlockBytes;
        }
        std::memcpy(decoded_at_, value.data(), value.size());
        const std::string_view kept(decoded_at_, value.size());
        decoded_at_ += value.size();
        decoded_left_ -= value.size();
        return kept;
    }

    Result<void> trailer(std::uint32_t blocks) {
        if (left() < 4 || in_.substr(at_, 4) != kTrailerMagic) return bad("no block or trailer");
        KONTOR_TRY(const std::string_view bytes,
                   frame(kTrailerBytes - kCrcBytes, "trailer that does not match its checksum"));
        if (get_le<std::uint32_t>(bytes.substr(4)) != blocks ||
            get_le<std::uint64_t>(bytes.substr(8)) != rows_ ||
            get_le<std::uint64_t>(bytes.substr(16)) != contents_.header.checkpoint.index)
            return bad("trailer that counts something else, before");
        if (left() != 0) return bad("bytes after the trailer");
        return {};
    }

    RedoContents& contents_;
    std::string_view in_;
    const std::string& path_;
    const bool with_ordinary_;
    char* decoded_at_ = nullptr;
    std::size_t decoded_left_ = 0;
    std::size_t at_ = 0;
    std::uint32_t crc_ = 0;
    std::uint64_t rows_ = 0;
};

}  // namespace

std::string redo_path(const std::string& folder, std::uint64_t index) {
    std::string digits = std::to_string(index);
    digits.insert(0, kNameDigits - digits.size(), '0');
    return folder + "/" + digits + std::string(kSuffix);
}

Result<std::vector<std::uint64_t>> list_redo_files(const std::string& folder) {
    std::vector<std::uint64_t> indexes;
    std::error_code code;
    std::filesystem::directory_iterator it;
    (void)wait_for_room("list " + folder, [&] {
        it = std::filesystem::directory_iterator(folder, code);
        return code.value();
    });
    for (const std::filesystem::directory_iterator end; !code && it != end; it.increment(code)) {
        const std::string name = it->path().filename().string();
        if (name.size() != kNameDigits + kSuffix.size() || !name.ends_with(kSuffix)) continue;
        if (name.find_first_not_of("0123456789") != kNameDigits) continue;
        std::uint64_t index = 0;
        if (std::from_chars(name.data(), name.data() + kNameDigits, index).ec != std::errc()) continue;
        indexes.push_back(index);
    }
    if (code) return fail(errno_error("list " + folder, code.value()));
    std::sort(indexes.begin(), indexes.end());
    return indexes;
}

RedoWriter::RedoWriter(std::string folder, RedoHeader header, CrashPoint crash)
    : folder_(std::move(folder)),
      path_(redo_path(folder_, header.checkpoint.index)),
      header_(std::move(header)),
      crash_(std::move(crash)) {}

// What a failed write or fsync left may look complete while the disk holds less: nobody may find it.
RedoWriter::~RedoWriter() {
    if (file_.fd() >= 0 && !finished_) ::unlink(path_.c_str());
}

Result<void> RedoWriter::begin() {
    KONTOR_TRY(file_, create_file(path_));
    frame_ = encode_header(header_);
    return seal();
}

Result<void> RedoWriter::seal() {
    crc_ = crc32c(frame_, crc_);
    put_le(frame_, crc_);
    KONTOR_CHECK(file_.write(frame_, path_));
    bytes_ += frame_.size();
    frame_.clear();
    for (; bytes_ - given_bytes_ >= kWriteBackBytes; given_bytes_ += kWriteBackBytes)
        KONTOR_CHECK(file_.write_back(given_bytes_, kWriteBackBytes, path_));
    return {};
}

Result<void> RedoWriter::add(std::uint32_t partition, const PartitionRows& rows) {
    KONTOR_CHECK(add_blocks(partition, kBlockMagic, rows.ordinary));
    return add_blocks(partition, kWrittenBackMagic, rows.written_back);
}

Result<void> RedoWriter::add_blocks(std::uint32_t partition, std::string_view magic,
                                    std::span<const RowImage> rows) {
    std::uint32_t in_block = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (in_block == 0) {
            frame_ = magic;
            put_le(frame_, partition);
            frame_.append(8, '\0');  // row count and payload length, once known
        }
        fetch_ahead(&rows[i], rows.data() + rows.size());
        append_row(frame_, rows[i]);
        ++in_block;
        ++rows_;
        if (frame_.size() - kBlockHeadBytes < kBlockTargetBytes && i + 1 < rows.size()) continue;
        const auto payload = static_cast<std::uint32_t>(frame_.size() - kBlockHeadBytes);
        std::memcpy(frame_.data() + 8, &in_block, sizeof in_block);
        std::memcpy(frame_.data() + 12, &payload, sizeof payload);
        KONTOR_CHECK(seal());
        in_block = 0;
        ++blocks_;
    }
    return {};
}

Result<void> RedoWriter::finish() {
    frame_ = kTrailerMagic;
    put_le(frame_, blocks_);
    put_le(frame_, rows_);
    put_le<std::uint64_t>(frame_, header_.checkpoint.index);
    KONTOR_CHECK(seal());
    if (crash_) crash_("redo-written");
    KONTOR_CHECK(file_.sync(path_));
    KONTOR_CHECK(sync_path(folder_));
    finished_ = true;
    if (crash_) crash_("redo-synced");
    return {};
}

Result<void> write_redo_file(const std::string& folder, const RedoHeader& header,
                             const std::vector<PartitionRows>& rows, const CrashPoint& crash) {
    RedoWriter writer(folder, header, crash);
    KONTOR_CHECK(writer.begin());
    for (std::uint32_t partition = 0; partition < rows.size(); ++partition)
        KONTOR_CHECK(writer.add(partition, rows[partition]));
    return writer.finish();
}

Result<RedoContents> read_redo_file(const std::string& path, bool with_ordinary) {
    RedoContents contents;
    KONTOR_TRY(std::string bytes, read_file(path));
    contents.bytes = std::make_unique<std::string>(std::move(bytes));
    KONTOR_CHECK(RedoParser(contents, path, with_ordinary).parse());
    return contents;
}

}  // namespace kontor::store
