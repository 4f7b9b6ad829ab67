// `kontor accept-older-data`: an operator says that a folder counts, though it is older than what its node
// promised, or a copy. Without --accept-loss it only says what would be lost.

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "data_folder.h"
#include "folder_check.h"
#include "kontor/base/files.h"
#include "kontor/cluster/folder.h"
#include "kontor/node/folder.h"
#include "kontor/replication/folder_look.h"
#include "kontor/replication/replica.h"
#include "output.h"
#include "secrets.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;
using replication::FolderLook;

int trouble(const std::string& what, int code) {
    std::fprintf(stderr, "kontor accept-older-data: %s\n", what.c_str());
    return code;
}

std::string entries(std::uint64_t count) {
    return std::to_string(count) + (count == 1 ? " entry" : " entries");
}

// What somebody has to know before, and only what this machine knows.
std::string loss(const FolderLook& look, bool is_member, const std::string& folder,
                 const std::string& marker) {
    std::string text;
    if (!look.owner) {
        text = folder + " holds no log, and the marker " + marker + " remembers entries up to " +
               std::to_string(look.marker->promise.index) +
               ": all of them are lost, and the next start makes a new, empty node";
    } else {
        text = folder + (look.last_index ? " ends at entry " + std::to_string(*look.last_index)
                                         : std::string(" has an end that only a start can tell"));
        if (!look.is_of_marker)
            text += look.marker
                        ? ". The marker " + marker +
                              " is of another node and is given up; what came after the copy was made is "
                              "lost, and nothing here remembers how much that is"
                        : ". There is no marker at " + marker +
                              ": what came after the copy was made is lost, and nothing here remembers how "
                              "much that is";
        else if (!look.lost_entries)
            text += ". The marker " + marker + " remembers entries up to " +
                    std::to_string(look.marker->promise.index) +
                    "; what came after the copy was made is lost, and how much that is cannot be told";
        else if (*look.lost_entries == 0)
            text += ", and the marker " + marker + " remembers none after it";
        else
            text += ". The marker " + marker + " remembers entries up to " +
                    std::to_string(look.marker->promise.index) + ": " + entries(*look.lost_entries) +
                    (*look.lost_entries == 1 ? " is" : " are") + " lost";
        if (is_member)
            text +=
                ". What only other nodes of its cluster have is lost too, and none of them may go on: this "
                "copy "
                "counts as the only one";
    }
    return text + ". (An entry holds one command or many.)";
}

Json loss_json(const FolderLook& look, bool is_accepted) {
    Json json{{"event", is_accepted ? "older_data_accepted" : "older_data"},
              {"marker_was_there", look.marker.has_value()}};
    if (look.last_index) json["last_entry"] = *look.last_index;
    if (look.marker) json["remembered_entry"] = look.marker->promise.index;
    if (look.lost_entries) json["lost_entries"] = *look.lost_entries;
    return json;
}

// Why this folder is none that anybody could accept.
std::optional<std::string> refusal(const FolderLook& look, bool has_identity, const Settings& settings,
                                   const std::string& marker) {
    const std::string& folder = settings.data_folder;
    if (has_identity && !look.owner)
        return missing_log(folder) +
               " is missing, and with it what this node has voted: let it be taken in anew "
               "('kontor cluster rejoin'), or put a folder that is whole back from a backup. Nothing was "
               "changed";
    if (const auto lost = lost_member_of(settings, marker))
        return folder + " is not what was here before" +
               (look.marker ? ": the marker " + marker + " remembers entries up to " +
                                  std::to_string(look.marker->promise.index)
                            : "") +
               cure_of_lost_member(*lost);
    if (!look.owner && file_exists(node::store_folder(folder) + "/partitions"))
        return missing_log(folder) +
               " is missing: put the whole folder back from its backup first. Nothing was changed";
    return std::nullopt;
}

}  // namespace

int run_accept_older(const AcceptOlderArguments& arguments) {
    const Output output(arguments.json);
    Settings settings;
    const auto problems =
        load_settings(SettingSources{arguments.config_file, kontor_environment(), {}}, settings);
    if (arguments.data_folder.empty() && !problems.empty())
        return trouble(problems.front().where + ": " + problems.front().what, 2);
    if (!arguments.data_folder.empty()) settings.data_folder = arguments.data_folder;
    const std::string& folder = settings.data_folder;
    const std::string marker = marker_path(settings);
    // Looking makes nothing, not even a lock: the folder may be a disk's that is not mounted.
    if (file_exists(folder)) {
        if (const auto fit = DataFolder::check(folder); !fit) return trouble(fit.error().message, 2);
        if (const auto user = DataFolder::user_of(folder); !user.name.empty())
            return trouble(folder + " is in use by " + user.name + ": stop the node first", 2);
    } else if (!file_exists(marker))
        return trouble(folder +
                           " is not there: name the data folder with --data, or its configuration with "
                           "--config",
                       2);
    if (arguments.data_folder.empty())
        if (const auto fits = check_configured_key(settings.secrets_key_file, folder); !fits)
            return trouble(fits.error().message, 2);
    const bool has_identity = cluster::says_which_node(folder);
    const auto look = replication::look_at_folder(node::log_folder(folder), marker);
    if (!look) return trouble(look.error().describe(), 1);
    if (const auto why = refusal(*look, has_identity, settings, marker)) return trouble(*why, 2);
    const auto is_copy = cluster::adopt_folder(folder, true);
    if (!is_copy) return trouble(is_copy.error().message, 2);
    const bool is_of_marker = look->is_of_marker && look->forgotten.empty();
    if (!*is_copy && (!look->marker || is_of_marker)) {
        output.step(look->marker ? folder + " is as new as its marker remembers: nothing to accept."
                                 : "There is no marker at " + marker + ": nothing to accept.",
                    Json{{"event", "older_data_accepted"}, {"marker_was_there", look->marker.has_value()}});
        return 0;
    }
    const std::string what = loss(*look, has_identity, folder, marker);
    if (!arguments.accepts_loss) {
        output.event(loss_json(*look, false));
        return trouble(
            what + " Nothing was changed; with --accept-loss it counts as it is." +
                (has_identity ? " While another node of its cluster lives: 'kontor cluster rejoin' "
                                "instead, which loses nothing."
                              : ""),
            2);
    }
    std::optional<DataFolder> taken;
    if (look->owner) {
        auto taking = DataFolder::take_existing(folder);
        if (!taking) return trouble(taking.error().message, 1);
        taken = *std::move(taking);
    }
    drop_reports(folder);
    // The marker last: after a crash in between the same command goes on.
    if (const auto done = cluster::adopt_folder(folder, false); !done)
        return trouble(done.error().describe(), 1);
    replication::ReplicaOptions log;
    log.folder = node::log_folder(folder);
    log.marker = marker;
    if (const auto done = replication::Replica::accept_older(log); !done)
        return trouble(done.error().describe(), 1);
    output.step(
        what + "\nIt counts as it is. Start it" +
            (has_identity ? ", and let it go on alone: 'kontor cluster takeover --accept-loss'." : "."),
        loss_json(*look, true));
    return 0;
}

}  // namespace kontor::app
