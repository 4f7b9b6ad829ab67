#include "kontor/base/log.h"

#include <unistd.h>

#include <atomic>
#include <ctime>

#include "log_stamp.h"

namespace kontor::log {
namespace {
constexpr std::size_t kMaxLineBytes = 4096;
std::atomic<Level> current_level{Level::info};
constexpr std::string_view kNames[] = {"debug", "info", "warning", "error"};
}  // namespace

// Seconds and the rest apart, as the system has them: right before 1970 and after 2262, too.
std::string stamp_of(const timespec& time) {
    std::tm utc{};
    gmtime_r(&time.tv_sec, &utc);
    char stamp[64];
    const std::size_t n = std::strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S.", &utc);
    std::string text(stamp, n);
    const long ms = time.tv_nsec / 1'000'000;
    for (const long place : {100L, 10L, 1L}) text.push_back(static_cast<char>('0' + ms / place % 10));
    text.push_back('Z');
    return text;
}

void set_level(Level level) {
    current_level.store(level, std::memory_order_relaxed);
}
bool enabled(Level level) {
    return level >= current_level.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view component, std::string_view message) {
    if (!enabled(level)) return;
    timespec now{};
    ::clock_gettime(CLOCK_REALTIME, &now);
    std::string line = stamp_of(now);
    line += ' ';
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
