#include "control_handler.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "domains/instance/instance.h"
#include "id_look.h"
#include "kontor/base/bytes.h"
#include "selftest_node.h"
#include "verify.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownBytes = 40;

std::string problem(const std::string& message) {
    return Json{{"error", message}}.dump();
}

std::string status(const node::Node& node) {
    const auto stats = node.stats();
    return Json{
        {"ready", stats.ready},
        {"applied_index", stats.applied_index},
        {"index_used", stats.index_used},           // 0 to 1
        {"state_hash", to_hex(node.state_hash())},  // of that index, unless more was applied meanwhile
        {"checkpoint_index", stats.store.last_checkpoint_index},
        {"log_bytes", stats.log.log_bytes},
        {"log_first_index", stats.log.first_index},
        {"memtable_bytes", stats.store.memtable_bytes},
        {"cache_hits", stats.cache.hits},
        {"cache_misses", stats.cache.misses}}
        .dump();
}

// "" when each number is one: nothing is done to another node than the one that was meant.
std::string wrong_number(const nlohmann::json& request) {
    for (const char* name : {"node", "ms", "drain_ms", "replaces", "lifetime_ms"}) {
        const auto found = request.find(name);
        if (found != request.end() && !found->is_number_unsigned())
            return std::string(name) + " is not a natural number: " + found->dump().substr(0, kShownBytes);
    }
    const bool names_none = request.contains("node") && request.at("node") == 0;
    return names_none ? "No such node: 0" : "";
}

// Each answers {"error": …} or what it did.
std::string handle_cluster(cluster::Cluster& cluster, const std::string& command,
                           const nlohmann::json& request) {
    if (const std::string wrong = wrong_number(request); !wrong.empty()) return problem(wrong);
    const auto number = [&] { return request.value("node", std::uint64_t{0}); };  // 0: none was named
    const auto answer = [](const Result<void>& done) {
        return done ? Json{{"done", true}}.dump() : problem(done.error().message);
    };
    if (command == "cluster-status") return cluster.status_json();
    if (command == "cluster-init") return answer(cluster.init());
    if (command == "cluster-remove") return answer(cluster.remove(number()));
    if (command == "cluster-leave") return answer(cluster.leave());
    if (command == "cluster-transfer") return answer(cluster.transfer(number()));
    if (command == "cluster-voter") return answer(cluster.set_voter(number(), request.value("voter", true)));
    if (command == "cluster-takeover") return answer(cluster.take_over(request.value("accept_loss", false)));
    if (command == "cluster-isolate")
        return answer(cluster.isolate(number(), request.value("ms", std::uint64_t{0})));
    if (command == "cluster-authorities") {
        Json found = Json::object();
        for (const auto& [no, pem] : cluster.api_authorities()) found[std::to_string(no)] = pem;
        return found.dump();
    }
    if (command == "cluster-restart") {
        cluster::RestartWishes wishes;
        wishes.check_only = request.value("check_only", false);
        wishes.drain_ms = request.value("drain_ms", wishes.drain_ms);
        wishes.accept_pause = request.value("accept_pause", false);
        const auto restarting = cluster.restart(number(), wishes);
        if (!restarting) return problem(restarting.error().message);
        return Json{{"version", restarting->version}, {"run", restarting->run_id}}.dump();
    }
    if (command == "cluster-rotate") return answer(cluster.rotate_authority());
    if (command == "cluster-token") {
        cluster::TokenWishes wishes;
        wishes.voter = request.value("voter", true);
        wishes.replaces = request.value("replaces", std::uint64_t{0});
        wishes.lifetime_ms = request.value("lifetime_ms", cluster::kDefaultTokenLifetimeMs);
        const auto token = cluster.make_token(wishes);
        return token ? Json{{"token", *token}}.dump() : problem(token.error().message);
    }
    return problem("unknown cluster command");
}

std::string command_of(const nlohmann::json& request) {
    const bool is_named =
        request.is_object() && request.contains("command") && request.at("command").is_string();
    return is_named ? request.at("command").get<std::string>() : "";
}

