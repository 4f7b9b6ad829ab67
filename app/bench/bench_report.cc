#include "bench_report.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double places) {
    return std::round(value * places) / places;
}
double ms(std::uint64_t ns) {
    return rounded(static_cast<double>(ns) / 1e6, 1e4);
}
double rate_of(std::uint64_t operations, double duration_s) {
    return duration_s > 0 ? rounded(static_cast<double>(operations) / duration_s, 10) : 0;
}

void put_latency(Json& json, const LatencyHistogram& latency) {
    json["p50_ms"] = ms(latency.percentile_ns(50));
    json["p90_ms"] = ms(latency.percentile_ns(90));
    json["p99_ms"] = ms(latency.percentile_ns(99));
    json["p999_ms"] = ms(latency.percentile_ns(99.9));
    json["p9999_ms"] = ms(latency.percentile_ns(99.99));
    json["max_ms"] = ms(latency.max_ns());
}

LatencyHistogram all_of(const LoadResult& result) {
    LatencyHistogram all;
    for (const KindResult& kind : result.kinds) all.merge(kind.latency);
    return all;
}

std::optional<double> difference(const std::optional<double>& after, const std::optional<double>& before) {
    if (!after || !before) return std::nullopt;
    return *after - *before;
}

std::string latency_line(const LatencyHistogram& latency) {
    return fmt::format("p50 {:.2f}  p90 {:.2f}  p99 {:.2f}  p99.9 {:.2f}  p99.99 {:.2f}  max {:.2f} ms",
                       ms(latency.percentile_ns(50)), ms(latency.percentile_ns(90)),
                       ms(latency.percentile_ns(99)), ms(latency.percentile_ns(99.9)),
                       ms(latency.percentile_ns(99.99)), ms(latency.max_ns()));
}

}  // namespace

std::optional<double> metric(std::string_view text, std::string_view name) {
    for (std::size_t at = text.find(name); at != std::string_view::npos; at = text.find(name, at + 1)) {
        const bool line_start = at == 0 || text[at - 1] == '\n';
        const std::size_t end = at + name.size();
        if (!line_start || end >= text.size() || text[end] != ' ') continue;
        double value = 0;
        if (std::from_chars(text.data() + end + 1, text.data() + text.size(), value).ec == std::errc())
            return value;
    }
    return std::nullopt;
}

std::uint64_t BenchReport::operations() const {
    std::uint64_t sum = 0;
    for (const KindResult& kind : result.kinds) sum += kind.operations;
    return sum;
}

std::uint64_t BenchReport::errors() const {
    std::uint64_t sum = 0;
    for (const auto& [what, count] : result.errors) sum += count;
    return sum;
}

Json BenchReport::json() const {
    const LatencyHistogram all = all_of(result);
    Json json{
        {"scenario", arguments->scenario}, {"rate", rate_of(operations(), duration_s)}, {"errors", errors()}};
    put_latency(json, all);
    json["operations"] = operations();
    json["requests"] = all.count();
    json["duration_s"] = rounded(duration_s, 1e3);
    json["loop"] = arguments->rate == 0 ? "closed" : "open";
    if (arguments->rate != 0) {
        json["intended_rate"] = arguments->rate;
        json["most_behind"] = result.most_behind;
    }
    json["connections"] = arguments->connections;
    json["threads"] = arguments->threads;
    json["batch"] = arguments->batch;
    if (arguments->accounts != 0) json["accounts"] = arguments->accounts;
    json["seed"] = arguments->seed;
    json["errors_by_kind"] = Json::object();
    for (const auto& [what, count] : result.errors) json["errors_by_kind"][what] = count;
    json["kinds"] = Json::object();
    for (std::size_t i = 0; i < result.kinds.size(); ++i) {
        if (result.kinds[i].latency.count() == 0) continue;
        Json kind{{"rate", rate_of(result.kinds[i].operations, duration_s)},
                  {"operations", result.kinds[i].operations}};
        put_latency(kind, result.kinds[i].latency);
        json["kinds"][kinds[i]] = std::move(kind);
    }
    if (after.process && before.process) {
        json["server_rss_bytes"] = after.process->rss_bytes;
        json["server_peak_rss_bytes"] = after.process->peak_rss_bytes;
        json["server_cpu_s"] = rounded(after.process->cpu_s - before.process->cpu_s, 100);
    }
    if (after.deliveries && before.deliveries) {
        json["webhook_endpoints"] = arguments->webhooks;
        json["deliveries_rate"] = rate_of(*after.deliveries - *before.deliveries, duration_s);
    }
    json["generator_cpu_s"] = rounded(generator_cpu_s, 100);
    if (const auto bytes = difference(after.log_bytes, before.log_bytes); bytes && operations() > 0)
        json["log_bytes_per_operation"] = rounded(*bytes / static_cast<double>(operations()), 10);
    const auto hits = difference(after.cache_hits, before.cache_hits);
    const auto misses = difference(after.cache_misses, before.cache_misses);
    if (hits && misses && *hits + *misses > 0)
        json["cache_hit_ratio"] = rounded(*hits / (*hits + *misses), 1e4);
    if (in_memory) json["storage"] = "memory";
    return json;
}

std::string BenchReport::text() const {
    const LatencyHistogram all = all_of(result);
    std::string out =
        fmt::format("{}: {:.0f} operations a second ({} in {:.1f} s), {} errors\n  {}\n", arguments->scenario,
                    rate_of(operations(), duration_s), operations(), duration_s, errors(), latency_line(all));
    std::size_t used = 0;
    for (const KindResult& kind : result.kinds) used += kind.latency.count() != 0 ? 1 : 0;
    for (std::size_t i = 0; used > 1 && i < result.kinds.size(); ++i)
        if (result.kinds[i].latency.count() != 0)
            out += fmt::format("  {}: {:.0f} a second; {}\n", kinds[i],
                               rate_of(result.kinds[i].operations, duration_s),
                               latency_line(result.kinds[i].latency));
    for (const auto& [what, count] : result.errors) out += fmt::format("  error: {} × {}\n", count, what);
    if (arguments->rate != 0)
        out += fmt::format(
            "  open loop of {} requests a second; latency from the intended time; at most {} behind\n",
            arguments->rate, result.most_behind);
    if (after.deliveries && before.deliveries)
        out += fmt::format("  webhooks: {:.0f} deliveries a second to {} endpoints of the generator's\n",
                           rate_of(*after.deliveries - *before.deliveries, duration_s), arguments->webhooks);
    out += fmt::format("  {} connections, {} a request, {} loop", arguments->connections, arguments->batch,
                       arguments->rate == 0 ? "closed" : "open");
    if (after.process && before.process)
        out += fmt::format("; server {:.0f} MiB resident (peak {:.0f}), {:.1f} s of CPU; generator {:.1f} s",
                           static_cast<double>(after.process->rss_bytes) / 1048576,
                           static_cast<double>(after.process->peak_rss_bytes) / 1048576,
                           after.process->cpu_s - before.process->cpu_s, generator_cpu_s);
    if (const auto bytes = difference(after.log_bytes, before.log_bytes); bytes && operations() > 0)
        out += fmt::format("; {:.1f} log bytes an operation", *bytes / static_cast<double>(operations()));
    if (in_memory)
        out += "\n  The server's folder is in memory: nothing here says how fast it is on a disk (--folder).";
    return out;
}

}  // namespace kontor::app
