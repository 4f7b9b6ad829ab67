#include "kontor/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "kontor/base/shortage.h"

namespace kontor {
namespace {

struct Descriptor {
    int fd = -1;
    ~Descriptor() {
        if (fd >= 0) ::close(fd);
    }
};

Result<void> sync_folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash == 0 ? 1 : slash);
    const Descriptor descriptor{open_file(folder, O_RDONLY | O_DIRECTORY)};
    if (descriptor.fd < 0) return fail(errno_error("open " + folder, errno));
    if (::fsync(descriptor.fd) != 0) return fail(errno_error("fsync " + folder, errno));
    return {};
}

}  // namespace

Result<std::string> read_file(const std::string& path) {
    const Descriptor descriptor{open_file(path, O_RDONLY)};
    if (descriptor.fd < 0) {
        if (errno == ENOENT) return fail(ErrorCode::not_found, path + " does not exist");
        if (errno == EACCES)
            return fail(ErrorCode::permission_denied, path + " may not be read by this user");
        return fail(errno_error("open " + path, errno));
    }
    std::string content;
    char buffer[16384];
    for (;;) {
        const ssize_t n = ::read(descriptor.fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(errno_error("read " + path, errno));
        if (n == 0) return content;
        content.append(buffer, static_cast<std::size_t>(n));
        if (content.size() > kMaxSmallFileBytes)
            return fail(ErrorCode::too_large, path + " is larger than 1 MiB");
    }
}

Result<void> write_file(const std::string& path, std::string_view content, unsigned mode) {
    const std::string temporary = path + ".new";
    ::unlink(temporary.c_str());
    {
        const Descriptor descriptor{
            open_file(temporary, O_WRONLY | O_CREAT | O_EXCL, static_cast<mode_t>(mode))};
        if (descriptor.fd < 0) return fail(errno_error("create " + temporary, errno));
        while (!content.empty()) {
            const ssize_t n = ::write(descriptor.fd, content.data(), content.size());
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return fail(errno_error("write " + temporary, errno));
            content.remove_prefix(static_cast<std::size_t>(n));
        }
        if (::fsync(descriptor.fd) != 0) return fail(errno_error("fsync " + temporary, errno));
    }
    if (std::rename(temporary.c_str(), path.c_str()) != 0)
        return fail(errno_error("rename to " + path, errno));
    return sync_folder_of(path);
}

bool file_exists(const std::string& path) {
    struct stat info {};
    return ::stat(path.c_str(), &info) == 0;
}

}  // namespace kontor
