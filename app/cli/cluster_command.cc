// `kontor cluster …`: join runs here, before there is a node; all else asks the running one.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "appliance.h"
#include "commands.h"
#include "config_check.h"
#include "control.h"
#include "data_folder.h"
#include "folder_check.h"
#include "kontor/base/files.h"
#include "kontor/cluster/folder.h"
#include "output.h"
#include "secrets.h"
#include "version.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kRefused = 2;  // nothing was changed, and trying again will not help by itself

int trouble(const std::string& action, const std::string& what, int code = 1) {
    std::fprintf(stderr, "kontor cluster %s: %s\n", action.c_str(), what.c_str());
    return code;
}

// Of another version, or what a node's folder is not.
int code_of(const Error& folder) {
    return folder.code == ErrorCode::unsupported || folder.code == ErrorCode::invalid_argument ? kRefused : 1;
}

// A question to a running node needs nothing of the machine but the folder.
CheckedSettings settings_of(const ClusterArguments& arguments) {
    SettingSources sources{arguments.config_file, kontor_environment(), arguments.assignments};
    if (!arguments.data_folder.empty()) sources.assignments.push_back("data.folder=" + arguments.data_folder);
    if (arguments.action == "join") return check_configuration(sources, Purpose::join, system_clock());
    CheckedSettings checked;
    checked.problems = load_settings(sources, checked.settings);
    return checked;
}

int run_join(const ClusterArguments& arguments, const Settings& settings, const Output& output) {
    const auto key = load_secrets_key(settings.secrets_key_file);
    if (!key) {
        return trouble("join", key.error().message +
                                   "\nAll nodes of a cluster have the same key: copy it from a member.");
    }
    const crypto::Sealer sealer(*key);
    cluster::JoinWishes wishes;
    wishes.data_folder = settings.data_folder;
    wishes.token = arguments.token;
    wishes.name = node_name(settings);
    wishes.advertised = advertised_address(settings);
    wishes.version = kVersion;
    wishes.marker = marker_path(settings);
    wishes.sealer = &sealer;
    wishes.clock = &system_clock();
    const auto folder = DataFolder::take(settings.data_folder);
    // Of a member that runs join() says that it is one already.
    const bool runs = !folder && folder.error().code == ErrorCode::unavailable &&
                      file_exists(settings.data_folder + "/peer/identity.json");
    if (!folder && !runs) return trouble("join", folder.error().message, code_of(folder.error()));
    const auto joined = cluster::join(wishes);
    if (!joined && joined.error().code == ErrorCode::corruption)
        return trouble("join",
                       joined.error().message + ": move this data folder aside, and join with an empty one");
    if (!joined) return trouble("join", joined.error().message);
    // The member that let this node in has opened what this key sealed.
    if (auto kept = remember_secrets_key(*key, settings.data_folder); !kept)
        return trouble("join", kept.error().message);
    output.step("This machine is node " + std::to_string(joined->node_no) + " of cluster " +
                    joined->cluster_hex +
                    ".\nStart it now (kontor serve): it copies the state, and then takes its place.",
                Json{{"event", "joined"}, {"node", joined->node_no}, {"cluster", joined->cluster_hex}});
    return 0;
}

// Of a folder that does not say which node it is: what its marker says.
std::string not_of_a_member(const Settings& settings) {
    if (const auto number = lost_member_of(settings, marker_path(settings)))
        return settings.data_folder + " does not hold what was here before" + cure_of_lost_member(*number);
    return settings.data_folder + " is of no member of a cluster";
}

