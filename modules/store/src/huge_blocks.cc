#include "huge_blocks.h"

#include <sys/mman.h>

namespace kontor::store {
namespace {

constexpr std::size_t kPage = HugeBlocks::kBlockBytes;

std::size_t whole_pages(std::size_t bytes) {
    return (bytes + kPage - 1) / kPage * kPage;
}

}  // namespace

char* map_huge(std::size_t bytes) {
    const std::size_t size = whole_pages(bytes);
    void* at = mmap(nullptr, size + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) return nullptr;
    // Huge pages start at multiples of their size: what lies around that goes back.
    char* const first = static_cast<char*>(at);
    const std::size_t before = (kPage - reinterpret_cast<std::uintptr_t>(at) % kPage) % kPage;
    char* const begin = first + before;
    if (before != 0) munmap(first, before);
    munmap(begin + size, kPage - before);
    madvise(begin, size, MADV_HUGEPAGE);
    return begin;
}

void unmap_huge(char* at, std::size_t bytes) {
    munmap(at, whole_pages(bytes));
}

HugeBlocks::~HugeBlocks() {
    for (char* block : kept_) unmap_huge(block, kBlockBytes);
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
    return map_huge(kBlockBytes);
}

void HugeBlocks::give_back(const std::vector<char*>& blocks) {
    std::size_t kept = 0;
    {
        const std::scoped_lock lock(mutex_);
        while (kept < blocks.size() && kept_.size() < keep_blocks_) kept_.push_back(blocks[kept++]);
    }
    for (; kept < blocks.size(); ++kept) unmap_huge(blocks[kept], kBlockBytes);
}

std::span<char> Blocks::next(std::uint64_t bytes_in_use) {
    char* const huge = bytes_in_use < kSmallUseBytes ? nullptr : huge_.take();
    if (huge == nullptr) return of(kSmallBlockBytes);
    huge_taken_.push_back(huge);
    return {huge, HugeBlocks::kBlockBytes};
}

std::span<char> Blocks::of(std::size_t bytes) {
    small_.push_back(std::make_unique_for_overwrite<char[]>(bytes));
    return {small_.back().get(), bytes};
}

}  // namespace kontor::store
