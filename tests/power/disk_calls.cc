// Takes the place of the C library's file functions in this test program, for its own code, the static
// libraries and the shared ones (a program's symbols come first). What is not below the watched folder goes
// straight to the kernel.
//
// The names are bound by assembler labels, so that no header's declaration or fortified variant is in the
// way.

#include <fcntl.h>
#include <linux/falloc.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdlib>

#include "disk.h"

namespace {

using kontor::power::Disk;

std::string absolute(int folder_fd, const char* path) {
    if (path[0] == '/' || folder_fd == AT_FDCWD) return path;
    char target[4096];
    const std::string link = "/proc/self/fd/" + std::to_string(folder_fd);
    const long n = ::syscall(SYS_readlinkat, AT_FDCWD, link.c_str(), target, sizeof target);
    return n <= 0 ? path : std::string(target, static_cast<std::size_t>(n)) + "/" + path;
}

int open_any(int folder_fd, const char* path, int flags, unsigned mode) {
    const auto call = [&] { return ::syscall(SYS_openat, folder_fd, path, flags, mode); };
    Disk& disk = Disk::instance();
    const auto ours = disk.ours(absolute(folder_fd, path));
    if (!ours) return static_cast<int>(call());
    const bool creates = (flags & O_CREAT) != 0 && !disk.exists(*ours);
    const long fd = creates ? disk.create(*ours, call) : call();
    if (fd >= 0)
        disk.opened(static_cast<int>(fd), *ours, creates, (flags & O_TRUNC) != 0 && !creates,
                    (flags & O_DSYNC) != 0);
    return static_cast<int>(fd);
}

long sync_any(int fd, long number) {
    const auto ours = Disk::instance().handle(fd);
    if (!ours) return ::syscall(number, fd);
    struct stat info {};
    if (::fstat(fd, &info) != 0) return -1;
    return Disk::instance().sync(*ours, S_ISDIR(info.st_mode));
}

long pwrite_any(int fd, const void* bytes, std::size_t size, off_t offset) {
    const auto call = [&] { return ::syscall(SYS_pwrite64, fd, bytes, size, offset); };
    const auto ours = Disk::instance().handle(fd);
    if (!ours) return call();
    return Disk::instance().write(*ours, static_cast<std::uint64_t>(offset),
                                  {static_cast<const char*>(bytes), size}, call);
}

long read_any(int fd, const std::function<long()>& call) {
    const auto ours = Disk::instance().handle(fd);
    return ours ? Disk::instance().read(*ours, call) : call();
}

long truncate_any(int fd, off_t size) {
    const auto call = [&] { return ::syscall(SYS_ftruncate, fd, size); };
    const auto ours = Disk::instance().handle(fd);
    return ours ? Disk::instance().resize(*ours, static_cast<std::uint64_t>(size), false, call) : call();
}

// Returns the error number.
int allocate_any(int fd, off_t offset, off_t size) {
    const auto call = [&] { return ::syscall(SYS_fallocate, fd, 0, offset, size); };
    const auto ours = Disk::instance().handle(fd);
    const long done =
        ours ? Disk::instance().resize(*ours, static_cast<std::uint64_t>(offset + size), true, call) : call();
    return done == 0 ? 0 : errno;
}

long remove_any(int folder_fd, const char* path, int flags) {
    const auto call = [&] { return ::syscall(SYS_unlinkat, folder_fd, path, flags); };
    const auto ours = Disk::instance().ours(absolute(folder_fd, path));
    return ours ? Disk::instance().remove(*ours, call) : call();
}

unsigned mode_of(int flags, va_list arguments) {
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, unsigned) : 0;
}

}  // namespace

