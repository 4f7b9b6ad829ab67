#include "identity.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <charconv>

#include "found_identity.h"
#include "kontor/base/bytes.h"
#include "kontor/base/files.h"
#include "kontor/cluster/folder.h"
#include "kontor/json/value.h"
#include "kontor/json/writer.h"
#include "kontor/node/folder.h"

namespace kontor::cluster {
namespace {

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

// Takes members of an object, and remembers whether each was of its kind.
class Members {
 public:
    explicit Members(const JsonValue& object) : object_(object) {}
    [[nodiscard]] bool are_good() const { return good_; }

    std::string text(std::string_view name) { return std::string(taken(object_[name].text())); }
    std::uint64_t number(std::string_view name) { return taken(object_[name].unsigned_integer()); }
    std::string text_if_there(std::string_view name) {
        return object_[name].is_absent() ? std::string() : text(name);
    }
    bool flag_if_there(std::string_view name) {
        return !object_[name].is_absent() && taken(object_[name].boolean());
    }

 private:
    template <typename Value>
    Value taken(const std::optional<Value>& value) {
        good_ = good_ && value.has_value();
        return value.value_or(Value{});
    }

    const JsonValue& object_;
    bool good_ = true;
};

bool parse_peers(const JsonValue& json, std::map<std::uint64_t, std::string>& peers) {
    for (const JsonValue& peer : json.items()) {
        std::uint64_t number = 0;
        const char* const end = peer.name().data() + peer.name().size();
        const auto [stopped, problem] = std::from_chars(peer.name().data(), end, number);
        const auto address = peer.text();
        if (problem != std::errc{} || stopped != end || !address) return false;
        peers[number] = *address;
    }
    return json.is_object();
}

std::optional<Identity> parse(const JsonValue& json) {
    Identity identity;
    Members members(json);
    identity.node_no = members.number("node");
    identity.cluster_id = from_hex(members.text("cluster")).value_or("");
    identity.name = members.text("name");
    identity.advertised = members.text("address");
    identity.api_url = members.text_if_there("api_url");
    identity.credentials.ca_pem = members.text("ca");
    identity.credentials.certificate_pem = members.text("certificate");
    identity.credentials.private_key_pem = members.text("private_key");
    identity.needs_state = members.flag_if_there("needs_state");
    identity.joined_with = members.text_if_there("joined_with");
    identity.key_request_pem = members.text_if_there("key_request");
    identity.differs = members.text_if_there("differs");
    identity.forgot = members.text_if_there("forgot");
    identity.has_log = members.flag_if_there("has_log");
    identity.rejoins = members.flag_if_there("rejoins");
    identity.counts_alone = members.flag_if_there("counts_alone");
    if (!members.are_good() || !parse_peers(json["peers"], identity.peers)) return std::nullopt;
    const JsonValue& renewed = json["renewed"];
    if (renewed.is_absent()) return identity;
    Members promise(renewed);
    identity.renewed = replication::Promise{promise.number("generation"), promise.number("sequence"),
                                            promise.number("term"), promise.number("epoch"), 0};
    return promise.are_good() ? std::optional(std::move(identity)) : std::nullopt;
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
    const auto json = JsonValue::parse(text);
    auto identity = json ? parse(*json) : std::nullopt;
    const auto folder = json ? (*json)["folder"].text() : std::nullopt;
    if (!identity || !folder) return fail(ErrorCode::corruption, path + " is damaged");
    KONTOR_TRY(const std::string mark, mark_of(folder_of(data_folder)));
    return std::optional(FoundIdentity{*std::move(identity), *folder != mark});
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
    std::string text;
    JsonWriter json(text);
    const auto put = [&json](std::string_view name, std::string_view value) {
        json.key(name).any_string(value);
    };
    json.begin_object().field_raw("node", std::to_string(identity.node_no));
    put("cluster", to_hex(identity.cluster_id));
    put("name", identity.name);
    put("address", identity.advertised);
    put("api_url", identity.api_url);
    json.field_boolean("needs_state", identity.needs_state);
    put("joined_with", identity.joined_with);
    put("key_request", identity.key_request_pem);
    put("differs", identity.differs);
    json.key("peers").begin_object();
    for (const auto& [number, address] : identity.peers) put(std::to_string(number), address);
    json.end_object();
    put("folder", mark);
    put("ca", identity.credentials.ca_pem);
    put("certificate", identity.credentials.certificate_pem);
    put("private_key", identity.credentials.private_key_pem);
    if (!identity.forgot.empty()) put("forgot", identity.forgot);
    if (identity.has_log) json.field_boolean("has_log", true);
    if (identity.rejoins) json.field_boolean("rejoins", true);
    if (identity.counts_alone) json.field_boolean("counts_alone", true);
    if (identity.renewed) {
        json.key("renewed").begin_object();
        json.field_raw("generation", std::to_string(identity.renewed->generation));
        json.field_raw("sequence", std::to_string(identity.renewed->sequence));
        json.field_raw("term", std::to_string(identity.renewed->term));
        json.field_raw("epoch", std::to_string(identity.renewed->epoch));
        json.end_object();
    }
    json.end_object();
    return write_file(path_of(data_folder), text + "\n", 0600);
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
