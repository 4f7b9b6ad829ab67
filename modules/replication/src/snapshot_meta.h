#pragma once
// What a checkpoint must remember of the log: the opaque string between Replica::snapshot_meta() and
// Replica::open()/checkpointed(). Format: docs/formats/log.md, "Checkpoint meta".

#include <cstdint>
#include <string>
#include <string_view>

#include "kontor/base/result.h"

namespace kontor::replication {

struct SnapshotMeta {
    std::uint64_t index = 0, term = 0;
    std::uint64_t configuration_index = 0;
    std::string configuration;  // as in the CHANGE entry at configuration_index
    friend bool operator==(const SnapshotMeta&, const SnapshotMeta&) = default;
};

[[nodiscard]] std::string encode_snapshot_meta(const SnapshotMeta& meta);
Result<SnapshotMeta> decode_snapshot_meta(std::string_view bytes);  // corruption

}  // namespace kontor::replication
