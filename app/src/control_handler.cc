#include "control_handler.h"

#include <nlohmann/json.hpp>

#include "verify.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

std::string problem(const std::string& message) {
    return Json{{"error", message}}.dump();
}

std::string status(const node::Node& node) {
    const auto stats = node.stats();
    return Json{{"ready", stats.ready},
                {"applied_index", stats.applied_index},
                {"checkpoint_index", stats.store.last_checkpoint_index},
                {"log_bytes", stats.log.log_bytes},
                {"memtable_bytes", stats.store.memtable_bytes},
                {"cache_hits", stats.cache.hits},
                {"cache_misses", stats.cache.misses}}
        .dump();
}

}  // namespace

std::string handle_control(Appliance& appliance, const std::string& request_json) {
    const auto request = nlohmann::json::parse(request_json, nullptr, false);
    const std::string command = request.is_object() ? request.value("command", "") : "";
    if (command == "verify") {
        const Verification verification = verify_node(appliance.node(), system_clock());
        return Json{
            {"holds", verification.holds()}, {"json", to_json(verification)}, {"text", to_text(verification)}}
            .dump(-1, ' ', false, Json::error_handler_t::replace);
    }
    if (command == "status") return status(appliance.node());
    if (command == "setup-link") {
        const auto link = appliance.admin_link(true);
        return link ? Json{{"admin_url", *link}}.dump() : problem(link.error().describe());
    }
    return problem("unknown command; this node knows verify, status and setup-link");
}

}  // namespace kontor::app
