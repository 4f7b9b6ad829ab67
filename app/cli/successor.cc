#include "successor.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <vector>

namespace kontor::app {
namespace {

constexpr std::size_t kMaxAnswerBytes = 64U << 10U;
constexpr const char* kProgram = "kontor ";
constexpr const char* kServe = "serve";

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
            return fail(ErrorCode::timeout, "it gave no answer in time");
        char buffer[4096];
        const ssize_t n = ::read(fd, buffer, sizeof(buffer));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(errno_error("read", errno));
        if (n == 0) return text;
        text.append(buffer, static_cast<std::size_t>(n));
        if (text.size() > kMaxAnswerBytes) return fail(ErrorCode::unsupported, "it is no kontor");
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

namespace {

struct Outcome {
    std::string said;
    bool is_success = false;
};

// Runs the binary to its end, and reads what it says on `stream` (STDOUT_FILENO or STDERR_FILENO).
Result<Outcome> outcome_of(const std::string& binary, std::vector<std::string> words, int stream) {
    if (!is_program(binary)) return fail(ErrorCode::not_found, binary + " is no program");
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) return fail(errno_error("pipe", errno));
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, stream == STDOUT_FILENO ? STDERR_FILENO : STDOUT_FILENO,
                                     "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], stream);
    std::string name = binary;
    std::vector<char*> arguments{name.data()};
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_t pid = 0;
    const int code = ::posix_spawn(&pid, binary.c_str(), &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (code != 0) {
        ::close(ends[0]);
        return fail(errno_error("start " + binary, code));
    }
    auto said = read_all(ends[0], kSuccessorAnswerMs);
    ::close(ends[0]);
    if (!said) ::kill(pid, SIGKILL);
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (!said) return fail(said.error().code, binary + ": " + said.error().message);
    while (!said->empty() && said->back() == '\n') said->pop_back();
    return Outcome{*std::move(said), WIFEXITED(status) && WEXITSTATUS(status) == 0};
}

}  // namespace

Result<std::string> version_of(const std::string& binary) {
    KONTOR_TRY(const Outcome outcome, outcome_of(binary, {"--version"}, STDOUT_FILENO));
    if (!outcome.is_success || !outcome.said.starts_with(kProgram))
        return fail(ErrorCode::unsupported, binary + " cannot be started, or is no kontor");
    return outcome.said.substr(std::string(kProgram).size());
}

Result<void> check_configuration_with(const std::string& binary, const std::vector<std::string>& arguments) {
    const auto serve = std::find(arguments.begin(), arguments.end(), kServe);
    if (serve == arguments.end()) return {};  // a command without a configuration of its own
    std::vector<std::string> words{"config", "check"};
    words.insert(words.end(), serve + 1, arguments.end());
    KONTOR_TRY(const Outcome outcome, outcome_of(binary, std::move(words), STDERR_FILENO));
    if (outcome.is_success) return {};
    std::string problems;
    for (std::size_t at = 0; at < outcome.said.size();) {
        const std::size_t end = std::min(outcome.said.find('\n', at), outcome.said.size());
        const std::string line = outcome.said.substr(at, end - at);
        if (!line.starts_with("warning: ")) problems += (problems.empty() ? "" : "; ") + line;
        at = end + 1;
    }
    return fail(ErrorCode::invalid_argument, "its configuration would be refused: " + problems);
}

Result<std::string> successor_version() {
    KONTOR_TRY(std::string version, version_of(start().binary));
    KONTOR_CHECK(check_configuration_with(start().binary, start().arguments));
    return version;
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
