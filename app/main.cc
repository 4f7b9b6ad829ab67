// The one binary. Parses the command line and hands over; every command lives in its own file.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>
#include <system_error>

#include "bench_options.h"
#include "cluster_options.h"
#include "command_names.h"
#include "commands.h"
#include "config_option.h"
#include "descriptors.h"
#include "id_look.h"
#include "kontor/base/mapped_fault.h"
#include "private_process.h"
#include "shutdown.h"
#include "successor.h"
#include "thread_room.h"
#include "upgrade_options.h"
#include "version.h"

namespace {

using namespace kontor::app;

int run(int argc, char** argv) {
    CLI::App app{"Kontor: a payment platform in one binary."};
    app.footer(
        "Examples:\n"
        "  kontor dev                                      try everything on this machine\n"
        "  kontor serve --config /etc/kontor/kontor.toml   run it for real\n"
        "  kontor verify --data ./kontor-data              prove that the books balance\n"
        "  kontor bench payments                           measure this machine\n"
        "  kontor cluster status                           who is there, who leads, who is behind\n"
        "  kontor upgrade --rolling                        all nodes to the new binary, one after the other\n"
        "Each command has its own --help.");
    app.set_version_flag("--version", std::string("kontor ") + kVersion);
    app.require_subcommand(1);

    DevArguments dev;
    auto* dev_command =
        app.add_subcommand("dev", "Start an appliance on loopback, perform a payment, and serve.");
    dev_command->add_option("--data", dev.data_folder, "Where the state lives.")->capture_default_str();
    dev_command->add_flag("--ephemeral", dev.ephemeral, "Leave nothing behind.");
    dev_command->add_option("--port", dev.port, "Port on 127.0.0.1; 0 takes any free one.")
        ->capture_default_str();
    dev_command->add_flag("--json", dev.json, "One JSON object a line, for scripts.");
    dev_command->add_flag("--serve-only", dev.serve_only, "Do not perform, only serve.");
    dev_command->add_flag("--exit-after-demo", dev.exit_after_demo, "Perform and end.");
    dev_command->add_option("--set", dev.assignments, "A setting: key=value (see 'kontor config example').");
    dev_command->footer(
        "Examples:\n"
        "  kontor dev\n"
        "  kontor dev --ephemeral --json --serve-only --port 0");

    ServeArguments serve;
    auto* serve_command = app.add_subcommand("serve", "Run the appliance for production.");
    serve_command->add_option("--config", serve.config_file, "The configuration file (TOML).")
        ->check(named_file());
    serve_command->add_option("--set", serve.assignments,
                              "A setting: key=value. Overrides environment and file.");
    serve_command->add_flag("--json", serve.json, "One JSON object a line, for scripts.");
    serve_command->footer("Example:\n  kontor serve --config /etc/kontor/kontor.toml --set https.port=9443");

    VerifyArguments verify;
    auto* verify_command = app.add_subcommand(
        "verify", "Recompute all balances from the transfers and compare. Exit code 0 only when all holds.");
    verify_command->add_option("--data", verify.data_folder,
                               "A data folder, of a running or a stopped node.");
    verify_command->add_option("--config", verify.config_file, "Or the configuration that names it.")
        ->check(named_file());
    verify_command->add_flag("--json", verify.json, "One JSON object, for scripts.");
    verify_command->footer("Example:\n  kontor verify --data ./kontor-data --json");

    auto* config_command = app.add_subcommand("config", "Check or print configuration.");
    config_command->require_subcommand(1);
    config_command->footer(
        "Examples:\n"
        "  kontor config check --config /etc/kontor/kontor.toml\n"
        "  kontor config example");
    ServeArguments check;
    auto* check_command =
        config_command->add_subcommand("check", "Name every problem of a configuration at once.");
    check_command->add_option("--config", check.config_file, "The configuration file (TOML).")
        ->check(named_file());
    check_command->add_option("--set", check.assignments, "A setting: key=value.");
    check_command->add_flag("--json", check.json, "One JSON object a line, for scripts.");
    check_command->footer(
        "Example:\n  kontor config check --config /etc/kontor/kontor.toml --set https.port=9443");
    auto* example_command = config_command->add_subcommand("example", "Print the commented example file.");
    example_command->footer("Example:\n  kontor config example > kontor.toml");

    auto* secrets_command = app.add_subcommand("secrets", "The key that seals secrets at rest.");
    secrets_command->require_subcommand(1);
    const std::string secrets_example = "Example:\n  kontor secrets init --key-file /etc/kontor/secrets.key";
    secrets_command->footer(secrets_example);
    std::string key_file = "/etc/kontor/secrets.key";
    auto* init_command = secrets_command->add_subcommand("init", "Make the key file. Never replaces one.");
    init_command->add_option("--key-file", key_file, "Where.")->capture_default_str();
    init_command->footer(secrets_example);

    SetupLinkArguments link;
    auto* link_command = app.add_subcommand(
        "setup-link",
        "Print a new one-time admin link of a running node: for another operator, or after a "
        "lost authenticator.");
    link_command
        ->add_option("--operator", link.operator_name,
                     "For the operator of this name: its use sets another password and authenticator, "
                     "and ends all of the operator's sessions.")
        ->check(CLI::Validator(
            [](const std::string& name) { return name.empty() ? "an operator has a name" : ""; }, "NAME"));
    link_command->add_option("--data", link.node.data_folder, "The node's data folder.");
    link_command->add_option("--config", link.node.config_file, "Or the configuration that names it.")
        ->check(named_file());
    link_command->add_flag("--json", link.node.json, "One JSON object, for scripts.");
    link_command->footer(
        "Examples:\n  kontor setup-link --config /etc/kontor/kontor.toml\n"
        "  kontor setup-link --operator ada --config /etc/kontor/kontor.toml");

    IdArguments id;
    auto* id_command =
        app.add_subcommand("id", "What an id that a client names stands for: number and place in the log.");
    id_command->add_option("ids", id.ids, "Ids, values of Kontor-Log-Index, or numbers as logs have them.")
        ->expected(0, static_cast<int>(kMaxLooks));
    id_command->add_option("--data", id.node.data_folder, "A data folder, of a running or a stopped node.");
    id_command->add_option("--config", id.node.config_file, "Or the configuration that names it.")
        ->check(named_file());
    id_command->add_flag("--key", id.key, "Say the key that ids are made with, for tools that read exports.");
    id_command->add_flag("--json", id.node.json, "One JSON object a line, for scripts.");
    id_command->footer(
        "Ends with 1 when a text names nothing, or no entry of the log has its number yet.\n\n"
        "Example:\n  kontor id pi_FGxRLpoUpaA --config /etc/kontor/kontor.toml");

    AcceptOlderArguments older;
    auto* older_command = app.add_subcommand(
        "accept-older-data",
        "Say that a data folder that was put back from a backup counts, though newer entries are lost. For a "
        "stopped node that is alone, or the last copy of a cluster that is lost; a member whose others live "
        "loses nothing by: kontor cluster rejoin.");
    older_command->add_option("--data", older.data_folder, "The node's data folder.");
    older_command->add_option("--config", older.config_file, "Or the configuration that names it.")
        ->check(named_file());
    older_command->add_flag("--accept-loss", older.accepts_loss,
                            "Without it the command only says what would be lost.");
    older_command->add_flag("--json", older.json, "One JSON object, for scripts.");
    older_command->footer("Example:\n  kontor accept-older-data --config /etc/kontor/kontor.toml");

    ClusterArguments cluster;
    auto* cluster_command = add_cluster_command(app, cluster);

    UpgradeArguments upgrade;
    auto* upgrade_command = add_upgrade_command(app, upgrade);

    SelftestArguments selftest;
    auto* selftest_command = add_selftest_command(app, selftest);

    BenchArguments bench;
    auto* bench_command = add_bench_command(app, bench);

    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        const std::string unknown = unknown_command(app, {argv + 1, argv + argc});
        if (error.get_exit_code() != 0 && !unknown.empty()) {
            std::fprintf(stderr, "kontor: %s\nRun with --help for more information.\n", unknown.c_str());
            return 2;
        }
        return app.exit(error) == 0 ? 0 : 2;
    }
    if (dev_command->parsed()) return run_dev(dev);
    if (serve_command->parsed()) return run_serve(serve);
    if (verify_command->parsed()) return run_verify(verify);
    if (cluster_command->parsed()) return run_cluster(cluster);
    if (selftest_command->parsed()) return run_selftest(selftest);
    if (upgrade_command->parsed()) return run_upgrade(upgrade);
    if (bench_command->parsed()) return run_bench(bench);
    if (check_command->parsed()) return run_config_check(check);
    if (example_command->parsed()) return run_config_example();
    if (init_command->parsed()) return run_secrets_init(key_file);
    if (link_command->parsed()) return run_setup_link(link);
    if (id_command->parsed()) return run_id(id);
    if (older_command->parsed()) return run_accept_older(older);
    return 2;
}

