#pragma once
// Requests and answers of a transfer of the state, as bytes (docs/formats/transfer.md).
//
// Pure. Errors: bytes that are not one are invalid_argument (requests) or corruption (answers).

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/byte_reader.h"
#include "kontor/base/object_id.h"
#include "kontor/base/result.h"
#include "kontor/store/copy_draft.h"
#include "kontor/store/copy_source.h"

namespace kontor::state_transfer {

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

// --- bodies ---
void put_checkpoint(std::string& out, const store::CheckpointMeta& meta);
[[nodiscard]] store::CheckpointMeta get_checkpoint(ByteReader& in);

struct BeginBody {
    std::uint32_t layout = 0, partitions = 0;
    std::uint64_t bytes_estimate = 0;
    store::CheckpointMeta checkpoint;
    std::vector<store::TableSpec> tables;  // names are not sent
};
[[nodiscard]] std::string encode_begin(const BeginBody& body);
[[nodiscard]] Result<BeginBody> decode_begin(std::string_view bytes);

// Rows: is it the end of the tree (1), then rows: key length (2), stored length (4), LMDB key, stored value.
struct RowsBody {
    bool is_last = false;
    std::vector<store::StoredRow> rows;  // views of the body
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

[[nodiscard]] std::string encode_check(const store::CopyCheck& check);
[[nodiscard]] Result<store::CopyCheck> decode_check(std::string_view bytes);

}  // namespace kontor::state_transfer
