#pragma once
// For commands that lead a cluster from outside (upgrade, selftest): what a node of this machine says over
// its control socket, as values, and whether all is well.
//
// Threading: any; each call is a connection of its own. Errors: unavailable while the node is not there.

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::app {

struct NodeStatus {
    std::uint64_t no = 0;
    std::string name, is, wanted, version, api_url, run, problem;
    bool connected = false, is_known = false;  // is_known: it said something of itself a moment ago
    bool ready = false, stopping = false, leads = false;
    std::uint64_t behind = 0;
    std::uint32_t feature_level = 0;
};

struct ClusterStatus {
    bool member = false;
    std::uint64_t self = 0, leader = 0, commit_index = 0;
    std::uint32_t feature_level = 0;
    std::vector<NodeStatus> nodes;
    [[nodiscard]] const NodeStatus* find(std::uint64_t no) const;
    [[nodiscard]] std::size_t voters() const;
};

[[nodiscard]] ClusterStatus parse_cluster_status(const nlohmann::json& json);

// Entries that a node may be behind and still count as caught up: what is under way under load.
inline constexpr std::uint64_t kCaughtUpEntries = 256;

// What is wrong, a line each; empty when every node is there, ready, caught up, and what it shall be.
[[nodiscard]] std::vector<std::string> problems_of(const ClusterStatus& status);

// The data folder from --data, or from the configuration.
[[nodiscard]] Result<std::string> data_folder_from(const std::string& data_folder,
                                                   const std::string& config_file,
                                                   const std::vector<std::string>& assignments);

// The node's answer; its {"error": …} as an error.
[[nodiscard]] Result<nlohmann::json> ask_node(const std::string& data_folder,
                                              const nlohmann::ordered_json& request);
[[nodiscard]] Result<ClusterStatus> ask_cluster_status(const std::string& data_folder);

}  // namespace kontor::app
