#include "successor.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <vector>

namespace kontor::app {
namespace {

constexpr std::size_t kMaxVersionBytes = 256;
constexpr const char* kProgram = "kontor ";

struct Start {
    std::string binary;
    std::vector<std::string> arguments;
};
Start& start() {
    static Start start;
    return start;
}

bool is_program(const std::string& path) {
    std::error_code ec;
    return std::filesystem::is_regular_file(path, ec) && ::access(path.c_str(), X_OK) == 0;
}

// Everything until the other side closes, an error after the time or when it is too much.
Result<std::string> read_all(int fd, int timeout_ms) {
    std::string text;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms);
    for (;;) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd waiting{fd, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) <= 0)
            return fail(ErrorCode::timeout, "it did not say its version in time");
        char buffer[kMaxVersionBytes];
        const ssize_t n = ::read(fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(errno_error("read", errno));
        if (n == 0) return text;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > kMaxVersionBytes) return fail(ErrorCode::unsupported, "it is no kontor");
    }
}

}  // namespace

std::string path_of_command(const std::string& name, const std::string& search_path,
                            const std::string& working_folder) {
    if (name.empty()) return {};
    if (name.front() == '/') return name;
    if (name.find('/') != std::string::npos) return working_folder + "/" + name;
    std::size_t at = 0;
    while (at <= search_path.size()) {
        const std::size_t end = std::min(search_path.find(':', at), search_path.size());
        std::string folder = search_path.substr(at, end - at);
        if (folder.empty()) folder = ".";
        if (folder.front() != '/') folder = working_folder + "/" + folder;
        if (is_program(folder + "/" + name)) return folder + "/" + name;
        at = end + 1;
    }
    return {};
}

void remember_start(int argc, char** argv) {
    start().arguments.assign(argv, argv + argc);
    std::error_code ec;
    const std::string folder = std::filesystem::current_path(ec).string();
    const char* const search = std::getenv("PATH");
    start().binary = path_of_command(argc > 0 ? argv[0] : "", search != nullptr ? search : "", folder);
    if (start().binary.empty()) start().binary = std::filesystem::read_symlink("/proc/self/exe", ec).string();
}

Result<std::string> version_of(const std::string& binary) {
    if (!is_program(binary)) return fail(ErrorCode::not_found, binary + " is no program");
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("pipe", errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    std::string name = binary, option = "--version";
    char* arguments[] = {name.data(), option.data(), nullptr};
    pid_t pid = 0;
    const int code = ::posix_spawn(&pid, binary.c_str(), &actions, nullptr, arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (code != 0) {
        ::close(ends[0]);
        return fail(errno_error("start " + binary, code));
    }
    auto said = read_all(ends[0], kVersionWithinMs);
    ::close(ends[0]);
    if (!said) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!said) return fail(said.error().code, binary + ": " + said.error().message);
    std::string version = *std::move(said);
    while (!version.empty() && version.back() == '\n') version.pop_back();
    const bool is_kontor = WIFEXITED(status) && WEXITSTATUS(status) == 0 && version.starts_with(kProgram);
    if (!is_kontor) return fail(ErrorCode::unsupported, binary + " cannot be started, or is no kontor");
    return version.substr(std::string(kProgram).size());
}

Result<std::string> successor_version() {
    return version_of(start().binary);
}

Error become_successor() {
    // What a library left open must not live on: it would hold ports and locks.
    ::close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC);
    std::vector<char*> arguments;
    for (std::string& argument : start().arguments) arguments.push_back(argument.data());
    arguments.push_back(nullptr);
    ::execv(start().binary.c_str(), arguments.data());
    return errno_error("start " + start().binary, errno);
}

}  // namespace kontor::app
