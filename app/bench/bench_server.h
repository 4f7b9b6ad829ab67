#pragma once
// The server under load: `kontor dev --ephemeral --serve-only` as a child process, so that it shares neither
// threads nor memory with the generator. Its state lies in a temporary folder of ours, which goes with the
// object; so does the child, also when this process is killed.
//
// Threading: start() and stop() on one thread, the one that lives longest (the child ends with it).
// Errors: unavailable with what the child said.

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::app {

inline constexpr int kBenchServerReadyMs = 60'000;
inline constexpr int kBenchServerStopMs = 30'000;

struct ProcessUsage {
    std::uint64_t rss_bytes = 0, peak_rss_bytes = 0;
    double cpu_s = 0;
};
// From /proc; zeros when there is no such process.
[[nodiscard]] ProcessUsage process_usage(pid_t pid);

class BenchServer {
 public:
    // `parent_folder`: where the temporary folder is made; "" is the system's place for temporary files.
    [[nodiscard]] static Result<std::unique_ptr<BenchServer>> start(
        const std::string& parent_folder, const std::vector<std::string>& assignments);
    BenchServer(const BenchServer&) = delete;
    BenchServer& operator=(const BenchServer&) = delete;
    ~BenchServer();

    [[nodiscard]] const std::string& url() const { return url_; }
    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] const std::string& ca_file() const { return ca_file_; }
    [[nodiscard]] pid_t pid() const { return pid_; }
    // The folder is in memory (tmpfs): syncing costs nothing there, so figures say nothing about a disk.
    [[nodiscard]] bool in_memory() const;
    // What the child wrote to standard error, the end of it.
    [[nodiscard]] std::string last_words() const;

 private:
    BenchServer() = default;
    [[nodiscard]] Result<void> launch(const std::vector<std::string>& assignments);
    [[nodiscard]] Result<void> await_ready(int output);
    void stop();

    std::string folder_, url_, key_, ca_file_;
    pid_t pid_ = -1;
};

}  // namespace kontor::app
