#include "upgrade_options.h"

namespace kontor::app {

CLI::App* add_upgrade_command(CLI::App& app, UpgradeArguments& arguments) {
    auto* command = app.add_subcommand("upgrade", "Bring a running cluster to this binary's version.");
    command
        ->add_flag("--rolling", arguments.rolling,
                   "One node after the other, the leader last, while the others serve.")
        ->required();
    command->add_option("--config", arguments.config_file, "The configuration file (TOML) of this node.");
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

}  // namespace kontor::app
