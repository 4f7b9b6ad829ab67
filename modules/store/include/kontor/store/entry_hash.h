#pragma once
// What one log entry did to the state, as hashes: nodes compare them at the same index, and where they differ
// the touched buckets, (table, partition), say where. Format and formula: docs/formats/state.md.
//
// Threading: values. Errors: decode answers corruption. Limits: kMaxEntryBuckets.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/row_store.h"

namespace kontor::store {

inline constexpr std::size_t kMaxEntryBuckets = 254 * 64;  // tables times partitions

struct BucketHash {
    TableId table = 0;
    std::uint8_t partition = 0;
    std::uint64_t hash = 0;  // of this entry's changes of the bucket's rows, in order
    friend bool operator==(const BucketHash&, const BucketHash&) = default;
};

struct EntryHash {
    std::uint64_t index = 0;
    std::string previous;             // the state hash before
    std::string hash;                 // the state hash after: of previous, buckets and index
    std::vector<BucketHash> buckets;  // by table, then partition
    friend bool operator==(const EntryHash&, const EntryHash&) = default;
};

[[nodiscard]] std::string encode_entry_hash(const EntryHash& entry);
// Refuses one whose hash is not that of its parts.
[[nodiscard]] Result<EntryHash> decode_entry_hash(std::string_view bytes);

// "entry 812: table accounts (1), partition 03": where two nodes' entries of one index differ, all buckets up
// to 16; "" if they do not.
[[nodiscard]] std::string name_difference(const EntryHash& mine, const EntryHash& theirs,
                                          std::span<const TableSpec> tables);

}  // namespace kontor::store