// With less the process ends without a word, wherever it is. New threads have as much as the first one may
// have.
bool has_stack() {
    constexpr rlim_t kLeastKiB = 1'024;
    rlimit stack{};
    if (::getrlimit(RLIMIT_STACK, &stack) != 0 || stack.rlim_cur / 1'024 >= kLeastKiB) return true;
    std::fprintf(
        stderr,
        "kontor: this process may have %llu KiB of stack (ulimit -s, LimitSTACK=), and a thread needs "
        "%llu: raise the limit\n",
        static_cast<unsigned long long>(stack.rlim_cur / 1'024), static_cast<unsigned long long>(kLeastKiB));
    return false;
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
// Before any constructor of a library: a service manager may send SIGHUP as soon as the process is there.
// (A sanitizer is not ready for that.)
__attribute__((section(".preinit_array"), used)) void (*ignore_early)(int, char**, char**) =
    [](int, char**, char**) { ignore_harmless_signals(); };
#endif

}  // namespace

int main(int argc, char** argv) {
    kontor::app::ignore_harmless_signals();
    if (!has_stack()) return 2;
    kontor::app::remember_start(argc, argv);
    kontor::app::keep_process_private();
    kontor::report_mapped_faults();
    kontor::app::raise_descriptor_limit();
    try {
        return run(argc, argv);
    } catch (const std::system_error& error) {
        const bool is_of_threads = error.code() == std::errc::resource_unavailable_try_again;
        std::fprintf(stderr, "kontor: %s%s\n", error.what(),
                     is_of_threads
                         ? (std::string(": no further thread may be made. ") + kMoreThreadsText).c_str()
                         : "");
        return 1;
    } catch (const std::bad_alloc&) {
        std::fprintf(stderr,
                     "kontor: no memory is left; allow more (MemoryMax=, a container's limit, ulimit -v), or "
                     "set store.cache_mib and store.memtable_mib\n");
        return 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "kontor: %s\n", error.what());
        return 1;
    }
}
