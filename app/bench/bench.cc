// `kontor bench`: prepares a server, puts load on it, and says what came of it.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <ctime>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "api_client.h"
#include "bench_load.h"
#include "bench_receiver.h"
#include "bench_report.h"
#include "bench_scenario.h"
#include "bench_schedule.h"
#include "bench_server.h"
#include "commands.h"
#include "kontor/base/files.h"
#include "kontor/http/client.h"
#include "kontor/uri/uri.h"
#include "output.h"
#include "shutdown.h"

namespace kontor::app {
namespace {

constexpr std::uint64_t kTickNs = 1'000'000'000, kTerminalTickNs = 250'000'000;
constexpr std::size_t kMaxMetricsBytes = 4U << 20U;

double own_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    const auto seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// One line on standard error that is written over again on a terminal; without a terminal a line a second,
// and none with --json.
class ProgressLine {
 public:
    explicit ProgressLine(bool json) : terminal_(::isatty(STDERR_FILENO) == 1), silent_(json && !terminal_) {}
    ~ProgressLine() { clear(); }
    [[nodiscard]] std::uint64_t tick_ns() const { return terminal_ ? kTerminalTickNs : kTickNs; }
    void show(const std::string& text) {
        if (silent_) return;
        const std::uint64_t now = steady_ns();
        if (now - shown_ns_ < tick_ns() - kTerminalTickNs / 2) return;
        shown_ns_ = now;
        if (terminal_)
            std::fprintf(stderr, "\r  %s\x1b[K", text.c_str());
        else
            std::fprintf(stderr, "  %s\n", text.c_str());
        std::fflush(stderr);
    }
    void clear() const {
        if (terminal_) std::fputs("\r\x1b[K", stderr);
    }

