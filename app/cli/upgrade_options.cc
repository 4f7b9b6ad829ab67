#include "upgrade_options.h"

#include "config_option.h"

namespace kontor::app {

CLI::App* add_upgrade_command(CLI::App& app, UpgradeArguments& arguments) {
    auto* command = app.add_subcommand("upgrade", "Bring a running cluster to this binary's version.");
    command
        ->add_flag("--rolling", arguments.rolling,
                   "One node after the other, the leader last, while the others serve.")
        ->required();
    command->add_option("--config", arguments.config_file, "The configuration file (TOML) of this node.")
        ->check(named_file());
    command->add_option("--data", arguments.data_folder, "Or the data folder of a node that runs here.");
    command->add_option("--set", arguments.assignments, "A setting: key=value.");
    command->add_flag("--check", arguments.check_only, "Only say whether it could begin, and with what.");
    command->add_flag("--all", arguments.all,
                      "Start nodes again too that run this version already: for a changed configuration.");
    command->add_option("--drain", arguments.drain_s, "Seconds that clients of a node have to go elsewhere.")
        ->check(CLI::Range(0, 60))
        ->capture_default_str();
    command
        ->add_option("--node-timeout", arguments.node_timeout_s,
                     "Seconds until a node must be back and caught up; else the upgrade stops there.")
        ->check(CLI::Range(5, 86'400))
        ->capture_default_str();
    command->add_flag("--accept-pause", arguments.accepts_pause,
                      "With one or two voters: payments wait while one of them is away.");
    command->add_flag("--json", arguments.json, "One JSON object a line, for scripts.");
    command->footer(
        "First put the new binary in the old one's place on every machine; nothing changes by that. Then, on "
        "one of them:\n"
        "  kontor upgrade --rolling --check --config /etc/kontor/kontor.toml\n"
        "  kontor upgrade --rolling --config /etc/kontor/kontor.toml\n"
        "A node that does not come back stops the upgrade, and the others stay as they are. Called again it "
        "goes on with those that are left.");
    return command;
}

CLI::App* add_selftest_command(CLI::App& app, SelftestArguments& arguments) {
    auto* command = app.add_subcommand("selftest", "Prove on a running cluster that it survives its leader.");
    command
        ->add_flag("--failover", arguments.failover,
                   "Make the leader fail under load of a test merchant, and count what was stored.")
        ->required();
    command->add_option("--config", arguments.config_file, "The configuration file (TOML) of this node.")
        ->check(named_file());
    command->add_option("--data", arguments.data_folder, "Or the data folder of a node that runs here.");
    command->add_option("--set", arguments.assignments, "A setting: key=value.");
    command->add_flag("--kill", arguments.kill,
                      "Kill the leader's process, which must be this node's, instead of cutting it off.");
    command
        ->add_option("--duration", arguments.duration_s,
                     "How long there is load; the leader fails at a third.")
        ->transform(CLI::AsNumberWithUnit(std::map<std::string, std::uint64_t>{{"s", 1}, {"min", 60}}))
        ->check(CLI::Range(6, 3'600))
        ->default_str("30s");
    command->add_option("--threads", arguments.threads, "Clients at once.")
        ->check(CLI::Range(1, 64))
        ->capture_default_str();
    command->add_flag("--yes", arguments.yes, "Also where merchants take live payments.");
    command->add_flag("--json", arguments.json,
                      "One JSON object a line, for scripts; the last one is the result.");
    command->footer(
        "Exit code 0 only when everything that was acknowledged is stored, nothing twice, and another node "
        "led.\n"
        "Examples:\n"
        "  kontor selftest --failover --config /etc/kontor/kontor.toml\n"
        "  kontor selftest --failover --duration 60s --json --data /var/lib/kontor");
    return command;
}

}  // namespace kontor::app
