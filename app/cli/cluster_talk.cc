#include "cluster_talk.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "control.h"
#include "settings.h"

namespace kontor::app {

const NodeStatus* ClusterStatus::find(std::uint64_t no) const {
    const auto found =
        std::find_if(nodes.begin(), nodes.end(), [no](const NodeStatus& node) { return node.no == no; });
    return found == nodes.end() ? nullptr : &*found;
}

std::size_t ClusterStatus::voters() const {
    return static_cast<std::size_t>(
        std::count_if(nodes.begin(), nodes.end(), [](const NodeStatus& node) { return node.is == "voter"; }));
}

ClusterStatus parse_cluster_status(const nlohmann::json& json) {
    ClusterStatus status;
    status.member = json.value("member", false);
    status.self = json.value("node", std::uint64_t{0});
    status.leader = json.value("leader", std::uint64_t{0});
    status.commit_index = json.value("commit_index", std::uint64_t{0});
    status.feature_level = json.value("feature_level", std::uint32_t{0});
    const auto nodes = json.find("nodes");
    if (nodes == json.end()) return status;
    for (const auto& one : *nodes) {
        NodeStatus node;
        node.no = one.value("node", std::uint64_t{0});
        node.name = one.value("name", "");
        node.is = one.value("is", "");
        node.wanted = one.value("wanted", "");
        node.version = one.value("runs", one.value("version", ""));
        node.api_url = one.value("api_url", "");
        node.run = one.value("run", "");
        node.problem = one.value("problem", "");
        node.connected = one.value("connected", false);
        node.is_known = one.contains("ready");
        node.ready = one.value("ready", false);
        node.stopping = one.value("stopping", false);
        node.leads = one.value("leads", false);
        node.behind = one.value("behind", std::uint64_t{0});
        node.feature_level = one.value("feature_level", std::uint32_t{0});
        status.nodes.push_back(std::move(node));
    }
    return status;
}

std::vector<std::string> problems_of(const ClusterStatus& status) {
    std::vector<std::string> problems;
    if (status.leader == 0) problems.emplace_back("there is no leader just now");
    for (const NodeStatus& node : status.nodes) {
        const std::string name = "node " + std::to_string(node.no);
        if (!node.connected || !node.is_known)
            problems.push_back(name + " does not answer" + (node.problem.empty() ? "" : ": " + node.problem));
        else if (node.stopping)
            problems.push_back(name + " is stopping");
        else if (!node.ready)
            problems.push_back(name + " is not ready");
        else if (node.is != node.wanted)
            problems.push_back(name + " is a " + node.is + " and shall be a " + node.wanted);
        else if (node.behind > kCaughtUpEntries)
            problems.push_back(name + " is " + std::to_string(node.behind) + " entries behind");
    }
    return problems;
}

Result<std::string> data_folder_from(const std::string& data_folder, const std::string& config_file,
                                     const std::vector<std::string>& assignments) {
    if (!data_folder.empty()) return data_folder;
    Settings settings;
    const auto problems =
        load_settings(SettingSources{config_file, kontor_environment(), assignments}, settings);
    if (!problems.empty())
        return fail(ErrorCode::invalid_argument, problems.front().where + ": " + problems.front().what);
    return settings.data_folder;
}

Result<nlohmann::json> ask_node(const std::string& data_folder, const nlohmann::ordered_json& request) {
    KONTOR_TRY(const std::string answer, control_call(control_path(data_folder), request.dump()));
    auto json = nlohmann::json::parse(answer, nullptr, false);
    if (!json.is_object()) return fail(ErrorCode::unavailable, "the node's answer cannot be read");
    if (json.contains("error")) return fail(ErrorCode::conflict, json.value("error", ""));
    return json;
}

Result<ClusterStatus> ask_cluster_status(const std::string& data_folder) {
    KONTOR_TRY(const nlohmann::json json, ask_node(data_folder, {{"command", "cluster-status"}}));
    return parse_cluster_status(json);
}

}  // namespace kontor::app