 private:
    const bool terminal_, silent_;
    std::uint64_t shown_ns_ = 0;
};

// They are blocked (block_signals()); true when one came within the time.
bool wait_for_signal(std::uint64_t ns) {
    const sigset_t set = shutdown_signals();
    const timespec limit{static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    return ::sigtimedwait(&set, nullptr, &limit) > 0;
}

class BenchRun {
 public:
    explicit BenchRun(BenchArguments arguments)
        : arguments_(std::move(arguments)), output_(arguments_.json), progress_line_(arguments_.json) {}

    Result<bool> run() {
        KONTOR_CHECK(read_arguments());
        KONTOR_TRY(const auto scenario, make_scenario(arguments_));
        KONTOR_CHECK(find_target());
        KONTOR_CHECK(scenario->prepare(
            target_, [this](const std::string& what, std::uint64_t done, std::uint64_t all) {
                progress_line_.show("preparing " + what + ": " + std::to_string(done) + " of " +
                                    std::to_string(all));
                interrupted_ = interrupted_ || wait_for_signal(0);
                return !interrupted_;
            }));
        KONTOR_CHECK(add_webhook_endpoints());
        BenchReport report;
        report.arguments = &arguments_;
        report.kinds = scenario->kinds();
        KONTOR_CHECK(load(*scenario, report));
        progress_line_.clear();
        output_.text(report.text());
        output_.event(report.json());
        if (report.result.errors.contains("status " + std::to_string(kNoSuchKey)))
            std::fprintf(stderr, "kontor bench: %s\n", kNoSuchKeyText);
        return report.operations() > 0;
    }
    [[nodiscard]] bool interrupted() const { return interrupted_; }

 private:
    Result<void> read_arguments() {
        KONTOR_CHECK(complete_arguments(arguments_));
        const auto duration = parse_duration_ms(arguments_.duration),
                   warmup = parse_duration_ms(arguments_.warmup);
        if (!duration || *duration == 0)
            return fail(ErrorCode::invalid_argument, "--duration: write it as 20s, 500ms or 2m");
        if (!warmup) return fail(ErrorCode::invalid_argument, "--warmup: write it as 3s, 500ms or 1m");
        duration_ns_ = *duration * 1'000'000;
        warmup_ns_ = *warmup * 1'000'000;
        return {};
    }

    Result<void> find_target() {
        if (arguments_.url.empty()) {
            KONTOR_TRY(server_, BenchServer::start(arguments_.folder, arguments_.assignments));
            target_.url = server_->url();
            target_.key = server_->key();
            KONTOR_TRY(target_.ca_pem, read_file(server_->ca_file()));
            KONTOR_CHECK(remove_webhook_endpoints());
        } else {
            target_.url = arguments_.url;
            target_.key = arguments_.key;
            if (!arguments_.ca_file.empty()) {
                KONTOR_TRY(target_.ca_pem, read_file_within(arguments_.ca_file));
            }
        }
        KONTOR_TRY(const uri::Url url, uri::split_url(target_.url));
        target_.authority = url.authority();
        return {};
    }

    // `kontor dev` brings a receiver for every event. It would run inside of the server and be measured with
    // it.
    Result<void> remove_webhook_endpoints() {
        const auto client = make_client();
        const ApiClient api(*client, target_.url, target_.key);
        KONTOR_TRY(const auto list, api.get("/v1/webhook_endpoints"));
        for (const auto& endpoint : list["data"]) {
            http::ClientRequest request;
            request.method = "DELETE";
            request.url = target_.url + "/v1/webhook_endpoints/" + endpoint.value("id", "");
            request.headers.push_back({"Authorization", "Bearer " + target_.key});
            KONTOR_TRY(const auto answer, client->fetch(std::move(request)));
            if (answer.status != 200)
                return fail(ErrorCode::internal, "the webhook endpoint of the server could not be removed");
        }
        return {};
    }

    // After the preparation, whose events nobody wants to measure.
    Result<void> add_webhook_endpoints() {
        if (arguments_.webhooks == 0) return {};
        const std::string tls_folder = std::filesystem::path(server_->ca_file()).parent_path();
        KONTOR_TRY(receiver_, BenchReceiver::start(tls_folder));
        const auto client = make_client();
        const ApiClient api(*client, target_.url, target_.key);
        for (unsigned i = 1; i <= arguments_.webhooks; ++i) {
            const auto made =
                api.post("/v1/webhook_endpoints", {{"url", receiver_->url(i)}, {"enabled_events[0]", "*"}});
            if (!made) return fail(made.error());
        }
        return {};
    }

    [[nodiscard]] std::unique_ptr<http::Client> make_client() const {
        http::ClientOptions options;
        options.ca_pem = target_.ca_pem;
        options.max_response_bytes = kMaxMetricsBytes;
        return http::Client::make(options);
    }

    // A server that is not Kontor has none of it, which is no failure.
    [[nodiscard]] ServerReading read_server() const {
        ServerReading reading;
        if (server_) reading.process = process_usage(server_->pid());
        if (receiver_) reading.deliveries = receiver_->counted();
        http::ClientRequest request;
        request.url = target_.url + "/metrics";
        if (!target_.key.empty()) request.headers.push_back({"Authorization", "Bearer " + target_.key});
        const auto answer = make_client()->fetch(std::move(request));
        if (!answer || answer->status != 200) return reading;
        reading.log_bytes = metric(answer->body, "kontor_log_appended_bytes_total");
        reading.cache_hits = metric(answer->body, "kontor_cache_hits_total");
        reading.cache_misses = metric(answer->body, "kontor_cache_misses_total");
        return reading;
    }

    Result<void> load(const Scenario& scenario, BenchReport& report) {
        std::vector<std::unique_ptr<http::LoadClient>> clients;
        std::vector<std::size_t> connections;
        for (unsigned i = 0; i < arguments_.threads; ++i) {
            http::LoadClientOptions options;
            options.url = target_.url;
            options.ca_pem = target_.ca_pem;
            options.connections = (arguments_.connections + i) / arguments_.threads;
            connections.push_back(options.connections);
            KONTOR_TRY(auto client, http::LoadClient::connect(options));
            clients.push_back(std::move(client));
        }
        const std::uint64_t start = steady_ns(), measure_from = start + warmup_ns_,
                            end = measure_from + duration_ns_;
        std::vector<LoadResult> results(arguments_.threads);
        std::vector<std::thread> threads;
        for (unsigned i = 0; i < arguments_.threads; ++i) {
            LoadPlan plan{measure_from, end, std::nullopt, i, arguments_.threads};
            if (arguments_.rate != 0) plan.schedule.emplace(start, arguments_.rate);
            auto worker = std::make_unique<LoadWorker>(std::move(clients[i]), scenario.source(i),
                                                       connections[i], report.kinds.size(), plan, progress_);
            threads.emplace_back([&results, i, worker = std::move(worker)] { results[i] = worker->run(); });
        }
        watch(measure_from, end, report);
        for (std::thread& thread : threads) thread.join();
        for (const LoadResult& result : results) report.result.merge(result);
        if (server_) report.in_memory = server_->in_memory();
        if (interrupted_) return fail(ErrorCode::unavailable, "interrupted");
        return {};
    }

    void watch(std::uint64_t measure_from, std::uint64_t end, BenchReport& report) {
        if (!sleep_until(measure_from, "warm-up")) return;
        report.before = read_server();
        const double cpu_before = own_cpu_s();
        if (!sleep_until(end, "measuring")) return;
        report.generator_cpu_s = own_cpu_s() - cpu_before;
        report.duration_s = static_cast<double>(duration_ns_) / 1e9;
        report.after = read_server();
    }

    // False when a signal ended the run.
    bool sleep_until(std::uint64_t until, const std::string& phase) {
        for (std::uint64_t now = steady_ns(); now < until; now = steady_ns()) {
            if (wait_for_signal(std::min(until - now, progress_line_.tick_ns()))) {
                interrupted_ = true;
                progress_.stop = true;
                return false;
            }
            show_progress(phase, until);
        }
        return true;
    }

    void show_progress(const std::string& phase, std::uint64_t until) {
        const std::uint64_t now = steady_ns(), operations = progress_.operations.load();
        const double seconds = static_cast<double>(now - shown_ns_) / 1e9;
        const auto rate =
            shown_ns_ == 0 ? 0 : std::llround(static_cast<double>(operations - shown_operations_) / seconds);
        shown_ns_ = now;
        shown_operations_ = operations;
        std::string text = phase + ", " +
                           std::to_string((until - std::min(now, until) + 500'000'000) / 1'000'000'000) +
                           " s left: " + std::to_string(rate) + " a second";
        if (const std::uint64_t failed = progress_.failed.load(); failed != 0)
            text += ", " + std::to_string(failed) + " requests failed";
        progress_line_.show(text);
    }

    BenchArguments arguments_;
    const Output output_;
    ProgressLine progress_line_;
    std::uint64_t duration_ns_ = 0, warmup_ns_ = 0;
    std::unique_ptr<BenchReceiver> receiver_;  // outlives the server, which delivers to it
    std::unique_ptr<BenchServer> server_;
    BenchTarget target_;
    LoadProgress progress_;
    bool interrupted_ = false;
    std::uint64_t shown_ns_ = 0, shown_operations_ = 0;
};

}  // namespace

int run_bench(const BenchArguments& arguments) {
    block_signals();
    BenchRun run(arguments);
    const auto done = run.run();
    if (!done) {
        std::fprintf(stderr, "kontor bench: %s\n", done.error().describe().c_str());
        if (run.interrupted()) return 130;
        return done.error().code == ErrorCode::invalid_argument ? 2 : 1;
    }
    return *done ? 0 : 1;
}

}  // namespace kontor::app
