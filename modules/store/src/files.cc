#include "files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>

#include "kontor/base/shortage.h"

namespace kontor::store {

void File::close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
}

Result<void> File::write(std::string_view bytes, const std::string& path) const {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
        if (written < 0) {
            if (errno == EINTR) continue;
            return fail(errno_error("write " + path, errno));
        }
        bytes.remove_prefix(static_cast<std::size_t>(written));
    }
    return {};
}

Result<void> File::write_back(std::uint64_t offset, std::uint64_t size, const std::string& path) const {
    const auto failed = [&] { return fail(errno_error("write back " + path, errno)); };
    const auto range = [&](std::uint64_t from, unsigned flags) {
        return ::sync_file_range(fd_, static_cast<off_t>(from), static_cast<off_t>(size), flags) == 0 ||
               errno == ENOSYS;  // sync() does it all
    };
    if (!range(offset, SYNC_FILE_RANGE_WRITE)) return failed();
    if (offset >= size && !range(offset - size, SYNC_FILE_RANGE_WAIT_BEFORE)) return failed();
    return {};
}

Result<void> File::sync(const std::string& path) const {
    if (::fsync(fd_) != 0) return fail(errno_error("fsync " + path, errno));
    return {};
}

Result<File> create_file(const std::string& path) {
    const int fd = open_file(path, O_WRONLY | O_CREAT | O_TRUNC);
    if (fd < 0) return fail(opening_error("create " + path, errno));
    return File(fd);
}

Result<std::string> read_file(const std::string& path) {
    const File file(open_file(path, O_RDONLY));
    if (file.fd() < 0) return fail(errno_error("open " + path, errno));
    struct stat info {};
    if (::fstat(file.fd(), &info) != 0) return fail(errno_error("stat " + path, errno));
    std::string bytes(static_cast<std::size_t>(info.st_size), '\0');
    std::size_t at = 0;
    while (at < bytes.size()) {
        const ssize_t got = ::read(file.fd(), bytes.data() + at, bytes.size() - at);
        if (got < 0) {
            if (errno == EINTR) continue;
            return fail(errno_error("read " + path, errno));
        }
        if (got == 0) break;
        at += static_cast<std::size_t>(got);
    }
    bytes.resize(at);
    return bytes;
}

Result<void> sync_path(const std::string& path) {
    const File file(open_file(path, O_RDONLY));
    if (file.fd() < 0) return fail(opening_error("open " + path, errno));
    return file.sync(path);
}

Result<void> make_folder(const std::string& path) {
    std::error_code code;
    std::filesystem::create_directories(path, code);
    if (code) return fail(errno_error("make folder " + path, code.value()));
    return {};
}

Result<File> lock_folder(const std::string& folder, bool read_only) {
    const std::string path = folder + "/LOCK";
    File file(open_file(path, read_only ? O_RDONLY : O_RDWR | O_CREAT));
    if (file.fd() < 0 && read_only && errno == ENOENT) return file;
    if (file.fd() < 0) return fail(errno_error("open " + path, errno));
    if (::flock(file.fd(), LOCK_EX | LOCK_NB) == 0) return file;
    if (errno != EWOULDBLOCK) return fail(errno_error("lock " + path, errno));
    return fail(ErrorCode::conflict, "the data folder " + folder +
                                         " is in use by another process (it holds " + path +
                                         "); stop that one first");
}

}  // namespace kontor::store
