#include "bench_schedule.h"

#include <charconv>

namespace kontor::app {

std::optional<std::uint64_t> parse_duration_ms(std::string_view text) {
    constexpr std::uint64_t kDayMs = 24ULL * 3600 * 1000;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return std::nullopt;
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const std::uint64_t factor = unit == "ms"                  ? 1
                                 : unit.empty() || unit == "s" ? 1000
                                 : unit == "m"                 ? 60'000
                                                               : 0;
    if (factor == 0 || number > kDayMs / factor) return std::nullopt;
    return number * factor;
}

}  // namespace kontor::app