ControlLane lane_of(const std::string& request_json) {
    const std::string command = command_of(nlohmann::json::parse(request_json, nullptr, false));
    if (command == "verify") return ControlLane::verification;
    for (const char* question : {"status", "cluster-status", "id", "selftest-live"})
        if (command == question) return ControlLane::question;
    return ControlLane::command;
}

std::string handle_control(Appliance& appliance, const std::function<bool()>& shall_stop,
                           const std::string& request_json) try {
    const auto request = nlohmann::json::parse(request_json, nullptr, false);
    const std::string command = command_of(request);
    if (command == "verify") {
        const Verification verification = verify_node(appliance.node(), system_clock(), shall_stop);
        return Json{{"json", to_json(verification)}, {"text", to_text(verification)}}.dump(
            -1, ' ', false, Json::error_handler_t::replace);
    }
    if (command == "id") {
        const auto texts = request.value("ids", std::vector<std::string>());
        if (texts.size() > kMaxLooks) return problem("at most " + std::to_string(kMaxLooks) + " ids at once");
        std::string key;
        appliance.node().read([&](const store::Reader& rows, std::uint64_t) {
            if (const auto row = instance::find_instance(rows)) key = row->id_key();
        });
        // After the ids were given: what they name is applied here, or in the log that is still to be
        // applied; unless others may know more.
        const node::NodeStats stats = appliance.node().stats();
        std::optional<std::uint64_t> newest;
        if (!appliance.cluster().is_member() || appliance.node().leads())
            newest = std::max(stats.applied_index, stats.log.last_index);
        return Json{{"ids", look_at_ids(texts, newest)}, {"key", to_hex(key)}}.dump();
    }
    if (command == "status") return status(appliance.node());
    if (command.starts_with("cluster-")) return handle_cluster(appliance.cluster(), command, request);
    if (command == "selftest-live") return Json{{"live", has_live_keys(appliance.node())}}.dump();
    if (command == "selftest-begin") {
        const auto key = make_selftest_key(appliance);
        return key ? Json{{"key", *key}}.dump() : problem(key.error().message);
    }
    if (command == "selftest-end") {
        const auto revoked = revoke_selftest_key(appliance, request.value("key", ""));
        return revoked ? Json{{"done", true}}.dump() : problem(revoked.error().message);
    }
    if (command == "setup-link") {
        const auto link = appliance.admin_link(true, request.value("operator", ""));
        return link ? Json{{"admin_url", *link}}.dump() : problem(link.error().describe());
    }
    return problem(
        "unknown command; this node knows verify, id, status, setup-link, selftest-… and cluster-…");
} catch (const std::exception& e) {
    return problem(e.what());
}

std::string handle_joining_control(cluster::Cluster& cluster, const std::string& request_json) {
    const auto request = nlohmann::json::parse(request_json, nullptr, false);
    if (command_of(request) == "cluster-status") return cluster.status_json();
    return problem(
        "this node is joining: it copies the state first; 'kontor cluster status' says how far it is");
}

}  // namespace

Result<std::unique_ptr<ControlServer>> start_control(const std::string& data_folder, Appliance& appliance,
                                                     std::function<bool()> shall_stop) {
    ControlOptions options;
    options.path = control_path(data_folder);
    options.lane_of = lane_of;
    options.shall_stop = shall_stop;
    options.handler = [&appliance, shall_stop = std::move(shall_stop)](const std::string& request_json) {
        return handle_control(appliance, shall_stop, request_json);
    };
    return ControlServer::start(std::move(options));
}

Result<std::unique_ptr<ControlServer>> start_joining_control(const std::string& data_folder,
                                                             cluster::Cluster& cluster) {
    ControlOptions options;
    options.path = control_path(data_folder);
    options.handler = [&cluster](const std::string& request_json) {
        return handle_joining_control(cluster, request_json);
    };
    return ControlServer::start(std::move(options));
}

}  // namespace kontor::app
