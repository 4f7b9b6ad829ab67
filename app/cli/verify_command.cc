// `kontor verify`: on a running node through its control socket, on a stopped data folder by opening it.

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>

#include "commands.h"
#include "control.h"
#include "data_folder.h"
#include "domains/all.h"
#include "folder_check.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"
#include "kontor/node/folder.h"
#include "kontor/replication/folder_look.h"
#include "kontor/store/damaged_file.h"
#include "secrets.h"
#include "settings.h"
#include "verify.h"

namespace kontor::app {
namespace {

int report(Verdict verdict, const std::string& json, const std::string& text, bool as_json) {
    std::printf("%s%s", as_json ? json.c_str() : text.c_str(), as_json ? "\n" : "");
    return static_cast<int>(verdict);
}

int report(const Verification& verification, bool as_json) {
    return report(verification.verdict(), to_json(verification), to_text(verification), as_json);
}

int refuse(const Error& error, bool as_json) {
    if (as_json) std::printf("%s\n", to_json(error).c_str());
    std::fprintf(stderr, "kontor verify: %s\n", error.describe().c_str());
    return static_cast<int>(verdict_of(error));
}

// Recovers the folder in memory as a start would on the disk (redo files, log), and verifies that. Nothing is
// written: it may be the last copy, on a full disk or on one that is mounted read-only.
int verify_stopped(const Settings& settings, const std::string& note, bool as_json) {
    const std::string& folder = settings.data_folder;
    telemetry::Registry metrics;
    node::NodeOptions options;
    options.folder = folder;
    options.clock = &system_clock();
    options.metrics = &metrics;
    options.partitions = 0;  // whatever the folder has
    options.check_up_to_bytes = UINT64_MAX;
    options.read_only = true;
    std::mutex mutex;
    std::optional<Error> failure;  // guarded by mutex
    options.on_fatal = [&](const Error& error) {
        const std::lock_guard lock(mutex);
        failure = error;
    };
    const auto why = [&](const Error& otherwise) {
        const std::lock_guard lock(mutex);
        return failure.value_or(otherwise);
    };
    auto node = node::Node::start(std::move(options));
    if (!node) {
        const Error error = why(node.error());
        // A member whose folder does not say any more that it is one.
        const bool is_of_cluster = error.code == ErrorCode::permission_denied;
        return refuse(is_of_cluster ? with_cure(error, settings, marker_path(settings)) : error, as_json);
    }
    Verification verification = verify_rows(**node, system_clock());
    verification.note = note;
    (*node)->stop();
    if (!verification.holds()) return report(verification, as_json);
    const Error none{ErrorCode::internal, ""};
    if (const Error error = why(none); !error.message.empty()) return refuse(error, as_json);
    return report(verification, as_json);
}

// Its log may end with entries that never were committed, and only the others know: they would be applied.
int verify_stopped_member(const std::string& folder, const std::string& note, bool as_json) {
    store::StoreOptions options;
    options.folder = node::store_folder(folder);
    const auto tables = domains::registry().tables();
    options.tables.assign(tables.begin(), tables.end());
    options.partitions = 0;  // whatever the folder has
    options.check_up_to_bytes = UINT64_MAX;
    options.read_only = true;
    const auto store = store::Store::open(std::move(options));
    if (!store) return refuse(store.error(), as_json);
    Verification verification = verify_rows(**store, system_clock());
    verification.note = note;
    return report(verification, as_json);
}

// Sums that hold say nothing about what is not there any more.
std::string age_of(const Settings& settings) {
    const std::string marker = marker_path(settings);
    const auto look = replication::look_at_folder(node::log_folder(settings.data_folder), marker);
    if (!look || look->forgotten.empty()) return {};
    std::string note =
        settings.data_folder + " is older than its marker " + marker + " remembers (" + look->forgotten + ")";
    if (look->lost_entries && *look->lost_entries != 0)
        note += ": it lacks the last " + std::to_string(*look->lost_entries) + " entries";
    return note + ". A start with it is refused.";
}

}  // namespace

int run_verify(const VerifyArguments& arguments) {
    log::set_level(log::Level::warning);
    store::end_at_damaged_file([as_json = arguments.json](const Error& error) {
        const int code = refuse(error, as_json);
        std::fflush(stdout);
        ::_exit(code);
    });
    std::string folder = arguments.data_folder;
    Settings settings;
    if (folder.empty()) {
        const auto problems = load_settings({arguments.config_file, kontor_environment(), {}}, settings);
        if (!problems.empty())
            return refuse(
                Error{ErrorCode::invalid_argument, problems.front().where + ": " + problems.front().what},
                arguments.json);
        folder = settings.data_folder;
    }
    const std::string rows = node::store_folder(folder);
    for (const std::string& part :
         {folder, node::group_folder(folder), rows, rows + "/partitions", node::log_folder(folder)})
        if (const auto may = DataFolder::check_readable(part); !may)
            return refuse(may.error(), arguments.json);
    if (const auto known = DataFolder::check_format(folder); !known)
        return refuse(known.error(), arguments.json);
    if (arguments.data_folder.empty())
        if (const auto fits = check_configured_key(settings.secrets_key_file, folder); !fits)
            return refuse(fits.error(), arguments.json);
    if (!file_exists(rows))
        return refuse(
            Error{ErrorCode::not_found, folder + " is not a Kontor data folder; name one with --data"},
            arguments.json);
    const auto answer = control_call(control_path(folder), R"({"command":"verify"})");
    if (!answer && answer.error().code == ErrorCode::unavailable) {
        settings.data_folder = folder;
        const std::string note = age_of(settings);
        return file_exists(folder + "/peer/identity.json")
                   ? verify_stopped_member(folder, note, arguments.json)
                   : verify_stopped(settings, note, arguments.json);
    }
    if (!answer) return refuse(answer.error(), arguments.json);
    const auto json = nlohmann::json::parse(*answer, nullptr, false);
    if (!json.is_object())
        return refuse(Error{ErrorCode::io, "the node's answer does not parse"}, arguments.json);
    if (json.contains("error"))
        return refuse(Error{ErrorCode::unavailable, json.value("error", "")}, arguments.json);
    const std::string said = json.value("json", "");
    return report(verdict_in(said), said, json.value("text", ""), arguments.json);
}

}  // namespace kontor::app
