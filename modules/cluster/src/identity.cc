#include "identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "found_identity.h"
#include "kontor/base/bytes.h"
#include "kontor/base/files.h"
#include "kontor/cluster/folder.h"
#include "kontor/node/folder.h"

namespace kontor::cluster {
namespace {

using Json = nlohmann::ordered_json;

std::string folder_of(const std::string& data_folder) {
    return data_folder + "/peer";
}

std::string path_of(const std::string& data_folder) {
    return folder_of(data_folder) + "/identity.json";
}

// Inode and birth time of the folder.
Result<std::string> mark_of(const std::string& folder) {
    struct statx info {};
    if (::statx(AT_FDCWD, folder.c_str(), 0, STATX_INO | STATX_BTIME, &info) != 0)
        return fail(errno_error("statx " + folder, errno));
    std::string mark = std::to_string(info.stx_ino);
    if ((info.stx_mask & STATX_BTIME) != 0)
        mark += ":" + std::to_string(info.stx_btime.tv_sec) + "." + std::to_string(info.stx_btime.tv_nsec);
    return mark;
}

Result<void> make_folder(const std::string& folder) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
        return fail(errno_error("mkdir " + folder, errno));
    return {};
}

Identity parse(const Json& json) {
    Identity identity;
    identity.node_no = json.at("node").get<std::uint64_t>();
    identity.cluster_id = from_hex(json.at("cluster").get<std::string>()).value_or("");
    identity.name = json.at("name").get<std::string>();
    identity.advertised = json.at("address").get<std::string>();
    identity.api_url = json.value("api_url", "");
    identity.credentials.ca_pem = json.at("ca").get<std::string>();
    identity.credentials.certificate_pem = json.at("certificate").get<std::string>();
    identity.credentials.private_key_pem = json.at("private_key").get<std::string>();
    identity.needs_state = json.value("needs_state", false);
    identity.joined_with = json.value("joined_with", "");
    identity.key_request_pem = json.value("key_request", "");
    identity.differs = json.value("differs", "");
    identity.forgot = json.value("forgot", "");
    identity.has_log = json.value("has_log", false);
    identity.rejoins = json.value("rejoins", false);
    identity.counts_alone = json.value("counts_alone", false);
    if (json.contains("renewed")) {
        const auto& renewed = json.at("renewed");
        const auto number = [&](const char* name) { return renewed.at(name).get<std::uint64_t>(); };
        identity.renewed = replication::Promise{number("generation"), number("sequence"), number("term"),
                                                number("epoch"), 0};
    }
    for (const auto& [number, address] : json.at("peers").items())
        identity.peers[std::stoull(number)] = address.get<std::string>();
    return identity;
}

Unexpected refused_copy(const std::string& data_folder, std::uint64_t node_no) {
    const std::string number = std::to_string(node_no);
    return fail(
        ErrorCode::permission_denied,
        data_folder + " is a copy of the folder of node " + number +
            ", which may be running elsewhere: two of one number could vote twice. Start the original; "
            "or, when this copy takes its place for good, let it be taken in anew as node " +
            number +
            " ('kontor cluster rejoin', then start it): it copies the state from another node. To be a "
            "further node, join with an empty data folder ('kontor cluster token' on another node, then "
            "'kontor cluster join'). Only when no other node lives: 'kontor accept-older-data'. Nothing "
            "was changed. (docs/cluster.md)");
}

}  // namespace

Result<std::optional<FoundIdentity>> find_identity(const std::string& data_folder) {
    const std::string path = path_of(data_folder);
    if (!file_exists(path)) return std::optional<FoundIdentity>{};
    KONTOR_TRY(const std::string text, read_file(path));
    try {
        const auto json = Json::parse(text);
        FoundIdentity found{parse(json)};
        KONTOR_TRY(const std::string mark, mark_of(folder_of(data_folder)));
        found.is_copied = json.at("folder").get<std::string>() != mark;
        return std::optional(std::move(found));
    } catch (const std::exception&) {  // a parser's words help nobody
        return fail(ErrorCode::corruption, path + " is damaged");
    }
}

