#include "kontor/base/disk_space.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

namespace kontor {

Result<DiskSpace> disk_space(const std::string& folder) {
    struct statvfs info {};
    int done = 0;
    do {
        done = ::statvfs(folder.c_str(), &info);
    } while (done != 0 && errno == EINTR);
    if (done != 0) return fail(errno_error("look for room in " + folder, errno));
    DiskSpace space;
    space.free_bytes = std::uint64_t{info.f_bavail} * info.f_frsize;
    space.total_bytes = std::uint64_t{info.f_blocks} * info.f_frsize;
    space.has_file_limit = info.f_files != 0;
    space.free_files = info.f_favail;
    return space;
}

Result<void> reserve_file(const std::string& path, std::uint64_t bytes) {
    const int fd =
        ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    if (fd < 0) return fail(errno_error("make " + path, errno));
    int code = 0;
    do {
        code = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    } while (code == EINTR);
    ::close(fd);
    if (code == 0) return {};
    ::unlink(path.c_str());
    return fail(errno_error("reserve " + path, code));
}

}  // namespace kontor
