// LMDB 0.9's file, as far as it is needed to tell its length: two meta pages, and the tree of free pages. A
// page that was taken and given back by one transaction is never written, so that the file may end before the
// last page that was ever taken, when all that is missing is free.

#include "partition_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <vector>

#include "files.h"
#include "kontor/base/bytes.h"
#include "kontor/base/shortage.h"
#include "lmdb_form.h"

namespace kontor::store {
namespace {

class FreePages {
 public:
    FreePages(int fd, std::uint32_t page_bytes, std::uint64_t first_missing, std::uint64_t last)
        : fd_(fd), page_bytes_(page_bytes), first_missing_(first_missing), free_(last - first_missing + 1) {}

    // Whether every page that is missing is a free one.
    bool hold_all(std::uint64_t root) {
        if (root == kNoPage || !walk(root, 0)) return false;
        for (const bool is_free : free_)
            if (!is_free) return false;
        return true;
    }
    [[nodiscard]] int error() const { return error_; }  // of a read; 0: none

 private:
    [[nodiscard]] bool read(std::uint64_t page, std::size_t at, std::string& bytes) {
        if (page >= first_missing_) return false;
        const ssize_t got =
            ::pread(fd_, bytes.data(), bytes.size(), static_cast<off_t>(page * page_bytes_ + at));
        if (got < 0) error_ = errno;
        return got == static_cast<ssize_t>(bytes.size());
    }

    bool walk(std::uint64_t number, unsigned depth) {
        std::string page(page_bytes_, '\0');
        if (depth > kMaxDepth || ++visited_ > first_missing_ || !read(number, 0, page)) return false;
        const std::string_view in = page;
        const unsigned flags = get_le<std::uint16_t>(in.substr(kFlagsAt));
        const std::size_t end = get_le<std::uint16_t>(in.substr(kLowerAt));
        if ((flags & (kBranch | kLeaf)) == 0 || end > page_bytes_) return false;
        for (std::size_t at = kHeaderBytes; at + 2 <= end; at += 2) {
            const std::size_t node = get_le<std::uint16_t>(in.substr(at));
            if (node + kNodeBytes > page_bytes_) return false;
            const bool is_good =
                (flags & kBranch) != 0 ? walk(child_of(in.substr(node)), depth + 1) : take(in.substr(node));
            if (!is_good) return false;
        }
        return true;
    }

    static std::uint64_t child_of(std::string_view node) {
        return get_le<std::uint32_t>(node) | std::uint64_t{get_le<std::uint16_t>(node.substr(4))} << 32U;
    }

    // A list of free pages: how many, then their numbers.
    bool take(std::string_view node) {
        const std::size_t size = get_le<std::uint32_t>(node);
        const unsigned flags = get_le<std::uint16_t>(node.substr(4));
        const std::size_t data_at = kNodeBytes + get_le<std::uint16_t>(node.substr(6));
        if (data_at + 8 > node.size()) return false;
        std::string list;
        if ((flags & kOnPagesOfItsOwn) != 0) {
            const auto page = get_le<std::uint64_t>(node.substr(data_at));
            if (page >= first_missing_ || size > (first_missing_ - page) * page_bytes_ - kHeaderBytes)
                return false;
            list.resize(size);
            if (!read(page, kHeaderBytes, list)) return false;
        } else {
            list = node.substr(data_at, size);
        }
        const std::string_view numbers = list;
        const std::size_t room = numbers.size() / 8;
        const std::uint64_t count =
            room == 0 ? 0 : std::min<std::uint64_t>(get_le<std::uint64_t>(numbers), room - 1);
        for (std::uint64_t i = 1; i <= count; ++i) {
            const auto page = get_le<std::uint64_t>(numbers.substr(8 * i));
            if (page >= first_missing_ && page - first_missing_ < free_.size())
                free_[page - first_missing_] = true;
        }
        return true;
    }