int run_rejoin(const ClusterArguments& arguments, const Settings& settings, const Output& output) {
    if (const auto may = DataFolder::check_readable(settings.data_folder); !may)
        return trouble("rejoin", may.error().message, kRefused);
    if (const auto known = DataFolder::check_format(settings.data_folder); !known)
        return trouble("rejoin", known.error().message, kRefused);
    if (const auto fits = check_configured_key(settings.secrets_key_file, settings.data_folder); !fits)
        return trouble("rejoin", fits.error().message, kRefused);
    if (!cluster::says_which_node(settings.data_folder))
        return trouble("rejoin", not_of_a_member(settings), kRefused);
    const auto folder = DataFolder::take_existing(settings.data_folder);
    if (!folder)
        return trouble("rejoin",
                       folder.error().message +
                           (folder.error().code == ErrorCode::unavailable ? ": stop the node first" : ""),
                       folder.error().code == ErrorCode::unavailable ? 1 : kRefused);
    if (arguments.undoes) {
        const auto kept = cluster::undo_rejoin(settings.data_folder);
        if (!kept) return trouble("rejoin", kept.error().message, kRefused);
        output.step("Node " + std::to_string(*kept) + " keeps its folder: nothing was given up.",
                    Json{{"event", "rejoin_undone"}, {"node", *kept}});
        return 0;
    }
    cluster::RejoinWishes wishes;
    wishes.data_folder = settings.data_folder;
    wishes.marker = marker_path(settings);
    wishes.version = kVersion;
    wishes.accepts_loss = arguments.accepts_loss;
    wishes.clock = &system_clock();
    const auto number = cluster::rejoin(wishes);
    if (!number)
        return trouble("rejoin", number.error().message,
                       number.error().code == ErrorCode::conflict ? kRefused : 1);
    drop_reports(settings.data_folder);
    output.step(
        "Start node " + std::to_string(*number) +
            " now (kontor serve): when the others have taken it out, it copies the state from one of "
            "them and takes its place again. What its folder holds is given up then; until the others "
            "have let it in, 'kontor cluster rejoin --undo' takes this back.",
        Json{{"event", "rejoin"}, {"node", *number}});
    return 0;
}

std::string request_of(const ClusterArguments& arguments) {
    Json request{{"command", "cluster-" + arguments.action}};
    if (arguments.action == "promote" || arguments.action == "demote") {
        request["command"] = "cluster-voter";
        request["voter"] = arguments.action == "promote";
    }
    if (arguments.action == "takeover") request["accept_loss"] = arguments.accepts_loss;
    if (arguments.node) request["node"] = *arguments.node;
    if (arguments.action == "token") {
        request["voter"] = !arguments.standby;
        request["replaces"] = arguments.replaces;
        request["lifetime_ms"] = arguments.lifetime_minutes * 60'000;
    }
    return request.dump();
}

std::string cell(const std::string& text, std::size_t width) {
    return text.size() >= width ? text + " " : text + std::string(width - text.size(), ' ');
}

// What is to be said about a wall clock: our own against the others', or nothing.
void print_clock(const nlohmann::json& clock, const Output& output) {
    const auto ms = [&clock](const char* name) { return clock.value(name, std::int64_t{0}); };
    if (clock.value("is_off", false))
        output.text("The clock of this node is " + std::to_string(std::abs(ms("off_ms"))) + " ms " +
                    (ms("off_ms") < 0 ? "behind" : "ahead of") + " those of the others (at most " +
                    std::to_string(ms("limit_ms")) +
                    "): set it (NTP). It does not lead while another node can.");
    if (ms("behind_log_ms") > ms("limit_ms"))
        output.text("The clock of this node lies " + std::to_string(ms("behind_log_ms")) +
                    " ms before times in the log.");
}

