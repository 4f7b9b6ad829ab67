#pragma once
// What a load run came to: a page for people, one JSON object for scripts.

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "bench_load.h"
#include "bench_server.h"
#include "commands.h"

namespace kontor::app {

// The server's own counters (GET /metrics) and processes, before and after the measured time.
struct ServerReading {
    std::optional<ProcessUsage> process;  // only of a server of our own
    std::optional<double> log_bytes, cache_hits, cache_misses;
    std::optional<std::uint64_t> deliveries;  // webhooks that came in
};
// A counter's value in the Prometheus text; nullopt when it is not there.
[[nodiscard]] std::optional<double> metric(std::string_view text, std::string_view name);

struct BenchReport {
    const BenchArguments* arguments = nullptr;
    std::vector<std::string> kinds;
    LoadResult result;
    double duration_s = 0;
    ServerReading before, after;
    double generator_cpu_s = 0;
    bool in_memory = false;

    [[nodiscard]] std::uint64_t operations() const;
    [[nodiscard]] std::uint64_t errors() const;
    [[nodiscard]] nlohmann::ordered_json json() const;
    [[nodiscard]] std::string text() const;
};

}  // namespace kontor::app
