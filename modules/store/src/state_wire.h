#pragma once
// Requests and answers of a transfer of the state, as bytes (docs/formats/transfer.md).
//
// Pure. Errors: bytes that are not one are invalid_argument (requests) or corruption (answers).

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "content_sum.h"
#include "kontor/base/object_id.h"
#include "kontor/base/result.h"
#include "kontor/store/state_transfer.h"

namespace kontor::store {

enum class StateOp : std::uint8_t {
    begin = 1,
    rows = 2,
    redo = 3,
    check_begin = 4,
    check_step = 5,
    keep = 6,
    end = 7
};

struct StateRequest {
    StateOp op = StateOp::begin;
    std::uint64_t transfer = 0;  // a random number that the sink chose
    std::uint32_t max_bytes = 0;
    std::uint8_t partition = 0;
    std::uint8_t tree = 0;  // the table of an appended one, or kMetaTable: the main one
    std::uint64_t index = 0;
    std::uint64_t offset = 0;
    std::string after;  // LMDB key
    std::uint8_t group = kFirstGroup;
};
[[nodiscard]] std::string encode_request(const StateRequest& request);
[[nodiscard]] Result<StateRequest> decode_request(std::string_view bytes);

enum class StateStatus : std::uint8_t { ok = 0, gone = 1, failed = 2 };
struct StateAnswer {
    StateStatus status = StateStatus::ok;
    ErrorCode code = ErrorCode::internal;  // of failed
    std::string body;                      // by op; a message unless ok
};
[[nodiscard]] std::string encode_answer(std::string_view request, const StateAnswer& answer);
[[nodiscard]] Result<StateAnswer> decode_answer(std::string_view request, std::string_view bytes);

// Takes bytes apart; once they are too few, everything is 0 and is_good() false.
class ByteReader {
 public:
    explicit ByteReader(std::string_view in) : in_(in) {}
    template <typename T>
    T number() {
        const std::string_view bytes = take(sizeof(T));
        T value{};
        if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
        return value;
    }
    std::string_view take(std::size_t size) {
        if (size > in_.size()) {
            good_ = false;
            in_ = {};
            return {};
        }
        const std::string_view bytes = in_.substr(0, size);
        in_.remove_prefix(size);
        return bytes;
    }
    std::string_view rest() { return take(in_.size()); }
    [[nodiscard]] bool is_good() const { return good_; }
    [[nodiscard]] bool is_at_end() const { return good_ && in_.empty(); }

 private:
    std::string_view in_;
    bool good_ = true;
};

// --- bodies ---
void put_checkpoint(std::string& out, const CheckpointMeta& meta);
[[nodiscard]] CheckpointMeta get_checkpoint(ByteReader& in);

struct BeginBody {
    std::uint32_t layout = 0, partitions = 0;
    std::uint64_t bytes_estimate = 0;
    CheckpointMeta checkpoint;
    std::vector<TableSpec> tables;  // names are not sent
};
[[nodiscard]] std::string encode_begin(const BeginBody& body);
[[nodiscard]] Result<BeginBody> decode_begin(std::string_view bytes);

// Rows: is it the end of the tree (1), then rows: key length (2), stored length (4), LMDB key, stored value.
struct RowsBody {
    struct Row {
        std::string_view key, stored;
    };
    bool is_last = false;
    std::vector<Row> rows;  // views of the body
};
void put_row(std::string& out, std::string_view key, std::string_view stored);
[[nodiscard]] Result<RowsBody> decode_rows(std::string_view bytes);

struct RedoBody {
    bool is_some = false;                     // false: there is none above the index asked for
    std::uint64_t index = 0;                  // of the file next to it
    std::uint64_t size = 0;                   // of the file
    std::uint64_t newest = 0, remaining = 0;  // the last one, and bytes up to it, this one included
    std::string_view piece;
};
[[nodiscard]] std::string encode_redo(const RedoBody& body);
[[nodiscard]] Result<RedoBody> decode_redo(std::string_view bytes);

enum class CheckState : std::uint8_t { later = 0, going_on = 1, done = 2, ended = 3 };
struct CheckBody {
    CheckState state = CheckState::later;
    std::uint64_t index = 0;
    std::string why;   // of ended
    ContentSums sums;  // of done
};
[[nodiscard]] std::string encode_check(const CheckBody& body);
[[nodiscard]] Result<CheckBody> decode_check(std::string_view bytes);

}  // namespace kontor::store
