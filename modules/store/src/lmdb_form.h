#pragma once
// LMDB 0.9's file, as far as it is looked at without LMDB. Numbers are little-endian.

#include <cstddef>
#include <cstdint>
#include <string>

#include "kontor/base/result.h"

namespace kontor::store {

// A page: number 8, padding 2, flags 2, lower 2, upper 2 (of pages for a long value: how many, 4), then the
// places of its nodes, 2 each, up to `lower`; the nodes lie from `upper` on.
inline constexpr std::size_t kHeaderBytes = 16, kFlagsAt = 10, kLowerAt = 12, kUpperAt = 14;
inline constexpr unsigned kBranch = 1, kLeaf = 2, kOverflow = 4, kMeta = 8;  // flags of a page

// A node: size of the value 4 (of a branch: the child's number, with the flags above it), flags 2, size of
// the key 2, key, value.
inline constexpr std::size_t kNodeBytes = 8, kNodeFlagsAt = 4, kKeySizeAt = 6;
inline constexpr unsigned kOnPagesOfItsOwn = 1, kIsTree = 2;  // flags of a node
inline constexpr std::size_t kMaxKeyBytes = 511;

// A tree's record, in the meta pages and as a value: … depth 2 at 6, … root 8 at 40.
inline constexpr std::size_t kTreeBytes = 48, kTreeDepthAt = 6, kTreeRootAt = 40;
inline constexpr std::uint64_t kNoPage = UINT64_MAX;
inline constexpr unsigned kMaxDepth = 32;

// A meta page, behind its header: magic 4, version 4, … the two trees, … last page 8, transaction 8.
inline constexpr std::size_t kMetaBytes = 136, kFreeTreeAt = 24, kMainTreeAt = kFreeTreeAt + kTreeBytes,
                             kLastPageAt = 120, kTransactionAt = 128;
inline constexpr std::uint32_t kMagic = 0xBEEFC0DE, kVersion = 1;
inline constexpr std::uint32_t kMinPageBytes = 256, kMaxPageBytes = 1U << 16U;

struct PartitionFileMeta {
    std::uint32_t page_bytes = 0;
    std::uint64_t transaction = 0, last_page = 0, free_root = 0, main_root = 0;
};
// The newer one of the two. LMDB looks at the numbers of their transactions in more than one way, so that one
// that cannot be would let the same file say different things: corruption. Also: io.
[[nodiscard]] Result<PartitionFileMeta> newest_meta(int fd, const std::string& path);

}  // namespace kontor::store
