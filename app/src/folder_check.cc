#include "folder_check.h"

#include <filesystem>

#include "data_folder.h"
#include "domains/all.h"
#include "kontor/base/files.h"
#include "kontor/cluster/folder.h"
#include "kontor/node/folder.h"
#include "kontor/replication/folder_look.h"
#include "kontor/store/partitions_made.h"

namespace kontor::app {
namespace {

namespace fs = std::filesystem;

// The marker's member, when the folder has lost what says so.
std::uint64_t lost_member(const replication::FolderLook& look, const std::string& folder) {
    if (cluster::says_which_node(folder) || !look.marker || !look.marker->is_member) return 0;
    return look.owner && !look.is_of_marker ? 0 : look.marker->node_id;
}

Unexpected lost(const Settings& settings, const replication::FolderLook::Marker& marker) {
    return fail(ErrorCode::conflict, settings.data_folder + " holds no log, but " + marker_path(settings) +
                                         " remembers entries up to " + std::to_string(marker.promise.index) +
                                         " of node " + std::to_string(marker.node_id) +
                                         " here: the folder was lost, or its disk is not mounted");
}

Result<void> check_log(const Settings& settings, const replication::FolderLook& look) {
    const std::string& folder = settings.data_folder;
    if (look.owner) {
        // A single node is number 1.
        if (lost_member(look, folder) != 0 || (look.owner->node_id != 1 && !cluster::says_which_node(folder)))
            return fail(ErrorCode::permission_denied,
                        folder + " is of node " + std::to_string(look.owner->node_id) + " of a cluster");
        if (look.marker && !look.is_of_marker)
            return fail(ErrorCode::conflict,
                        folder + " is not the folder that was here before: the marker " +
                            marker_path(settings) + " is of node " + std::to_string(look.marker->node_id) +
                            " of " +
                            (look.marker->node_id == look.owner->node_id
                                 ? "another cluster"
                                 : "a cluster, this folder of node " + std::to_string(look.owner->node_id)));
        if (look.forgotten.empty()) return {};
        return fail(ErrorCode::conflict, folder + " is older than what this node has promised (" +
                                             look.forgotten + "; " + marker_path(settings) +
                                             " remembers): it was replaced by an earlier copy");
    }
    const bool is_member = cluster::says_which_node(folder);
    if (is_member || file_exists(node::store_folder(folder) + "/partitions"))
        return fail(is_member ? ErrorCode::conflict : ErrorCode::corruption,
                    missing_log(folder) + " is missing, and with it what this node has " +
                        (is_member ? "voted" : "accepted since its last checkpoint"));
    return look.marker ? Result<void>(lost(settings, *look.marker)) : Result<void>{};
}

// A folder that has rows has all of its partitions, and one without them a log that tells everything.
Result<void> check_partitions(const std::string& folder, const replication::FolderLook& look) {
    const std::string rows = node::store_folder(folder);
    if (!file_exists(rows + "/partitions")) {
        // Another node's state that was being put in its place: the start goes on with that.
        if (file_exists(rows + ".incoming")) return {};
        KONTOR_CHECK(store::check_no_partitions(rows));
        if (look.first_index <= 1) return {};
        return fail(ErrorCode::corruption, rows + "/partitions is missing, and the log begins at entry " +
                                               std::to_string(look.first_index) + " only");
    }
    std::error_code code;
    unsigned there = 0;
    for (auto it = fs::directory_iterator(rows + "/partitions", code); !code && it != fs::end(it);
         it.increment(code))
        there += file_exists(it->path().string() + "/data.mdb") ? 1 : 0;
    if (there == 0)
        return fail(ErrorCode::corruption, rows + "/partitions holds no partition: its content was lost");
    KONTOR_CHECK(store::check_partition_files(rows));
    const auto known = store::partitions_made(rows);
    if (!known) return {};  // a start says what is wrong with them
    const unsigned made = *known;
    if (there == made) return {};
    return fail(ErrorCode::corruption, rows + "/partitions holds " + std::to_string(there) + " of " +
                                           std::to_string(made) + " partitions: a part of it was lost");
}

}  // namespace

std::string missing_log(const std::string& folder) {
    const std::string log = node::log_folder(folder);
    return log + (file_exists(log) ? "/state" : "");
}

Result<void> check_folder_state(const Settings& settings, const std::string& marker, FolderLook wanted) {
    const auto check = [&]() -> Result<void> {
        KONTOR_TRY(const auto kind, cluster::check_folder(settings.data_folder));
        if (kind == cluster::FolderKind::waiting) return {};
        KONTOR_TRY(const auto look,
                   replication::look_at_folder(node::log_folder(settings.data_folder), marker));
        KONTOR_CHECK(check_log(settings, look));
        KONTOR_CHECK(check_partitions(settings.data_folder, look));
        const std::string rows = node::store_folder(settings.data_folder);
        if (wanted == FolderLook::quick || !file_exists(rows + "/partitions")) return {};
        return store::check_store(rows, domains::registry().tables());
    };
    const auto done = check();
    return done ? done : Result<void>(fail(with_cure(done.error(), settings, marker)));
}

std::string cure_of_lost_member(std::uint64_t node_no) {
    const bool is_known = node_no != 0;
    const std::string number = is_known ? std::to_string(node_no) : "N";
    const std::string who = is_known ? "node " + number + " of a cluster"
                                     : "a node of a cluster (N: see 'kontor cluster status' on another one)";
    return ". It was " + who +
           ", and its folder peer/, which says so, is missing or damaged. Mount the disk or put peer/ back "
           "if they are to be had. If not, let an empty data folder take its place: 'kontor cluster token "
           "--replace " +
           number +
           "' on another node (a plain 'kontor cluster token' if there is no such node any more, since it "
           "was removed), then 'kontor cluster join TOKEN' here, and start it. Only when no other node "
           "lives: put a member's folder back from a backup, then 'kontor accept-older-data'. Nothing was "
           "changed. (docs/cluster.md)";
}

std::optional<std::uint64_t> lost_member_of(const Settings& settings, const std::string& marker) {
    const std::string& folder = settings.data_folder;
    if (cluster::says_which_node(folder)) return std::nullopt;
    const auto look = replication::look_at_folder(node::log_folder(folder), marker);
    if (look)
        if (const std::uint64_t number = lost_member(*look, folder); number != 0) return number;
    const std::uint64_t owner = look && look->owner ? look->owner->node_id : 0;
    // A single node is number 1, and has no identity that could be damaged.
    if (owner > 1 || file_exists(folder + "/peer/identity.json")) return owner;
    return std::nullopt;
}

Error with_cure(Error error, const Settings& settings, const std::string& marker) {
    const bool is_member = cluster::says_which_node(settings.data_folder);
    const bool is_of_state = error.code == ErrorCode::conflict || error.code == ErrorCode::corruption;
    auto lost_no = lost_member_of(settings, marker);
    // Of a folder without an identity only the log is refused so: it is of a cluster.
    if (!lost_no && !is_member && error.code == ErrorCode::permission_denied) lost_no = 0;
    if (is_of_state && is_member)
        error.message +=
            ". It must not vote. Let it be taken in anew under its number ('kontor cluster rejoin', then "
            "start it): it copies the state from another node. Only when no other node lives: put a folder "
            "that is "
            "whole back from a backup, then 'kontor accept-older-data'. Nothing was changed. "
            "(docs/cluster.md)";
    else if (lost_no && (is_of_state || error.code == ErrorCode::permission_denied))
        error.message += cure_of_lost_member(*lost_no);
    else if (error.code == ErrorCode::conflict)
        error.message +=
            ". Put the newer folder back, or mount its disk; or, if an older one was restored on purpose and "
            "what "
            "came later is lost for good: 'kontor accept-older-data'. Nothing was changed. "
            "(docs/operating.md)";
    else if (error.code == ErrorCode::corruption)
        error.message +=
            ". What is missing or damaged cannot be made again from the rest: put the missing part back from "
            "where "
            "it went, or the whole data folder from its backup, and then 'kontor accept-older-data'. "
            "(docs/operating.md)";
    return error;
}

}  // namespace kontor::app
