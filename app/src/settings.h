#pragma once
// Every setting of `kontor serve`, declared once: key, type, default, bounds, description, example. From this
// table come validation, the commented example file, the environment's names, the flags and the
// documentation.
//
// Precedence: file < environment (KONTOR_HTTPS_PORT) < flags (--set https.port=8443).
// Errors: load_settings() names every problem at once, each with its line or source. Whether this machine can
// do what they say is asked by check_configuration() (config_check.h).

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kontor/base/result.h"

namespace kontor::app {

struct Settings {
    std::string data_folder = "/var/lib/kontor";
    std::string data_marker;
    std::int64_t partitions = 8;

    std::string https_address = "127.0.0.1";
    std::int64_t https_port = 8443;
    std::int64_t https_threads = 0;
    std::string https_certificate_file;
    std::string https_private_key_file;
    std::string https_names = "localhost,127.0.0.1,::1";
    std::int64_t https_max_connections = 0;
    std::int64_t https_max_connections_per_address = 0;
    std::int64_t https_max_handshakes_per_s = 0;
    std::int64_t https_max_handshakes_per_s_per_address = 0;
    std::int64_t https_max_body_kib = 4'096;
    std::int64_t https_max_request_mib = 0;
    std::int64_t https_max_answer_mib = 0;
    std::int64_t https_idle_timeout_s = 75;
    std::int64_t https_header_timeout_s = 10;
    std::int64_t https_drain_ms = 1'000;
    std::string https_trusted_proxies;

    std::string metrics_address = "127.0.0.1";
    std::int64_t metrics_port = 0;

    std::int64_t limits_per_address = 0;
    std::int64_t limits_wrong_keys = 20;
    std::int64_t limits_per_key = 0;
    std::int64_t limits_per_merchant = 0;
    std::int64_t limits_per_route = 0;
    std::int64_t limits_expensive_ms = 1000;
    std::int64_t limits_expensive_at_once = 0;

    std::string secrets_key_file = "/etc/kontor/secrets.key";

    std::int64_t cache_mib = 0;
    std::int64_t memtable_mib = 0;
    std::int64_t redo_mib = 2'048;
    std::int64_t checkpoint_interval_s = 5;
    std::int64_t min_free_mib = 0;
    std::int64_t log_max_mib = 1'024;
    std::int64_t queue_max_mib = 0;

    std::string cluster_name;
    std::string cluster_address;
    std::int64_t cluster_port = 8444;
    std::string cluster_listen_address = "0.0.0.0";
    std::string cluster_api_url;
    std::int64_t cluster_election_timeout_ms = 500;
    std::int64_t cluster_heartbeat_ms = 80;
    std::int64_t cluster_max_staleness_ms = 5'000;
    std::int64_t cluster_max_clock_skew_ms = 2'000;
    bool cluster_balance_reads = true;
    std::int64_t cluster_copy_max_mib_s = 0;

    bool sandbox_enabled = true;
    bool webhooks_allow_http = false;
    bool webhooks_allow_private_addresses = false;
    std::int64_t webhooks_timeout_s = 20;

    std::string log_level = "info";
};

// One row of the table.
struct Setting {
    std::string_view key;  // "https.port"
    std::variant<std::string Settings::*, std::int64_t Settings::*, bool Settings::*> field;
    std::int64_t min = 0, max = 0;  // integers
    std::string_view choices;       // strings: "debug|info", "" for any
    bool required = false;          // strings: must not be empty
    std::string_view description;   // one or two sentences
    bool is_live = false;           // SIGHUP brings a new value into use; all others need a restart
};
[[nodiscard]] const std::vector<Setting>& setting_table();

struct Problem {
    std::string where;  // "kontor.toml:12", "environment KONTOR_X", "--set x"
    std::string what;
    std::string key = {};   // the setting that it is about, when it is about one
    bool may_pass = false;  // by itself, soon: a port that its last owner still has
};

// What comes with the values.
struct LoadNotes {
    std::map<std::string, std::string, std::less<>> origins;  // of each key that was set: where
    std::vector<Problem> warnings;                            // odd, and no reason to stop
    bool is_file_broken = false;  // it could not be read as a whole: the values mean nothing
    // Where the value comes from, for a message: "kontor.toml:12", "default of https.port".
    [[nodiscard]] std::string where(std::string_view key) const;
    [[nodiscard]] bool is_set(std::string_view key) const { return origins.find(key) != origins.end(); }
};

struct SettingSources {
    std::string file;                                              // "" : none
    std::vector<std::pair<std::string, std::string>> environment;  // only names with the prefix KONTOR_
    std::vector<std::string> assignments;                          // "key=value" of flags
};
// All problems of all sources; `settings` is usable only when it is empty.
[[nodiscard]] std::vector<Problem> load_settings(const SettingSources& sources, Settings& settings,
                                                 LoadNotes* notes = nullptr);
// "a, b" as its parts, without spaces and empty ones.
[[nodiscard]] std::vector<std::string> split_list(const std::string& list);
// The KONTOR_ variables of this process.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> kontor_environment();
// The commented TOML file that the package installs: every key with its default.
[[nodiscard]] std::string example_file();
[[nodiscard]] std::string environment_name(std::string_view key);  // "https.port" -> "KONTOR_HTTPS_PORT"

}  // namespace kontor::app
