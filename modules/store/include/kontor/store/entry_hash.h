#pragma once
// What one log entry did to the state, as hashes: nodes compare them at the same index, and where they differ
// the touched buckets, (table, partition), say where. Format and formula: docs/formats/state.md.
//
// Which rows of a bucket differ is said by what both nodes kept of the entry, key by key.
//
// Threading: values. Errors: decode answers corruption. Limits: kMaxEntryBuckets; of the rows of an entry
// what is beyond kMaxEntryRowBytes is not kept.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kontor/base/result.h"
#include "kontor/store/row_store.h"

namespace kontor::store {

inline constexpr std::size_t kMaxEntryBuckets = 254 * 64;  // tables times partitions
inline constexpr std::size_t kMaxEntryRowBytes = 4U << 20U;

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

// The smallest range with all rows of a bucket that an entry changed differently on two nodes.
struct KeyRange {
    std::string first, last;
    std::uint64_t rows = 0;  // how many differ
    friend bool operator==(const KeyRange&, const KeyRange&) = default;
};
// Of what Store::entry_rows() answered on both nodes. nullopt: the same rows with the same values, so only
// their order differs, or the ones that do were not kept. Errors: corruption.
[[nodiscard]] Result<std::optional<KeyRange>> differing_keys(std::string_view mine, std::string_view theirs);

// What is known of the rows of a bucket that differs; null: nothing.
using KeysOfBucket = std::function<std::optional<KeyRange>(TableId table, std::uint8_t partition)>;

// "entry 812: table accounts (1), partition 03, key 0007": where two nodes' entries of one index differ, all
// buckets up to 16; "" if they do not.
[[nodiscard]] std::string name_difference(const EntryHash& mine, const EntryHash& theirs,
                                          std::span<const TableSpec> tables,
                                          const KeysOfBucket& keys = nullptr);

}  // namespace kontor::store