#define KONTOR_TAKES(name) asm(#name)
extern "C" {
int power_open(const char* path, int flags, ...) KONTOR_TAKES(open);
int power_open64(const char* path, int flags, ...) KONTOR_TAKES(open64);
int power_open_2(const char* path, int flags) KONTOR_TAKES(__open_2);
int power_open64_2(const char* path, int flags) KONTOR_TAKES(__open64_2);
int power_openat(int folder, const char* path, int flags, ...) KONTOR_TAKES(openat);
int power_openat64(int folder, const char* path, int flags, ...) KONTOR_TAKES(openat64);
int power_close(int fd) KONTOR_TAKES(close);
ssize_t power_read(int fd, void* to, std::size_t size) KONTOR_TAKES(read);
ssize_t power_read_chk(int fd, void* to, std::size_t size, std::size_t room) KONTOR_TAKES(__read_chk);
ssize_t power_pread(int fd, void* to, std::size_t size, off_t offset) KONTOR_TAKES(pread);
ssize_t power_pread64(int fd, void* to, std::size_t size, off_t offset) KONTOR_TAKES(pread64);
ssize_t power_pread_chk(int fd, void* to, std::size_t size, off_t offset, std::size_t room)
    KONTOR_TAKES(__pread_chk);
ssize_t power_pread64_chk(int fd, void* to, std::size_t size, off_t offset, std::size_t room)
    KONTOR_TAKES(__pread64_chk);
ssize_t power_write(int fd, const void* from, std::size_t size) KONTOR_TAKES(write);
ssize_t power_pwrite(int fd, const void* from, std::size_t size, off_t offset) KONTOR_TAKES(pwrite);
ssize_t power_pwrite64(int fd, const void* from, std::size_t size, off_t offset) KONTOR_TAKES(pwrite64);
ssize_t power_writev(int fd, const iovec* parts, int count) KONTOR_TAKES(writev);
ssize_t power_pwritev(int fd, const iovec* parts, int count, off_t offset) KONTOR_TAKES(pwritev);
ssize_t power_pwritev64(int fd, const iovec* parts, int count, off_t offset) KONTOR_TAKES(pwritev64);
int power_fsync(int fd) KONTOR_TAKES(fsync);
int power_fdatasync(int fd) KONTOR_TAKES(fdatasync);
int power_ftruncate(int fd, off_t size) KONTOR_TAKES(ftruncate);
int power_ftruncate64(int fd, off_t size) KONTOR_TAKES(ftruncate64);
int power_posix_fallocate(int fd, off_t offset, off_t size) KONTOR_TAKES(posix_fallocate);
int power_posix_fallocate64(int fd, off_t offset, off_t size) KONTOR_TAKES(posix_fallocate64);
int power_rename(const char* from, const char* to) KONTOR_TAKES(rename);
int power_unlink(const char* path) KONTOR_TAKES(unlink);
int power_unlinkat(int folder, const char* path, int flags) KONTOR_TAKES(unlinkat);
int power_remove(const char* path) KONTOR_TAKES(remove);
int power_mkdir(const char* path, mode_t mode) KONTOR_TAKES(mkdir);

int power_open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(AT_FDCWD, path, flags, mode);
}
int power_open64(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(AT_FDCWD, path, flags, mode);
}
int power_open_2(const char* path, int flags) {
    return open_any(AT_FDCWD, path, flags, 0);
}
int power_open64_2(const char* path, int flags) {
    return open_any(AT_FDCWD, path, flags, 0);
}
int power_openat(int folder, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(folder, path, flags, mode);
}
int power_openat64(int folder, const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const unsigned mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_any(folder, path, flags, mode);
}
int power_close(int fd) {
    Disk::instance().closed(fd);
    return static_cast<int>(::syscall(SYS_close, fd));
}
ssize_t power_read(int fd, void* to, std::size_t size) {
    return read_any(fd, [&] { return ::syscall(SYS_read, fd, to, size); });
}
ssize_t power_read_chk(int fd, void* to, std::size_t size, std::size_t room) {
    if (size > room) std::abort();
    return power_read(fd, to, size);
}
ssize_t power_pread(int fd, void* to, std::size_t size, off_t offset) {
    return read_any(fd, [&] { return ::syscall(SYS_pread64, fd, to, size, offset); });
}
ssize_t power_pread64(int fd, void* to, std::size_t size, off_t offset) {
    return power_pread(fd, to, size, offset);
}
ssize_t power_pread_chk(int fd, void* to, std::size_t size, off_t offset, std::size_t room) {
    if (size > room) std::abort();
    return power_pread(fd, to, size, offset);
}
ssize_t power_pread64_chk(int fd, void* to, std::size_t size, off_t offset, std::size_t room) {
    return power_pread_chk(fd, to, size, offset, room);
}
ssize_t power_pwrite(int fd, const void* from, std::size_t size, off_t offset) {
    return pwrite_any(fd, from, size, offset);
}
ssize_t power_pwrite64(int fd, const void* from, std::size_t size, off_t offset) {
    return pwrite_any(fd, from, size, offset);
}
ssize_t power_write(int fd, const void* from, std::size_t size) {
    const auto ours = Disk::instance().handle(fd);
    if (!ours) return ::syscall(SYS_write, fd, from, size);
    const auto at = static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_CUR));
    return Disk::instance().write(*ours, at, {static_cast<const char*>(from), size},
                                  [&] { return ::syscall(SYS_write, fd, from, size); });
}
ssize_t power_writev(int fd, const iovec* parts, int count) {
    const auto ours = Disk::instance().handle(fd);
    if (!ours) return ::syscall(SYS_writev, fd, parts, count);
    std::string whole;
    for (int i = 0; i < count; ++i)
        whole.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    const auto at = static_cast<std::uint64_t>(::lseek(fd, 0, SEEK_CUR));
    return Disk::instance().write(*ours, at, whole, [&] { return ::syscall(SYS_writev, fd, parts, count); });
}
ssize_t power_pwritev(int fd, const iovec* parts, int count, off_t offset) {
    std::string whole;
    for (int i = 0; i < count; ++i)
        whole.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
    return pwrite_any(fd, whole.data(), whole.size(), offset);
}
ssize_t power_pwritev64(int fd, const iovec* parts, int count, off_t offset) {
    return power_pwritev(fd, parts, count, offset);
}
int power_fsync(int fd) {
    return static_cast<int>(sync_any(fd, SYS_fsync));
}
int power_fdatasync(int fd) {
    return static_cast<int>(sync_any(fd, SYS_fdatasync));
}
int power_ftruncate(int fd, off_t size) {
    return static_cast<int>(truncate_any(fd, size));
}
int power_ftruncate64(int fd, off_t size) {
    return static_cast<int>(truncate_any(fd, size));
}
int power_posix_fallocate(int fd, off_t offset, off_t size) {
    return allocate_any(fd, offset, size);
}
int power_posix_fallocate64(int fd, off_t offset, off_t size) {
    return allocate_any(fd, offset, size);
}
int power_rename(const char* from, const char* to) {
    const auto call = [&] { return ::syscall(SYS_rename, from, to); };
    Disk& disk = Disk::instance();
    const auto ours = disk.ours(from);
    const auto target = disk.ours(to);
    return static_cast<int>(ours && target ? disk.rename(*ours, *target, call) : call());
}
int power_unlink(const char* path) {
    return static_cast<int>(remove_any(AT_FDCWD, path, 0));
}
int power_unlinkat(int folder, const char* path, int flags) {
    return static_cast<int>(remove_any(folder, path, flags));
}
int power_remove(const char* path) {
    const int done = power_unlink(path);
    return done != 0 && (errno == EISDIR || errno == EPERM) ? power_unlinkat(AT_FDCWD, path, AT_REMOVEDIR)
                                                            : done;
}
int power_mkdir(const char* path, mode_t mode) {
    const auto call = [&] { return ::syscall(SYS_mkdir, path, mode); };
    const auto ours = Disk::instance().ours(path);
    return static_cast<int>(ours ? Disk::instance().make_folder(*ours, call) : call());
}
}
