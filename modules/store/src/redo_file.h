#pragma once
// The redo file: all rows of one checkpoint, durable before the first partition commits. Format and the
// reasons: docs/formats/redo.md.
//
// Errors: writing is a Result; a file that is not complete and unharmed is `corruption`, with file and
// offset. Whether that means "torn, drop it" or "stop" is for the folder to decide (folder.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "files.h"
#include "kontor/base/result.h"
#include "kontor/store/redo_stream.h"
#include "kontor/store/store.h"
#include "mem_table.h"

namespace kontor::store {

// The rows of one partition: those that go into it at once, sorted by table, then key; and those of
// written-back tables, in no particular order.
struct PartitionRows {
    std::vector<RowImage> ordinary, written_back;
};

struct RedoContents {
    RedoContents() = default;
    RedoContents(RedoContents&&) = default;
    RedoContents& operator=(RedoContents&&) = default;
    std::unique_ptr<std::string> bytes;            // what the rows point into,
    std::vector<std::unique_ptr<char[]>> decoded;  // and those that were put together
    RedoHeader header;
    std::vector<PartitionRows> rows;  // by partition
};

using CrashPoint = std::function<void(const char* step)>;

[[nodiscard]] std::string redo_path(const std::string& folder, std::uint64_t index);
// Indexes of the redo files in a folder, ascending. Names that are not redo files are left alone.
[[nodiscard]] Result<std::vector<std::uint64_t>> list_redo_files(const std::string& folder);

// Writes one, partition by partition: begin(), add() for each in ascending order, finish(). What it writes is
// durable, under its name, when finish() returns. After a failure it removes what it wrote, as far as it can.
class RedoWriter {
 public:
    RedoWriter(std::string folder, RedoHeader header, CrashPoint crash);
    ~RedoWriter();
    RedoWriter(const RedoWriter&) = delete;
    RedoWriter& operator=(const RedoWriter&) = delete;

    [[nodiscard]] Result<void> begin();
    [[nodiscard]] Result<void> add(std::uint32_t partition, const PartitionRows& rows);
    [[nodiscard]] Result<void> finish();

 private:
    [[nodiscard]] Result<void> add_blocks(std::uint32_t partition, std::string_view magic,
                                          std::span<const RowImage> rows);
    [[nodiscard]] Result<void> seal();  // the frame, with a checksum that is chained over all before it

    const std::string folder_, path_;
    const RedoHeader header_;
    const CrashPoint crash_;
    File file_;
    bool finished_ = false;
    std::string frame_;
    std::uint32_t crc_ = 0, blocks_ = 0;
    std::uint64_t rows_ = 0, bytes_ = 0, given_bytes_ = 0;  // given: to the disk
};

// All of it at once.
[[nodiscard]] Result<void> write_redo_file(const std::string& folder, const RedoHeader& header,
                                           const std::vector<PartitionRows>& rows, const CrashPoint& crash);
// `with_ordinary`: or only the rows of written-back tables; all of it is checked in either case.
[[nodiscard]] Result<RedoContents> read_redo_file(const std::string& path, bool with_ordinary = true);

}  // namespace kontor::store
