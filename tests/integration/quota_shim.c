/* LD_PRELOAD: a quota that statvfs does not tell of. While the file $TEST_QUOTA_FILE is there, whatever would
   make a regular file larger fails with EDQUOT; what is written in its place works, as with a real one. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int is_over(int fd, off_t end) {
    struct stat file;
    const char* path = getenv("TEST_QUOTA_FILE");
    if (path == NULL || syscall(SYS_access, path, F_OK) != 0) return 0;
    if (fstat(fd, &file) != 0 || !S_ISREG(file.st_mode) || end <= file.st_size) return 0;
    errno = EDQUOT;
    return 1;
}
static size_t total(const struct iovec* parts, int count) {
    size_t bytes = 0;
    for (int i = 0; i < count; ++i) bytes += parts[i].iov_len;
    return bytes;
}
static off_t here(int fd) {
    const off_t at = lseek(fd, 0, SEEK_CUR);
    return at < 0 ? 0 : at;
}

ssize_t pwrite(int fd, const void* bytes, size_t size, off_t at) {
    return is_over(fd, at + (off_t)size) ? -1 : syscall(SYS_pwrite64, fd, bytes, size, at);
}
ssize_t pwrite64(int fd, const void* bytes, size_t size, off_t at) {
    return pwrite(fd, bytes, size, at);
}
ssize_t pwritev(int fd, const struct iovec* parts, int count, off_t at) {
    return is_over(fd, at + (off_t)total(parts, count)) ? -1 : syscall(SYS_pwritev, fd, parts, count, at, 0);
}
ssize_t pwritev64(int fd, const struct iovec* parts, int count, off_t at) {
    return pwritev(fd, parts, count, at);
}
ssize_t write(int fd, const void* bytes, size_t size) {
    return is_over(fd, here(fd) + (off_t)size) ? -1 : syscall(SYS_write, fd, bytes, size);
}
ssize_t writev(int fd, const struct iovec* parts, int count) {
    return is_over(fd, here(fd) + (off_t)total(parts, count)) ? -1 : syscall(SYS_writev, fd, parts, count);
}
int posix_fallocate(int fd, off_t at, off_t size) {
    if (is_over(fd, at + size)) return EDQUOT;
    return syscall(SYS_fallocate, fd, 0, at, size) == 0 ? 0 : errno;
}
int posix_fallocate64(int fd, off_t at, off_t size) {
    return posix_fallocate(fd, at, size);
}
int fallocate(int fd, int mode, off_t at, off_t size) {
    return is_over(fd, at + size) ? -1 : (int)syscall(SYS_fallocate, fd, mode, at, size);
}
int fallocate64(int fd, int mode, off_t at, off_t size) {
    return fallocate(fd, mode, at, size);
}
