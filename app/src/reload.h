#pragma once
// What SIGHUP does to `kontor serve`: the configuration is read again and checked as a whole. A good one
// brings into use what may change while running (Setting::is_live) and names what needs a restart; a bad one
// changes nothing. Either way certificates are looked at, and the log says what happened.
//
// Threading: run() on the main thread.

#include "appliance.h"
#include "settings.h"

namespace kontor::app {

class Reloader {
 public:
    Reloader(SettingSources sources, Settings settings, Appliance& appliance)
        : sources_(std::move(sources)), settings_(std::move(settings)), appliance_(appliance) {}
    void run();
    // As they are in use.
    [[nodiscard]] const Settings& settings() const { return settings_; }

 private:
    SettingSources sources_;
    Settings settings_;
    Appliance& appliance_;
};

// "" , "debug" … as the logger knows it.
void use_log_level(const Settings& settings);

// What differs: keys whose new value may be used now (they are copied), and keys that need a restart.
struct ChangedSettings {
    std::vector<std::string> live, restart;
};
[[nodiscard]] ChangedSettings take_live_settings(const Settings& wanted, Settings& used);

}  // namespace kontor::app
