#include "bench_server.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <thread>

#include "kontor/base/files.h"

namespace kontor::app {
namespace {

constexpr std::size_t kLastWordsBytes = 2'000;

// Between fork() and exec(): system calls only.
[[noreturn]] void become_server(const std::vector<char*>& arguments, const std::vector<char*>& environment,
                                int output, int errors, pid_t parent) {
    ::setpgid(0, 0);  // Ctrl-C is for the generator, which then ends us in order
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(1);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(errors, STDERR_FILENO);
    ::execve("/proc/self/exe", arguments.data(), environment.data());
    ::_exit(127);
}

bool reaped(pid_t pid, int patience_ms) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(patience_ms);
    for (;;) {
        const pid_t done = ::waitpid(pid, nullptr, WNOHANG);
        if (done == pid || (done < 0 && errno == ECHILD)) return true;
        if (std::chrono::steady_clock::now() > end) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

}  // namespace

Result<std::unique_ptr<BenchServer>> BenchServer::start(const std::string& parent_folder,
                                                        const std::vector<std::string>& assignments) {
    std::unique_ptr<BenchServer> server(new BenchServer);
    std::error_code ec;
    const std::filesystem::path parent = parent_folder.empty() ? std::filesystem::temp_directory_path(ec)
                                                               : std::filesystem::path(parent_folder);
    std::string pattern = (std::filesystem::absolute(parent) / "kontor-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
        return fail(errno_error("make a temporary folder in " + parent.string(), errno));
    server->folder_ = pattern;
    KONTOR_CHECK(server->launch(assignments));
    return server;
}

BenchServer::~BenchServer() {
    stop();
    std::error_code ec;
    if (!folder_.empty()) std::filesystem::remove_all(folder_, ec);
}

Result<void> BenchServer::launch(const std::vector<std::string>& assignments) {
    std::vector<std::string> words{"kontor", "dev", "--ephemeral", "--serve-only", "--json", "--port", "0"};
    for (const std::string& assignment : assignments) {
        words.emplace_back("--set");
        words.push_back(assignment);
    }
    std::vector<std::string> variables{"TMPDIR=" + folder_};
    for (char** entry = environ; *entry != nullptr; ++entry)
        if (std::strncmp(*entry, "TMPDIR=", 7) != 0) variables.emplace_back(*entry);
    std::vector<char*> arguments, environment;
    for (std::string& word : words) arguments.push_back(word.data());
    for (std::string& variable : variables) environment.push_back(variable.data());
    arguments.push_back(nullptr);
    environment.push_back(nullptr);

    int output[2];
    if (::pipe2(output, O_CLOEXEC) != 0) return fail(errno_error("make a pipe", errno));
    const int errors = ::open((folder_ + "/errors").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ == 0) become_server(arguments, environment, output[1], errors, parent);
    const int fork_error = errno;
    ::close(output[1]);
    if (errors >= 0) ::close(errors);
    auto ready =
        pid_ < 0 ? Result<void>(fail(errno_error("start the server", fork_error))) : await_ready(output[0]);
    ::close(output[0]);
    return ready;
}

Result<void> BenchServer::await_ready(int output) {
    std::string said;
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kBenchServerReadyMs);
    while (said.find('\n') == std::string::npos) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        pollfd ready{output, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&ready, 1, static_cast<int>(left.count())) == 0)
            return fail(ErrorCode::timeout, "the server did not become ready: " + last_words());
        char chunk[4096];
        const ssize_t n = ::read(output, chunk, sizeof(chunk));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(ErrorCode::unavailable, "the server ended at once: " + last_words());
        said.append(chunk, static_cast<std::size_t>(n));
    }
    const auto event = nlohmann::json::parse(said.substr(0, said.find('\n')), nullptr, false);
    if (!event.is_object() || event.value("event", "") != "ready")
        return fail(ErrorCode::unavailable, "the server did not start: " + last_words());
    url_ = event.value("url", "");
    key_ = event.value("test_key", "");
    ca_file_ = event.value("ca_file", "");
    return {};
}

void BenchServer::stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGTERM);
    if (!reaped(pid_, kBenchServerStopMs)) {
        ::kill(pid_, SIGKILL);
        (void)reaped(pid_, kBenchServerStopMs);
    }
    pid_ = -1;
}

bool BenchServer::in_memory() const {
    struct statfs info {};
    return ::statfs(folder_.c_str(), &info) == 0 &&
           (info.f_type == TMPFS_MAGIC || info.f_type == RAMFS_MAGIC);
}

std::string BenchServer::last_words() const {
    const auto content = read_file(folder_ + "/errors");
    if (!content) return {};
    return content->size() > kLastWordsBytes ? content->substr(content->size() - kLastWordsBytes) : *content;
}

ProcessUsage process_usage(pid_t pid) {
    ProcessUsage usage;
    const std::string folder = "/proc/" + std::to_string(pid);
    std::ifstream status(folder + "/status");
    for (std::string line; std::getline(status, line);) {
        const auto kib = [&line] {
            return std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10) * 1024;
        };
        if (line.starts_with("VmRSS:")) usage.rss_bytes = kib();
        if (line.starts_with("VmHWM:")) usage.peak_rss_bytes = kib();
    }
    std::ifstream stat(folder + "/stat");
    std::string text;
    std::getline(stat, text);
    // The name in brackets may have spaces; user and system time are fields 14 and 15.
    const std::size_t bracket = text.rfind(')');
    if (bracket == std::string::npos) return usage;
    std::istringstream fields(text.substr(bracket + 1));
    std::string field;
    double ticks = 0;
    for (int number = 3; number <= 15 && fields >> field; ++number)
        if (number >= 14) ticks += std::strtod(field.c_str(), nullptr);
    usage.cpu_s = ticks / static_cast<double>(::sysconf(_SC_CLK_TCK));
    return usage;
}

}  // namespace kontor::app