void print_status(const nlohmann::json& status, const Output& output) {
    if (!status.value("member", false)) {
        output.text("This node is alone. 'kontor cluster init' makes it the first of a cluster.");
        return;
    }
    const auto leader = status.value("leader", std::uint64_t{0});
    output.text("Cluster " + status.value("cluster", "") + ", term " +
                std::to_string(status.value("term", std::uint64_t{0})) + ", " +
                (status.value("role", "") == "joining" ? "this node is joining"
                 : leader == 0 && status.contains("leader_silence_ms")
                     ? "no contact with a leader since " +
                           std::to_string(status.value("leader_silence_ms", std::uint64_t{0}) / 1000) + " s"
                 : leader == 0 ? "no leader just now"
                               : "leader is node " + std::to_string(leader)) +
                ".");
    if (status.contains("copy")) {
        const auto& copy = status.at("copy");
        const auto number = [&copy](const char* name) { return copy.value(name, std::uint64_t{0}); };
        output.text("It copies the state from node " + std::to_string(number("from")) + ": " +
                    copy.value("phase", "") + ", " + std::to_string(number("bytes") >> 20U) + " of about " +
                    std::to_string(number("bytes_total") >> 20U) + " MiB (" +
                    std::to_string(number("percent")) + " %).");
    }
    if (status.contains("clock")) print_clock(status.at("clock"), output);
    output.text(cell("NODE", 6) + cell("NAME", 16) + cell("ROLE", 10) + cell("READY", 7) + cell("CLOCK", 10) +
                cell("BEHIND", 9) + cell("LAG", 9) + cell("ADDRESS", 24) + "NOTE");
    for (const auto& node : status.at("nodes")) {
        const auto number = node.value("node", std::uint64_t{0});
        std::string note = node.value("problem", node.value("doing", ""));
        if (node.value("wanted", "") == "removed") note = "is being taken out; the majority still counts it";
        if (note.empty() && node.value("contact", "") == "lost")
            note = "has heard no leader for " +
                   std::to_string(node.value("staleness_ms", std::uint64_t{0}) / 1000) + " s";
        if (note.empty() && node.value("contact", "") == "never") note = "has heard no leader yet";
        if (note.empty() && !node.value("connected", false)) note = "not connected";
        if (note.empty() && node.value("is", "") != node.value("wanted", ""))
            note = "will be a " + node.value("wanted", "");
        output.text(
            cell(std::to_string(number), 6) + cell(node.value("name", ""), 16) +
            cell(number == leader ? "leader" : node.value("is", ""), 10) +
            cell(!node.contains("ready")      ? "?"
                 : node.value("ready", false) ? "yes"
                                              : "no",
                 7) +
            cell(node.contains("clock_ahead_ms")
                     ? std::to_string(node.value("clock_ahead_ms", std::int64_t{0})) + " ms"
                     : "",
                 10) +
            cell(node.contains("behind") ? std::to_string(node.value("behind", std::uint64_t{0})) : "?", 9) +
            cell(node.contains("lag_ms") ? std::to_string(node.value("lag_ms", std::uint64_t{0})) + " ms"
                                         : "?",
                 9) +
            cell(node.value("peer_address", ""), 24) + note);
    }
}

std::string said(const ClusterArguments& arguments, const nlohmann::json& answer) {
    const std::string node = std::to_string(arguments.node.value_or(0));
    if (arguments.action == "init")
        return "This node is the first of a cluster. Let others in with: kontor cluster token";
    if (arguments.action == "token")
        return "On the new machine, with the same secrets key file and within " +
               std::to_string(arguments.lifetime_minutes) + " minutes:\n  kontor cluster join " +
               answer.value("token", "");
    if (arguments.action == "remove") return "Node " + node + " is taken out. Its number is not used again.";
    if (arguments.action == "leave")
        return "This node is taken out: it hands over and ends. Its folder can be deleted then.";
    if (arguments.action == "transfer") return "Another node leads.";
    if (arguments.action == "takeover")
        return "This node leads, alone. Add new nodes with 'kontor cluster token'; the old ones join as new "
               "ones.";
    if (arguments.action == "promote") return "Node " + node + " will vote as soon as it has everything.";
    if (arguments.action == "demote") return "Node " + node + " no longer votes.";
    return "The new authority is in use; nodes get their certificates within half a minute.";
}

}  // namespace

int run_cluster(const ClusterArguments& arguments) {
    const Output output(arguments.json);
    const CheckedSettings checked = settings_of(arguments);
    if (!report(checked, output)) {
        trouble(arguments.action, "the configuration has problems; nothing was changed");
        return 2;
    }
    const Settings& settings = checked.settings;
    if (arguments.action == "join") return run_join(arguments, settings, output);
    if (arguments.action == "rejoin") return run_rejoin(arguments, settings, output);
    const auto answer = control_call(control_path(settings.data_folder), request_of(arguments));
    if (!answer) return trouble(arguments.action, answer.error().describe());
    const auto json = nlohmann::json::parse(*answer, nullptr, false);
    if (!json.is_object() || json.contains("error"))
        return trouble(arguments.action, json.is_object() ? json.value("error", "") : "no answer");
    if (arguments.action == "status") {
        print_status(json, output);
        output.event(Json::parse(*answer));
        return 0;
    }
    output.step(said(arguments, json), Json::parse(*answer));
    return 0;
}

}  // namespace kontor::app
