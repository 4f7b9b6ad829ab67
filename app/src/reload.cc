#include "reload.h"

#include <memory>

#include "config_check.h"
#include "kontor/base/files.h"
#include "kontor/base/log.h"

namespace kontor::app {
namespace {

std::string joined(const std::vector<std::string>& keys) {
    std::string text;
    for (const std::string& key : keys) text += (text.empty() ? "" : ", ") + key;
    return text;
}

}  // namespace

void use_log_level(const Settings& settings) {
    const std::string& name = settings.log_level;
    log::set_level(name == "debug"     ? log::Level::debug
                   : name == "warning" ? log::Level::warning
                   : name == "error"   ? log::Level::error
                                       : log::Level::info);
}

ChangedSettings take_live_settings(const Settings& wanted, Settings& used) {
    ChangedSettings changed;
    for (const Setting& setting : setting_table()) {
        std::visit(
            [&](auto field) {
                if (wanted.*field == used.*field) return;
                (setting.is_live ? changed.live : changed.restart).emplace_back(setting.key);
                if (setting.is_live) used.*field = wanted.*field;
            },
            setting.field);
    }
    return changed;
}

void Reloader::run() {
    // A file on a mount that does not answer must not keep this thread from hearing that it shall stop.
    const auto result = std::make_shared<CheckedSettings>();
    const auto done =
        ask_disk(sources_.file, kDiskAnswersWithinMs, [result, sources = sources_]() -> Result<std::string> {
            *result = check_configuration(sources, Purpose::reload, system_clock());
            return std::string();
        });
    if (!done) {
        log::error("reload",
                   "event=reload_refused the check of the configuration takes too long: a file that it "
                   "names is on a disk that does not answer; nothing was changed");
        return;
    }
    const CheckedSettings& checked = *result;
    for (const Problem& one : checked.problems) log::error("reload", one.where + ": " + one.what);
    if (!checked.problems.empty()) {
        log::error("reload", "event=reload_refused the configuration has problems; nothing was changed");
        return;
    }
    const ChangedSettings changed = take_live_settings(checked.settings, settings_);
    use_log_level(settings_);
    appliance_.reload(settings_);
    log::info("reload", "event=reloaded changed=[" + joined(changed.live) + "]");
    if (!changed.restart.empty())
        log::warning("reload", "event=restart_needed for=[" + joined(changed.restart) + "]");
}

}  // namespace kontor::app
