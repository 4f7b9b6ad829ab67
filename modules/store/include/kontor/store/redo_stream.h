#pragma once
// A redo file read as it comes, in pieces of any size, one frame at a time in memory (the store itself reads
// whole ones). Format: docs/formats/redo.md.
//
// Threading: one thread. Errors: corruption; what was taken before it was whole.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "kontor/base/result.h"
#include "kontor/store/store.h"

namespace kontor::store {

struct RedoHeader {
    std::uint32_t partitions = 0;
    std::uint64_t base_index = 0;  // of the checkpoint before: a partition must be there, or past it
    CheckpointMeta checkpoint;
};

struct RedoRow {
    TableId table;
    bool erased;
    std::string_view key, form;  // views of the frame
};

class RedoStream {
 public:
    std::function<Result<void>(const RedoHeader&)> on_header;
    std::function<Result<void>(unsigned partition, const RedoRow&)> on_row;

    [[nodiscard]] Result<void> feed(std::string_view bytes);
    [[nodiscard]] bool is_complete() const { return state_ == State::complete; }
    [[nodiscard]] std::uint64_t taken() const { return taken_; }  // bytes fed so far
    [[nodiscard]] const RedoHeader& header() const { return header_; }

 private:
    enum class State : std::uint8_t { header, blocks, complete };
    [[nodiscard]] Unexpected bad(const char* what) const;
    // The size of the frame that buffer_ begins with; 0: too few bytes to tell.
    [[nodiscard]] Result<std::size_t> frame_size() const;
    [[nodiscard]] Result<void> frame(std::string_view bytes);
    [[nodiscard]] Result<void> take_header(std::string_view bytes);
    [[nodiscard]] Result<void> take_block(std::string_view bytes);
    [[nodiscard]] Result<void> take_trailer(std::string_view bytes);

    State state_ = State::header;
    std::string buffer_;
    RedoHeader header_;
    std::uint32_t crc_ = 0, blocks_ = 0;
    std::uint64_t rows_ = 0, taken_ = 0;
};

}  // namespace kontor::store