    int fd_, error_ = 0;
    std::uint32_t page_bytes_;
    std::uint64_t first_missing_, visited_ = 0;
    std::vector<bool> free_;  // of the missing pages
};

// The meta page at `offset`; nothing: it is none.
Result<std::optional<PartitionFileMeta>> meta_at(int fd, const std::string& path, std::uint64_t offset) {
    std::string page(kHeaderBytes + kMetaBytes, '\0');
    const ssize_t got = ::pread(fd, page.data(), page.size(), static_cast<off_t>(offset));
    if (got < 0) return fail(errno_error("read " + path, errno));
    const std::string_view in = std::string_view(page).substr(kHeaderBytes);
    const unsigned flags = get_le<std::uint16_t>(std::string_view(page).substr(kFlagsAt));
    if (got != static_cast<ssize_t>(page.size()) || (flags & kMeta) == 0 ||
        get_le<std::uint32_t>(in) != kMagic || (get_le<std::uint32_t>(in.substr(4)) & 0xFFFFU) != kVersion)
        return std::optional<PartitionFileMeta>();
    PartitionFileMeta meta;
    meta.page_bytes = get_le<std::uint32_t>(in.substr(kFreeTreeAt));
    meta.transaction = get_le<std::uint64_t>(in.substr(kTransactionAt));
    meta.last_page = get_le<std::uint64_t>(in.substr(kLastPageAt));
    meta.free_root = get_le<std::uint64_t>(in.substr(kFreeTreeAt + kTreeRootAt));
    meta.main_root = get_le<std::uint64_t>(in.substr(kMainTreeAt + kTreeRootAt));
    const bool is_good = meta.page_bytes >= kMinPageBytes && meta.page_bytes <= kMaxPageBytes &&
                         (meta.page_bytes & (meta.page_bytes - 1)) == 0;
    return is_good ? std::optional<PartitionFileMeta>(meta) : std::nullopt;
}

// Transactions are written to the two pages in turn, the even ones to the first; a new file has 0 in both.
bool are_of_one_file(const PartitionFileMeta& first, const PartitionFileMeta& second) {
    if (first.page_bytes != second.page_bytes || first.transaction % 2 != 0) return false;
    if (second.transaction == 0) return first.transaction == 0;
    return second.transaction % 2 == 1 &&
           (second.transaction == first.transaction + 1 || second.transaction == first.transaction - 1);
}

}  // namespace

Result<PartitionFileMeta> newest_meta(int fd, const std::string& path) {
    const auto damaged = [&](const char* what) {
        return fail(ErrorCode::corruption, path + " is damaged: " + what);
    };
    KONTOR_TRY(const auto first, meta_at(fd, path, 0));
    if (!first) return damaged("its first page does not say what it is");
    KONTOR_TRY(const auto second, meta_at(fd, path, first->page_bytes));
    if (!second) return damaged("its second page does not say what it is");
    if (!are_of_one_file(*first, *second)) return damaged("its first two pages do not fit together");
    return second->transaction > first->transaction ? *second : *first;
}

Result<std::uint64_t> check_partition_file(const std::string& path) {
    const File file(open_file(path, O_RDONLY));
    if (file.fd() < 0)
        return errno == ENOENT ? Result<std::uint64_t>(0) : fail(errno_error("open " + path, errno));
    struct stat info {};
    if (::fstat(file.fd(), &info) != 0) return fail(errno_error("stat " + path, errno));
    if (info.st_size == 0) return fail(ErrorCode::corruption, path + " was cut short: it is empty");
    KONTOR_TRY(const PartitionFileMeta meta, newest_meta(file.fd(), path));
    if (::fstat(file.fd(), &info) != 0)  // after the meta pages: of a node that runs it grows
        return fail(errno_error("stat " + path, errno));
    const auto size = static_cast<std::uint64_t>(info.st_size);
    const std::uint64_t there = size / meta.page_bytes, last = meta.last_page;
    const std::uint64_t bytes = (last + 1) * meta.page_bytes;
    if (last < there) return bytes;
    // The pages that are there could not name more of them: what claims so is not looked through.
    if (there >= 2 && last - there < there * (meta.page_bytes / 8)) {
        FreePages missing(file.fd(), meta.page_bytes, there, last);
        if (missing.hold_all(meta.free_root)) return bytes;
        if (missing.error() != 0) return fail(errno_error("read " + path, missing.error()));
    }
    return fail(ErrorCode::corruption,
                path + " was cut short: it has " + std::to_string(size) + " bytes, and its last page, of " +
                    std::to_string(meta.page_bytes) + " bytes, has the number " + std::to_string(last));
}

}  // namespace kontor::store
