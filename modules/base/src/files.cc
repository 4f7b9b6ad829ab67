#include "kontor/base/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <system_error>
#include <thread>

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

Result<void> check_kind(int fd, const std::string& path) {
    struct stat info {};
    if (::fstat(fd, &info) != 0) return fail(errno_error("look at " + path, errno));
    if (S_ISDIR(info.st_mode)) return fail(ErrorCode::invalid_argument, path + " is a folder, not a file");
    if (!S_ISREG(info.st_mode))
        return fail(ErrorCode::invalid_argument, path + " is no regular file (a pipe, a device or a socket)");
    return {};
}

// One question to a disk. Shared, because who asked may have gone. Its mutex is taken before that of all.
struct Question {
    std::mutex mutex;
    std::condition_variable changed;
    std::optional<Result<std::string>> answer;
};

std::mutex unanswered_mutex;
std::set<std::string>& unanswered() {
    static auto* const paths = new std::set<std::string>;  // threads that are left may outlive everything
    return *paths;
}

Unexpected no_answer(const std::string& path) {
    return fail(ErrorCode::unavailable,
                path + " cannot be read: its disk does not answer (a network mount whose server is gone?)");
}

}  // namespace

Result<std::string> ask_disk(const std::string& path, unsigned ms,
                             std::function<Result<std::string>()> work) {
    {
        const std::lock_guard lock(unanswered_mutex);
        if (unanswered().contains(path)) return no_answer(path);
    }
    const auto question = std::make_shared<Question>();
    const auto answer = [question, path, work = std::move(work)] {
        auto result = work();
        const std::lock_guard lock(question->mutex);
        question->answer.emplace(std::move(result));
        question->changed.notify_all();
        const std::lock_guard all(unanswered_mutex);
        unanswered().erase(path);
    };
    try {
        std::thread(answer).detach();
    } catch (const std::system_error&) {
        answer();  // no thread to be had: without an end, then
    }
    std::unique_lock lock(question->mutex);
    if (question->changed.wait_for(lock, std::chrono::milliseconds(ms),
                                   [&] { return question->answer.has_value(); }))
        return *std::move(question->answer);
    const std::lock_guard all(unanswered_mutex);
    unanswered().insert(path);
    return no_answer(path);
}

Result<std::string> read_file_within(const std::string& path, unsigned ms) {
    return ask_disk(path, ms, [path] { return read_file(path); });
}

Result<std::string> read_file(const std::string& path) {
    const Descriptor descriptor{open_file(path, O_RDONLY | O_NONBLOCK | O_NOCTTY)};
    if (descriptor.fd < 0) {
        if (errno == ENXIO) return fail(ErrorCode::invalid_argument, path + " is no regular file");
        if (errno == ENOENT) return fail(ErrorCode::not_found, path + " does not exist");
        if (errno == EACCES)
            return fail(ErrorCode::permission_denied, path + " may not be read by this user");
        return fail(errno_error("open " + path, errno));
    }
    KONTOR_CHECK(check_kind(descriptor.fd, path));
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
