// `kontor id`: what an id or a Kontor-Log-Index stands for, asked of a running node or of a stopped one's
// folder.

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "control.h"
#include "data_folder.h"
#include "domains/all.h"
#include "domains/instance/instance.h"
#include "id_look.h"
#include "kontor/base/bytes.h"
#include "kontor/base/log.h"
#include "kontor/node/folder.h"
#include "kontor/replication/folder_look.h"
#include "kontor/store/damaged_file.h"
#include "kontor/store/store.h"
#include "output.h"

namespace kontor::app {
namespace {

using Json = nlohmann::ordered_json;

Result<Json> of_running(const std::string& folder, const IdArguments& arguments) {
    const Json request{{"command", "id"}, {"ids", arguments.ids}};
    KONTOR_TRY(
        const std::string answer,
        control_call(control_path(folder), request.dump(-1, ' ', false, Json::error_handler_t::replace)));
    Json json = Json::parse(answer, nullptr, false);
    if (!json.is_object() || !json.contains("ids"))
        return fail(ErrorCode::invalid_argument, json.is_object() ? json.value("error", "") : "no answer");
    return json;
}

// nullopt: only a start can tell, as after a crash.
std::optional<std::uint64_t> newest_entry(const std::string& folder, std::uint64_t checkpoint) {
    const auto look = replication::look_at_folder(node::log_folder(folder), {});
    if (!look || !look->last_index) return std::nullopt;
    return std::max(checkpoint, *look->last_index);
}

// The instance's row is in the first checkpoint: more of the log is not needed.
Result<Json> of_stopped(const std::string& folder, const IdArguments& arguments) {
    store::end_at_damaged_file([](const Error& error) {
        std::fprintf(stderr, "kontor id: %s\n", error.describe().c_str());
        ::_exit(1);
    });
    store::StoreOptions options;
    options.folder = node::store_folder(folder);
    const auto tables = domains::registry().tables();
    options.tables.assign(tables.begin(), tables.end());
    options.partitions = 0;  // whatever the folder has
    options.read_only = true;
    KONTOR_TRY(const auto store, store::Store::open(std::move(options)));
    std::string key;
    std::uint64_t checkpoint = 0;
    store->read([&](const store::Reader& rows, std::uint64_t index) {
        checkpoint = index;
        instance::use_id_key(rows);
        if (const auto row = instance::find_instance(rows)) key = row->id_key();
    });
    if (key.empty())
        return fail(ErrorCode::not_found, folder + " has no checkpoint yet: start the node once");
    return Json{{"ids", look_at_ids(arguments.ids, newest_entry(folder, checkpoint))}, {"key", to_hex(key)}};
}

std::string place_of(const Json& found) {
    if (found.contains("error")) return found.value("text", "") + ": " + found.value("error", "");
    const std::string place = "group " + std::to_string(found.value("group", 0ULL)) + ", log index " +
                              std::to_string(found.value("log_index", 0ULL));
    if (found.contains("position")) return found.value("position", "") + ": " + place;
    const std::string kind = found.value("kind", "");
    return found.value("id", "") + ": " + (kind.empty() ? "" : kind + ", ") + "number " +
           found.value("hex", "") + " (" + std::to_string(found.value("number", 0ULL)) + "), " + place +
           ", command " + std::to_string(found.value("command", 0ULL)) + ", object " +
           std::to_string(found.value("object", 0ULL));
}

std::string line_of(const Json& found) {
    const std::string place = place_of(found);
    if (!found.value("beyond_log", false)) return place;
    const std::string what = found.contains("position") ? "position" : "id";
    return place + "\nNo entry of the log has this number yet: the " + what +
           " is not of this installation, or was never made.";
}

}  // namespace

int run_id(const IdArguments& arguments) {
    log::set_level(log::Level::warning);
    const Output output(arguments.node.json);
    const auto folder = data_folder_of(arguments.node);
    if (!folder) {
        std::fprintf(stderr, "kontor id: %s\n", folder.error().describe().c_str());
        return 2;
    }
    const auto known = DataFolder::check_format(*folder);
    auto found = known ? of_running(*folder, arguments) : Result<Json>(fail(known.error()));
    if (!found && found.error().code == ErrorCode::unavailable) found = of_stopped(*folder, arguments);
    if (!found) {
        std::fprintf(stderr, "kontor id: %s\n", found.error().describe().c_str());
        return known ? 1 : 2;
    }
    bool all = true;
    for (const Json& one : found->at("ids")) {
        all = all && !one.contains("error") && !one.contains("beyond_log");
        output.step(line_of(one), one);
    }
    if (arguments.key) output.step(found->value("key", ""), Json{{"key", found->value("key", "")}});
    return all ? 0 : 1;
}

}  // namespace kontor::app
