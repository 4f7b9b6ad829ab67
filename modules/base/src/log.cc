#include "kontor/base/log.h"

#include <unistd.h>

#include <atomic>
#include <chrono>
#include <ctime>

namespace kontor::log {
namespace {
constexpr std::size_t kMaxLineBytes = 4096;
std::atomic<Level> current_level{Level::info};
constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
}  // namespace

void set_level(Level level) {
    current_level.store(level, std::memory_order_relaxed);
}
bool enabled(Level level) {
    return level >= current_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view component, std::string_view message) {
    if (!enabled(level)) return;
    const auto now = std::chrono::system_clock::now();
    const std::time_t seconds = std::chrono::system_clock::to_time_t(now);
    const auto ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(now.time_since_epoch()).count() % 1000;
    std::tm utc{};
    gmtime_r(&seconds, &utc);
    char stamp[40];
    const std::size_t n = std::strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.", &utc);
    std::string line(stamp, n);
    line.push_back(static_cast<char>('0' + ms / 100));
    line.push_back(static_cast<char>('0' + ms / 10 % 10));
    line.push_back(static_cast<char>('0' + ms % 10));
    line += "Z ";
    line += kNames[static_cast<unsigned>(level)];
    line += ' ';
    line += component;
    line += ": ";
    for (const char c : message) line.push_back(static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c);
    if (line.size() >= kMaxLineBytes) line.resize(kMaxLineBytes - 1);
    line.push_back('\n');
    // One write(2) a line keeps lines of several threads whole; a full pipe or closed stderr loses the line
    // only.
    [[maybe_unused]] const auto written = ::write(STDERR_FILENO, line.data(), line.size());
}

}  // namespace kontor::log
