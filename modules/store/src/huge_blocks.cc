#include "huge_blocks.h"

#include <sys/mman.h>

namespace kontor::store {
namespace {

char* new_block() {
    constexpr std::size_t kBytes = HugeBlocks::kBlockBytes;
    void* at = mmap(nullptr, 2 * kBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    // Huge pages start at multiples of their size: what lies around that goes back.
    char* const first = static_cast<char*>(at);
    const std::size_t before = (kBytes - reinterpret_cast<std::uintptr_t>(at) % kBytes) % kBytes;
    char* const block = first + before;
    if (before != 0) munmap(first, before);
    munmap(block + kBytes, kBytes - before);
    madvise(block, kBytes, MADV_HUGEPAGE);
    return block;
}

}  // namespace

HugeBlocks::~HugeBlocks() {
    for (char* block : kept_) munmap(block, kBlockBytes);
}

char* HugeBlocks::take() {
    {
        const std::scoped_lock lock(mutex_);
        if (!kept_.empty()) {
            char* const block = kept_.back();
            kept_.pop_back();
            return block;
        }
    }
    return new_block();
}

void HugeBlocks::give_back(const std::vector<char*>& blocks) {
    std::size_t kept = 0;
    {
        const std::scoped_lock lock(mutex_);
        while (kept < blocks.size() && kept_.size() < keep_blocks_) kept_.push_back(blocks[kept++]);
    }
    for (; kept < blocks.size(); ++kept) munmap(blocks[kept], kBlockBytes);
}

}  // namespace kontor::store
