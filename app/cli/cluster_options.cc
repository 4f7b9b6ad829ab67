#include "cluster_options.h"

#include "config_option.h"

namespace kontor::app {
namespace {

// To the parser -1 is a very large number.
CLI::Validator natural_number() {
    return CLI::Validator(
        [](const std::string& text) {
            const bool is_good = !text.empty() && text.size() <= 19 &&
                                 text.find_first_not_of("0123456789") == std::string::npos;
            return is_good ? std::string() : "not the number of a node: " + text;
        },
        "NUMBER");
}

}  // namespace

CLI::App* add_cluster_command(CLI::App& app, ClusterArguments& arguments) {
    auto* command = app.add_subcommand("cluster", "Several machines as one: join, leave, look.");
    command->require_subcommand(1);
    command->footer(
        "Examples:\n"
        "  kontor cluster init --config /etc/kontor/kontor.toml            the first node\n"
        "  kontor cluster token --config /etc/kontor/kontor.toml           on a member: lets one node in\n"
        "  kontor cluster join kct1.… --config /etc/kontor/kontor.toml     on the new machine, then start "
        "it\n"
        "  kontor cluster token --replace 2                                a new machine in a lost one's "
        "place\n"
        "  kontor cluster status --json");
    const auto add = [&](const char* name, const char* what) {
        auto* action = command->add_subcommand(name, what);
        action->add_option("--config", arguments.config_file, "The configuration file (TOML).")
            ->check(named_file());
        action->add_option("--set", arguments.assignments, "A setting: key=value.");
        action->add_option("--data", arguments.data_folder, "Or the data folder of a node that runs.");
        action->add_flag("--json", arguments.json, "One JSON object, for scripts.");
        action->callback([&arguments, name] { arguments.action = name; });
        return action;
    };
    const auto footer = [](CLI::App* action, const std::string& text) {
        action->footer("Example:\n  kontor cluster " + text);
    };
    footer(add("init", "Make this running node the first of a cluster."), "init --data /var/lib/kontor");
    auto* token = add("token", "Print a token that lets one new node join.");
    token->add_flag("--standby", arguments.standby, "It gets everything and never votes: a second site.");
    token->add_option("--replace", arguments.replaces, "A lost node whose place it takes.")
        ->check(natural_number() & CLI::PositiveNumber);
    token->add_option("--minutes", arguments.lifetime_minutes, "How long it can be used.")
        ->check(CLI::Range(1, 10'080))
        ->capture_default_str();
    footer(token, "token --standby --minutes 30");
    auto* join = add("join", "Let this machine join. Its data folder is empty; start it afterwards.");
    join->add_option("token", arguments.token, "What 'kontor cluster token' printed.")->required();
    footer(join, "join kct1.… --config /etc/kontor/kontor.toml");
    auto* rejoin = add("rejoin",
                       "Let a stopped member be taken in anew under its number, after its folder was lost in "
                       "part or was put back from a copy. Start it afterwards.");
    auto* anyway = rejoin->add_flag("--accept-loss", arguments.accepts_loss,
                                    "Also when the others have no majority without this node.");
    rejoin->add_flag("--undo", arguments.undoes, "Take it back, as long as nothing was given up.")
        ->excludes(anyway);
    footer(rejoin, "rejoin --config /etc/kontor/kontor.toml");
    footer(add("status", "Who is there, who leads, who is behind."), "status --data /var/lib/kontor");
    auto* remove = add("remove", "Take a node out for ever, also one that is lost.");
    remove->add_option("node", arguments.node, "Its number.")->required()->check(natural_number());
    footer(remove, "remove 3");
    footer(add("leave", "Take this node out for ever."), "leave --data /var/lib/kontor");
    auto* transfer = add("transfer", "Let another node lead.");
    transfer->add_option("node", arguments.node, "Its number; none: any that is ready.")
        ->check(natural_number());
    footer(transfer, "transfer 2");
    auto* promote = add("promote", "Let a stand-by vote.");
    promote->add_option("node", arguments.node, "Its number.")->required()->check(natural_number());
    footer(promote, "promote 4");
    auto* demote = add("demote", "Make a voter a stand-by.");
    demote->add_option("node", arguments.node, "Its number.")->required()->check(natural_number());
    footer(demote, "demote 4");
    auto* takeover = add("takeover", "The other site is lost: this stand-by goes on alone.");
    takeover->add_flag("--accept-loss", arguments.accepts_loss,
                       "Without it the command only says what would be lost.");
    footer(takeover, "takeover --data /var/lib/kontor");
    footer(add("rotate", "Make a new authority; all nodes get new certificates, without a pause."),
           "rotate --data /var/lib/kontor");
    return command;
}

}  // namespace kontor::app
