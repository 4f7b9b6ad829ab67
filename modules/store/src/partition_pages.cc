// The look at every page of a partition's file before LMDB reads them (partition_file.h).

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <vector>

#include "files.h"
#include "kontor/base/bytes.h"
#include "kontor/base/shortage.h"
#include "lmdb_form.h"
#include "partition_file.h"

namespace kontor::store {
namespace {

class PageCheck {
 public:
    PageCheck(int fd, const std::string& path, const PartitionFileMeta& meta)
        : fd_(fd), path_(path), meta_(meta), is_seen_(meta.last_page + 1) {}

    // `may_be_thin`: a branch with one child, as LMDB leaves them among the free pages.
    Result<void> tree(std::uint64_t root, bool may_be_thin) {
        leaf_depth_ = 0;
        may_be_thin_ = may_be_thin;
        trees_.clear();
        if (root != kNoPage) KONTOR_CHECK(page(root, 1));
        // A name among the rows leads to a tree of its own.
        const std::vector<std::uint64_t> named = std::move(trees_);
        for (const std::uint64_t one : named) {
            leaf_depth_ = 0;
            if (one != kNoPage) KONTOR_CHECK(page(one, 1));
        }
        return {};
    }

 private:
    [[nodiscard]] Unexpected damaged(std::uint64_t number, const char* what) const {
        return fail(ErrorCode::corruption,
                    path_ + " has a damaged page: number " + std::to_string(number) + " " + what);
    }

    Result<void> read(std::uint64_t number, std::string& bytes) const {
        const ssize_t got =
            ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(number * meta_.page_bytes));
        if (got < 0) return fail(errno_error("read " + path_, errno));
        if (got != static_cast<ssize_t>(bytes.size()))
            return damaged(number, "lies behind the end of the file");
        return {};
    }

    // From one place only: no circle, and none in two trees.
    Result<void> take(std::uint64_t number, std::uint64_t count = 1) {
        for (std::uint64_t one = number; one < number + count; ++one) {
            if (one < 2 || one > meta_.last_page) return damaged(one, "is named, and there is none");
            if (is_seen_[one]) return damaged(one, "is used twice");
            is_seen_[one] = true;
        }
        return {};
    }

    Result<void> page(std::uint64_t number, unsigned depth) {
        KONTOR_CHECK(take(number));
        std::string bytes(meta_.page_bytes, '\0');
        KONTOR_CHECK(read(number, bytes));
        const std::string_view in = bytes;
        if (get_le<std::uint64_t>(in) != number) return damaged(number, "does not have its number");
        const unsigned flags = get_le<std::uint16_t>(in.substr(kFlagsAt));
        if (flags != kBranch && flags != kLeaf) return damaged(number, "is no page of rows");
        const std::size_t lower = get_le<std::uint16_t>(in.substr(kLowerAt));
        const std::size_t upper = get_le<std::uint16_t>(in.substr(kUpperAt));
        const std::size_t least = flags == kBranch && !may_be_thin_ ? 2 : 1;
        if (lower % 2 != 0 || lower < kHeaderBytes + 2 * least || lower > upper || upper > in.size())
            return damaged(number, "has no place for what it holds");
        if (flags == kLeaf) {
            if (leaf_depth_ == 0) leaf_depth_ = depth;
            if (leaf_depth_ != depth) return damaged(number, "lies at another depth than others");
        } else if (depth == kMaxDepth) {
            return damaged(number, "lies too deep");
        }
        for (std::size_t at = kHeaderBytes; at < lower; at += 2) {
            const std::size_t place = get_le<std::uint16_t>(in.substr(at));
            if (place < upper || place + kNodeBytes > in.size())
                return damaged(number, "has a row outside of itself");
            const std::string_view node = in.substr(place);
            if (flags == kBranch)
                KONTOR_CHECK(branch_node(number, node, depth));
            else
                KONTOR_CHECK(leaf_node(number, node));
        }
        return {};
    }

    Result<void> branch_node(std::uint64_t number, std::string_view node, unsigned depth) {
        const std::size_t key = get_le<std::uint16_t>(node.substr(kKeySizeAt));
        if (key > kMaxKeyBytes || kNodeBytes + key > node.size())
            return damaged(number, "has a row outside of itself");
        const std::uint64_t child = get_le<std::uint32_t>(node) |
                                    std::uint64_t{get_le<std::uint16_t>(node.substr(kNodeFlagsAt))} << 32U;
        return page(child, depth + 1);
    }

    Result<void> leaf_node(std::uint64_t number, std::string_view node) {
        const std::size_t key = get_le<std::uint16_t>(node.substr(kKeySizeAt));
        const unsigned flags = get_le<std::uint16_t>(node.substr(kNodeFlagsAt));
        const std::size_t value = get_le<std::uint32_t>(node);
        const std::size_t here = flags == kOnPagesOfItsOwn ? sizeof(std::uint64_t) : value;
        if (key == 0 || key > kMaxKeyBytes || kNodeBytes + key > node.size() ||
            here > node.size() - kNodeBytes - key)
            return damaged(number, "has a row outside of itself");
        const std::string_view in = node.substr(kNodeBytes + key, here);
        if (flags == 0) return {};
        if (flags == kOnPagesOfItsOwn) return long_value(get_le<std::uint64_t>(in), value);
        if (flags != kIsTree || value != kTreeBytes) return damaged(number, "has a row of no kind");
        trees_.push_back(get_le<std::uint64_t>(in.substr(kTreeRootAt)));
        return {};
    }

    // Pages in a row, of which the first has a header.
    Result<void> long_value(std::uint64_t number, std::size_t size) {
        const std::uint64_t count = (kHeaderBytes + size + meta_.page_bytes - 1) / meta_.page_bytes;
        KONTOR_CHECK(take(number, count));
        std::string header(kHeaderBytes, '\0');
        KONTOR_CHECK(read(number, header));
        const std::string_view in = header;
        if (get_le<std::uint64_t>(in) != number || get_le<std::uint16_t>(in.substr(kFlagsAt)) != kOverflow ||
            get_le<std::uint32_t>(in.substr(kLowerAt)) != count)
            return damaged(number, "is not the long row that it is said to be");
        return {};
    }

    const int fd_;
    const std::string& path_;
    const PartitionFileMeta& meta_;
    std::vector<bool> is_seen_;  // by page
    std::vector<std::uint64_t> trees_;
    unsigned leaf_depth_ = 0;  // of the tree that is looked at; 0: no leaf was seen
    bool may_be_thin_ = false;
};

}  // namespace

Result<void> check_partition_pages(const std::string& path) {
    const File file(open_file(path, O_RDONLY));
    if (file.fd() < 0) return errno == ENOENT ? Result<void>{} : fail(errno_error("open " + path, errno));
    KONTOR_TRY(const PartitionFileMeta meta, newest_meta(file.fd(), path));
    PageCheck check(file.fd(), path, meta);
    KONTOR_CHECK(check.tree(meta.main_root, false));
    return check.tree(meta.free_root, true);
}

}  // namespace kontor::store
