#include "bench_options.h"

#include <CLI/CLI.hpp>

#include "bench_schedule.h"
#include "bench_wire.h"
#include "domains/webhooks/limits.h"

namespace kontor::app {
namespace {

constexpr const char* kScenarios =
    "transfers  single ledger transfers, JSON\n"
    "payments   POST /v1/payment_intents with confirm=true, paid from wallets\n"
    "batches    ledger transfers in batches, protobuf\n"
    "hot        the same, every transfer to one account\n"
    "cold       batches over more accounts than fit into the cache, and reads of such accounts\n"
    "reads      GET of recent payments\n"
    "mixed      payments, reads and refunds\n"
    "get        GET of --path: a yardstick, of any HTTPS server";

constexpr unsigned kMaxBenchWebhooks = webhooks::limits::kWebhookEndpointsPerMode;

constexpr const char* kFooter =
    "Without --url it starts a server of its own (kontor dev --ephemeral) and leaves nothing behind.\n"
    "Latency counts from sending, with --rate from the time at which the request was meant to be sent.\n"
    "Examples:\n"
    "  kontor bench payments\n"
    "  kontor bench batches --duration 60s --accounts 10000000 --json\n"
    "  kontor bench payments --rate 5000           latency at half load\n"
    "  kontor bench payments --rate 5000 --webhooks 1\n"
    "  kontor bench cold --set store.cache_mib=256 --accounts 50000000\n"
    "  kontor bench reads --url https://pay.example.org --key sk_test_... --ca-file ca.pem";

void add_server_options(CLI::App& command, BenchArguments& arguments) {
    auto* url = command.add_option("--url", arguments.url, "A server that runs, instead of one of our own.");
    command.add_option("--key", arguments.key, "Its API key; test mode for payments.")->needs(url);
    command.add_option("--ca-file", arguments.ca_file, "The CA that signed its certificate.")->needs(url);
    command.get_option("--webhooks")->excludes(url);
    command.add_option("--folder", arguments.folder, "Where our own server's state lies while it runs.")
        ->excludes(url);
    command.add_option("--set", arguments.assignments, "A setting of our own server: key=value.")
        ->excludes(url);
}

}  // namespace

CLI::App* add_bench_command(CLI::App& app, BenchArguments& arguments) {
    auto* command = app.add_subcommand("bench", "Measure this machine, or a server that runs.");
    command->add_option("scenario", arguments.scenario, kScenarios)->required();
    command->add_option("--duration", arguments.duration, "How long is measured.")->capture_default_str();
    command->add_option("--warmup", arguments.warmup, "Load before that.")->capture_default_str();
    command
        ->add_option("--connections", arguments.connections,
                     "Keep-alive connections [64; 8 for batches and hot, 16 for cold].")
        ->check(CLI::Range(std::size_t{1}, http::kMaxLoadConnections));
    command->add_option("--threads", arguments.threads, "Threads of the generator.")
        ->capture_default_str()
        ->check(CLI::Range(1U, kMaxBenchThreads));
    command->add_option("--rate", arguments.rate, "Requests a second, open loop [closed loop].")
        ->check(CLI::Range(std::uint64_t{1}, OpenLoopSchedule::kMaxRate));
    command->add_option("--batch", arguments.batch, "Transfers a request.")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, kMaxBatch));
    command->add_option("--accounts", arguments.accounts, "Ledger accounts [1000000; 10000000 for cold].")
        ->check(CLI::Range(std::uint64_t{2}, std::uint64_t{1'000'000'000}));
    command->add_flag(
        "--failing", arguments.failing,
        "All transfers fail, of accounts that have nothing (exceeds_credits): counted are those that do.");
    command->add_flag("--random-ids", arguments.random_ids, "Random 128-bit account ids instead of 1 to N.");
    command->add_option("--customers", arguments.customers, "Customers with a wallet.")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
    command->add_option("--payments", arguments.payments, "Payments to read, made before.")
        ->capture_default_str()
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000'000}));
    command->add_flag("--idempotency-keys", arguments.idempotency_keys,
                      "Send an Idempotency-Key with payments and refunds.");
    command
        ->add_option("--webhooks", arguments.webhooks,
                     "Endpoints that get every event of our own server: a payment has three.")
        ->check(CLI::Range(1U, kMaxBenchWebhooks));
    command->add_option("--mix", arguments.mix,
                        "mixed: payments:reads:refunds [30:65:5]; cold: batches:reads [1:1].");
    command->add_option("--path", arguments.path, "Of the scenario get.")->capture_default_str();
    command->add_option("--seed", arguments.seed, "Of the random choices.")->capture_default_str();
    command->add_flag("--json", arguments.json, "One JSON object, for scripts.");
    add_server_options(*command, arguments);
    command->footer(kFooter);
    return command;
}

}  // namespace kontor::app
