#include "file_ops.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "kontor/base/shortage.h"

namespace kontor::replication {

namespace {

Unexpected failed(const char* what, const std::string& path, int error_number) {
    return fail(errno_error(std::string(what) + " " + path, error_number));
}

}  // namespace

File& File::operator=(File&& other) noexcept {
    if (this != &other) {
        close();
        fd_ = other.fd_;
        path_ = std::move(other.path_);
        other.fd_ = -1;
    }
    return *this;
}

void File::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<File> FileOps::open(const std::string& path, int flags) {
    const int fd = open_file(path, flags);
    if (fd < 0) return failed("open", path, errno);
    return File(fd, path);
}

Result<void> FileOps::write_at(const File& file, std::uint64_t offset, std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t n = ::pwrite(file.fd(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (n < 0) {
            if (errno == EINTR) continue;
            return failed("write", file.path(), errno);
        }
        if (n == 0) return failed("write", file.path(), EIO);
        bytes.remove_prefix(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<void> FileOps::allocate(const File& file, std::uint64_t size) {
    int rc = 0;
    do {
        rc = ::posix_fallocate(file.fd(), 0, static_cast<off_t>(size));
    } while (rc == EINTR);
    if (rc != 0) return failed("allocate", file.path(), rc);
    return {};
}

Result<void> FileOps::truncate(const File& file, std::uint64_t size) {
    int rc = 0;
    do {
        rc = ::ftruncate(file.fd(), static_cast<off_t>(size));
    } while (rc != 0 && errno == EINTR);
    if (rc != 0) return failed("truncate", file.path(), errno);
    return {};
}

Result<void> FileOps::sync_data(const File& file) {
    if (::fdatasync(file.fd()) != 0) return failed("fdatasync", file.path(), errno);
    return {};
}

Result<void> FileOps::sync_folder(const std::string& folder) {
    File handle(open_file(folder, O_RDONLY | O_DIRECTORY), folder);
    if (!handle.is_open()) return failed("open", folder, errno);
    if (::fsync(handle.fd()) != 0) return failed("fsync", folder, errno);
    return {};
}

Result<void> FileOps::rename(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) return failed("rename", from, errno);
    return {};
}

Result<void> FileOps::remove(const std::string& path) {
    if (::unlink(path.c_str()) != 0) return failed("remove", path, errno);
    return {};
}

namespace {

class ReadOnlyFileOps final : public FileOps {
 public:
    Result<File> open(const std::string& path, int flags) override {
        const bool may_make = (flags & O_CREAT) != 0;
        if (may_make && (flags & O_TRUNC) != 0) return FileOps::open("/dev/null", O_RDONLY);
        if (may_make && ::access(path.c_str(), F_OK) != 0) return FileOps::open("/dev/null", O_RDONLY);
        return FileOps::open(path, O_RDONLY);
    }
    Result<void> write_at(const File&, std::uint64_t, std::string_view) override { return {}; }
    Result<void> allocate(const File&, std::uint64_t) override { return {}; }
    Result<void> truncate(const File&, std::uint64_t) override { return {}; }
    Result<void> sync_data(const File&) override { return {}; }
    Result<void> sync_folder(const std::string&) override { return {}; }
    Result<void> rename(const std::string&, const std::string&) override { return {}; }
    Result<void> remove(const std::string&) override { return {}; }
};

}  // namespace

FileOps& read_only_file_ops() {
    static ReadOnlyFileOps ops;
    return ops;
}

FileOps& real_file_ops() {
    static FileOps ops;
    return ops;
}

Result<std::string> read_at(const File& file, std::uint64_t offset, std::size_t size) {
    std::string out(size, '\0');
    std::size_t have = 0;
    while (have < size) {
        const ssize_t n =
            ::pread(file.fd(), out.data() + have, size - have, static_cast<off_t>(offset + have));
        if (n < 0) {
            if (errno == EINTR) continue;
            return failed("read", file.path(), errno);
        }
        if (n == 0) break;
        have += static_cast<std::size_t>(n);
    }
    out.resize(have);
    return out;
}

Result<std::uint64_t> size_of(const File& file) {
    struct stat info {};
    if (::fstat(file.fd(), &info) != 0) return failed("stat", file.path(), errno);
    return static_cast<std::uint64_t>(info.st_size);
}

Result<std::vector<std::string>> list_folder(const std::string& folder) {
    std::error_code error;
    std::vector<std::string> names;
    std::filesystem::directory_iterator it;
    (void)wait_for_room("list " + folder, [&] {
        it = std::filesystem::directory_iterator(folder, error);
        return error.value();
    });
    for (; !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
        names.push_back(it->path().filename().string());
    }
    if (error) return failed("list", folder, error.value());
    std::sort(names.begin(), names.end());
    return names;
}

Result<void> make_folder(const std::string& folder) {
    std::error_code error;
    std::filesystem::create_directories(folder, error);
    if (error) return failed("make folder", folder, error.value());
    return {};
}

}  // namespace kontor::replication
