#pragma once
// Blocks of memory for memtables, each one huge page where the system has them. A memtable that goes gives
// its blocks to the next one: taking a huge page from the system means clearing it and perhaps first moving
// others out of its way, which payments would wait for.
//
// Threading: any. Ownership: blocks given back are this object's again; it outlives who takes them.
// Limits: keeps at most `keep_bytes`, the rest goes back to the system.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace kontor::store {

// Memory of zeros that begins at a huge page and is of huge pages where the system has them: rows at random
// places in small pages cost more for finding the page than for the row. Null: there is none.
[[nodiscard]] char* map_huge(std::size_t bytes);
void unmap_huge(char* at, std::size_t bytes);  // of the same number of bytes

class HugeBlocks {
 public:
    static constexpr std::size_t kBlockBytes = 2U << 20U;

    explicit HugeBlocks(std::uint64_t keep_bytes) : keep_blocks_(keep_bytes / kBlockBytes) {}
    ~HugeBlocks();
    HugeBlocks(const HugeBlocks&) = delete;
    HugeBlocks& operator=(const HugeBlocks&) = delete;

    [[nodiscard]] char* take();  // null: no memory for it
    void give_back(const std::vector<char*>& blocks);

 private:
    const std::size_t keep_blocks_;
    std::mutex mutex_;
    std::vector<char*> kept_;  // guarded by mutex_
};

// The blocks of somebody who only takes more and gives all back at the end: small ones until kSmallUseBytes
// are in use, then huge ones while the system has them. One thread.
class Blocks {
 public:
    static constexpr std::size_t kSmallBlockBytes = 256U << 10U;
    static constexpr std::uint64_t kSmallUseBytes = 1U << 20U;

    explicit Blocks(HugeBlocks& huge) : huge_(huge) {}  // which outlives it
    ~Blocks() { huge_.give_back(huge_taken_); }
    Blocks(const Blocks&) = delete;
    Blocks& operator=(const Blocks&) = delete;

    [[nodiscard]] std::span<char> next(std::uint64_t bytes_in_use);
    [[nodiscard]] std::span<char> of(std::size_t bytes);  // of a size of its own

 private:
    HugeBlocks& huge_;
    std::vector<char*> huge_taken_;
    std::vector<std::unique_ptr<char[]>> small_;
};

}  // namespace kontor::store
