#pragma once
// The bytes of a log entry: one flag byte, then a pb::Batch, plain (0) or as one zstd frame (1).
// Format page: docs/formats/entry.md. Errors: corruption. Limits: kMaxBatchBytes uncompressed.

#include <string>
#include <string_view>

#include "kontor/base/result.h"
#include "kontor/log.pb.h"

namespace kontor::pb {
class Batch;
}

namespace kontor::node {

inline constexpr std::size_t kMaxBatchBytes = 8U << 20U;       // uncompressed, one entry
inline constexpr std::size_t kTargetBatchBytes = 512U << 10U;  // where the proposer closes a batch
// One command: a full batch of ledger transfers at their widest is 1 MiB. Alone in its entry when above the
// target.
inline constexpr std::size_t kMaxCommandBytes = 2U << 20U;
inline constexpr std::size_t kPlainBelowBytes = 512;  // compressing less does not pay

// Appends a serialized command to a serialized batch.
void append_command(std::string& batch, std::string_view command);
[[nodiscard]] std::string encode_entry(std::string_view batch);
[[nodiscard]] Result<void> decode_entry(std::string_view payload, pb::Batch& batch);

}  // namespace kontor::node