Result<std::optional<Identity>> load_identity(const std::string& data_folder) {
    KONTOR_TRY(auto found, find_identity(data_folder));
    if (!found) return std::optional<Identity>{};
    if (found->is_copied) return refused_copy(data_folder, found->identity.node_no);
    return std::optional(std::move(found->identity));
}

Result<void> save_identity(const std::string& data_folder, const Identity& identity) {
    KONTOR_CHECK(make_folder(folder_of(data_folder)));
    KONTOR_TRY(const std::string mark, mark_of(folder_of(data_folder)));
    Json peers = Json::object();
    for (const auto& [number, address] : identity.peers) peers[std::to_string(number)] = address;
    Json json{{"node", identity.node_no},
              {"cluster", to_hex(identity.cluster_id)},
              {"name", identity.name},
              {"address", identity.advertised},
              {"api_url", identity.api_url},
              {"needs_state", identity.needs_state},
              {"joined_with", identity.joined_with},
              {"key_request", identity.key_request_pem},
              {"differs", identity.differs},
              {"peers", peers},
              {"folder", mark},
              {"ca", identity.credentials.ca_pem},
              {"certificate", identity.credentials.certificate_pem},
              {"private_key", identity.credentials.private_key_pem}};
    if (!identity.forgot.empty()) json["forgot"] = identity.forgot;
    if (identity.has_log) json["has_log"] = true;
    if (identity.rejoins) json["rejoins"] = true;
    if (identity.counts_alone) json["counts_alone"] = true;
    if (identity.renewed)
        json["renewed"] = Json{{"generation", identity.renewed->generation},
                               {"sequence", identity.renewed->sequence},
                               {"term", identity.renewed->term},
                               {"epoch", identity.renewed->epoch}};
    return write_file(path_of(data_folder), json.dump(1) + "\n", 0600);
}

Result<std::optional<Identity>> identity_to_start_with(const std::string& data_folder) {
    KONTOR_TRY(auto found, load_identity(data_folder));
    if (!found) return found;
    if (found->node_no == 0)
        return fail(ErrorCode::permission_denied,
                    data_folder + ": joining was not finished: repeat 'kontor cluster join'");
    if (!found->differs.empty())
        return fail(ErrorCode::permission_denied,
                    data_folder + ": this node's state differs from the others' (" + found->differs +
                        "). Let an empty data folder take its place: 'kontor cluster token --replace " +
                        std::to_string(found->node_no) + "' on another node, then 'kontor cluster join'.");
    if (!found->forgot.empty() && !found->rejoins)
        return fail(ErrorCode::conflict, data_folder + ": " + found->forgot);
    return found;
}

Result<FolderKind> check_folder(const std::string& data_folder) {
    KONTOR_TRY(const auto found, identity_to_start_with(data_folder));
    if (!found) return FolderKind::single;
    // One that has copied the state begins its log after it.
    const bool begins = !found->has_log && !file_exists(node::log_folder(data_folder) + "/state");
    return found->needs_state || found->rejoins || begins ? FolderKind::waiting : FolderKind::member;
}

bool says_which_node(const std::string& data_folder) {
    const auto found = find_identity(data_folder);
    return found ? found->has_value() : found.error().code != ErrorCode::corruption;
}

Result<bool> adopt_folder(const std::string& data_folder, bool only_look) {
    KONTOR_TRY(auto found, find_identity(data_folder));
    if (!found) return false;
    Identity& self = found->identity;
    if (self.node_no == 0 || self.needs_state || self.rejoins)
        return fail(ErrorCode::permission_denied,
                    data_folder +
                        " is of a node that has no state of its own yet: it waits for that of another node");
    if (only_look) return found->is_copied || !self.forgot.empty();
    self.forgot.clear();
    self.counts_alone = true;
    KONTOR_CHECK(save_identity(data_folder, self));
    return true;
}

}  // namespace kontor::cluster
